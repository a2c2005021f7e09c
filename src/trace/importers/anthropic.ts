/** Anthropic's Messages API: `content` is a list of `thinking`, `redacted_thinking`, `text` and `tool_use` blocks. */
import { requestOf, responseOf, samplingOf } from './chatCompletion';
import { conversation, messageText, writtenParts } from './conversation';
import type { RecordImporter } from './importer';
import type { JsonObject } from './json';
import { plainSample } from './sample';
import { field, listAt, stringAt } from './values';

const THINKING = ['thinking', 'redacted_thinking'];

const hasBlocks = (message: unknown) => listAt(message, 'content').some((block) => THINKING.includes(stringAt(block, 'type') ?? ''));

function isResponse(record: JsonObject): boolean {
	const response = responseOf(record);
	const isMessage = stringAt(response, 'type') === 'message' && stringAt(response, 'role') === 'assistant';
	return Array.isArray(field(response, 'content')) && (isMessage || hasBlocks(response));
}

export const anthropic: RecordImporter = {
	kind: 'record',
	name: 'anthropic-messages',
	label: 'Anthropic message with thinking blocks',
	matches: (record) => isResponse(record) || requestOf(record).messages.some(hasBlocks),
	read: (record, id) => {
		const response = responseOf(record);
		const { messages, request } = requestOf(record);
		const model = stringAt(response, 'model') ?? stringAt(request, 'model');
		const system = field(request, 'system');
		const before = conversation(messages, { model }, () => undefined);
		const written = isResponse(record) ? writtenParts(response, { model }) : { parts: [], notes: [] };
		const prompt = [system === undefined ? '' : messageText({ content: system }), before.prompt].filter((text) => text !== '').join('\n\n');
		const turns = written.parts.length > 0 ? [...before.turns, { parts: written.parts }] : before.turns;
		return [
			{
				...plainSample(stringAt(response, 'id') ?? stringAt(record, 'id') ?? id, prompt, turns),
				model,
				sampling: samplingOf(request),
				state: stringAt(response, 'stop_reason') === 'max_tokens' ? 'limit' : 'done',
				notes: [...before.notes, ...written.notes],
			},
		];
	},
};
