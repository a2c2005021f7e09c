/** OpenThoughts and data sets in ShareGPT's shape: `conversations: [{from, value}]`, with the reasoning between tags. */
import { conversation } from './conversation';
import type { RecordImporter } from './importer';
import { plainSample } from './sample';
import { listAt, stringAt } from './values';

const ROLES: ReadonlyMap<string, string> = new Map([
	['gpt', 'assistant'],
	['assistant', 'assistant'],
	['human', 'user'],
	['user', 'user'],
	['system', 'system'],
]);

export const openThoughts: RecordImporter = {
	kind: 'record',
	name: 'openthoughts',
	label: 'OpenThoughts data set',
	matches: (record) => listAt(record, 'conversations').some((turn) => stringAt(turn, 'from') !== undefined && stringAt(turn, 'value') !== undefined),
	read: (record, id) => {
		const system = stringAt(record, 'system');
		const messages = [
			...(system ? [{ role: 'system', content: system }] : []),
			...listAt(record, 'conversations').map((turn) => ({
				role: ROLES.get(stringAt(turn, 'from') ?? '') ?? 'user',
				content: stringAt(turn, 'value') ?? '',
			})),
		];
		const { prompt, turns, notes } = conversation(messages, {}, () => undefined);
		return [{ ...plainSample(stringAt(record, 'id') ?? id, prompt, turns), notes }];
	},
};
