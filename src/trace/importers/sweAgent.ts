/** SWE-agent's `.traj`: `{trajectory: [{thought, action, observation, response}], history, info}`; demonstrations have the history only. */
import { isWritten, messageText, promptText, writtenParts } from './conversation';
import type { RecordImporter } from './importer';
import { plainSample, type Turn } from './sample';
import { field, inLine, listAt, stringAt } from './values';

const FIELDS = ['action', 'observation', 'thought'];
const hasThought = (message: unknown) => stringAt(message, 'thought') !== undefined;

export const sweAgent: RecordImporter = {
	kind: 'record',
	name: 'swe-agent',
	label: 'SWE-agent trajectory',
	matches: (record) =>
		listAt(record, 'trajectory').some((step) => FIELDS.some((name) => field(step, name) !== undefined)) ||
		(listAt(record, 'trajectory').length === 0 && listAt(record, 'history').some((message) => isWritten(message) && hasThought(message))),
	read: (record, id) => {
		const history = listAt(record, 'history');
		const first = history.findIndex(isWritten);
		const info = field(record, 'info');
		const model = stringAt(record, 'replay_config', 'agent', 'model', 'name') ?? stringAt(record, 'model');
		const notes = ['The thoughts are what the agent wrote before its actions.'];
		const trajectory = listAt(record, 'trajectory');
		const turns = (trajectory.length > 0 ? trajectory : steps(history.slice(Math.max(first, 0)))).flatMap((step): Turn[] => {
			const blocks = writtenParts({ content: listAt(step, 'thinking_blocks') }, { model });
			notes.push(...blocks.notes);
			const thought = stringAt(step, 'thought')?.trim() ?? '';
			const action = stringAt(step, 'action')?.trim() ?? '';
			const observation = stringAt(step, 'observation') ?? messageText({ content: field(step, 'observation') });
			const said = thought || (action === '' ? (stringAt(step, 'response') ?? '') : '');
			return [
				{ parts: [...blocks.parts, { kind: 'reasoning', text: said }, { kind: 'call', text: action }] },
				{ parts: [{ kind: 'input', text: observation }] },
			];
		});
		const exit = stringAt(info, 'exit_status');
		const known = turns.map(({ parts }) => ({ parts: parts.filter(({ text }) => text !== '') })).filter(({ parts }) => parts.length > 0);
		return [
			{
				...plainSample(stringAt(record, 'instance_id') ?? stringAt(record, 'environment') ?? id, promptText(history.slice(0, Math.max(first, 0))), known),
				producer: 'SWE-agent',
				model,
				scores: exit === undefined ? [] : [{ name: 'exit_status', value: inLine(exit) }],
				state: exit?.startsWith('exit') ? 'limit' : 'done',
				notes,
			},
		];
	},
};

/** Steps as a trajectory has them, from what was said and observed. */
function steps(history: readonly unknown[]): unknown[] {
	return history.map((message) =>
		isWritten(message)
			? { thought: stringAt(message, 'thought'), action: stringAt(message, 'action'), response: messageText(message) }
			: { observation: messageText(message) },
	);
}
