/** OpenAI's Responses API: `output` is a list of items, of which `reasoning` holds a summary, or the text of open models, or neither. */
import { requestOf, responseOf, samplingOf } from './chatCompletion';
import { messageText, withheld, writtenParts } from './conversation';
import type { RecordImporter } from './importer';
import { loggedTokens } from './logprobs';
import { plainSample, type LoggedToken, type Part, type Turn } from './sample';
import { field, fromSeconds, listAt, numberAt, stringAt } from './values';

const ITEMS = ['message', 'reasoning', 'function_call'];

export const openaiResponses: RecordImporter = {
	kind: 'record',
	name: 'openai-responses',
	label: 'OpenAI Responses API',
	matches: (record) => {
		const response = responseOf(record);
		return listAt(response, 'output').some((item) => ITEMS.includes(stringAt(item, 'type') ?? '')) || stringAt(response, 'object') === 'response';
	},
	read: (record, id) => {
		const response = responseOf(record);
		const { request } = requestOf(record);
		const model = stringAt(response, 'model') ?? stringAt(request, 'model');
		const notes: string[] = [];
		const turns = listAt(response, 'output').map((item): Turn => {
			const read = itemParts(item, model);
			notes.push(...read.notes);
			return read.turn;
		});
		const hidden = numberAt(response, 'usage', 'output_tokens_details', 'reasoning_tokens') ?? 0;
		if (hidden > 0 && !turns.some(({ parts }) => parts.some(({ kind }) => kind === 'reasoning' || kind === 'summary' || kind === 'redacted'))) {
			notes.push(`The model used ${hidden} reasoning tokens that the file does not hold.`);
		}
		return [
			{
				...plainSample(stringAt(record, 'custom_id') ?? stringAt(response, 'id') ?? id, inputText(response, request), turns),
				model,
				created: fromSeconds(numberAt(response, 'created_at')),
				sampling: samplingOf(response),
				state: stringAt(response, 'status') === 'incomplete' ? 'limit' : 'done',
				notes,
			},
		];
	},
};

function itemParts(item: unknown, model: string | undefined): { turn: Turn; notes: string[] } {
	const one = (kind: Part['kind'], text: string) => ({ turn: { parts: [{ kind, text }] }, notes: [] });
	switch (stringAt(item, 'type')) {
		case 'reasoning':
			return { turn: { parts: reasoningParts(item) }, notes: [] };
		case 'message': {
			const { parts, notes } = writtenParts(item, { model });
			return { turn: { parts, tokens: logged(item) }, notes };
		}
		case 'function_call':
			return one('call', `${stringAt(item, 'name') ?? 'unknown tool'}(${stringAt(item, 'arguments') ?? ''})`);
		case 'function_call_output':
			return one('input', stringAt(item, 'output') ?? messageText({ content: field(item, 'output') }));
		default:
			return one('call', stringAt(item, 'type') ?? 'unknown item');
	}
}

/** Open models give the text itself; of the others there is a summary, if it was asked for, and an encrypted copy. */
function reasoningParts(item: unknown): Part[] {
	const texts = (name: string) => listAt(item, name).map((part) => stringAt(part, 'text') ?? '').filter((text) => text !== '');
	const [content, summary] = [texts('content'), texts('summary')];
	if (content.length > 0) {
		return [{ kind: 'reasoning', text: content.join('\n') }];
	}
	return summary.length > 0 ? summary.map((text): Part => ({ kind: 'summary', text })) : [withheld(stringAt(item, 'encrypted_content'))];
}

function logged(item: unknown): LoggedToken[] | undefined {
	const all = listAt(item, 'content').flatMap((part) => listAt(part, 'logprobs'));
	return loggedTokens(all);
}

function inputText(response: unknown, request: unknown): string {
	const input = field(request, 'input') ?? field(response, 'input');
	const instructions = stringAt(response, 'instructions') ?? stringAt(request, 'instructions');
	const text = typeof input === 'string' ? input : Array.isArray(input) ? input.map(messageText).join('\n\n') : '';
	return [instructions, text].filter((one) => one).join('\n\n');
}
