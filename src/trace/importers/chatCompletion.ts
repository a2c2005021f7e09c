/** What chat completions of OpenAI's API and of its imitators have in common: one sample for each choice. */
import { conversation, writtenParts } from './conversation';
import type { JsonObject } from './json';
import { loggedTokens } from './logprobs';
import { plainSample, type Sample } from './sample';
import { field, fromSeconds, isObject, listAt, numberAt, stringAt } from './values';

/** Logs wrap the response: beside the request, or as a line of a batch's results. */
export function responseOf(record: JsonObject): JsonObject {
	const inner = [field(record, 'response', 'body'), field(record, 'response'), field(record, 'completion')].find(isObject);
	return inner ?? record;
}

/** The messages that were sent, where the record holds them. */
export function requestOf(record: JsonObject): { messages: readonly unknown[]; request: unknown } {
	const request = [field(record, 'request', 'body'), field(record, 'request'), field(record, 'body')].find(isObject) ?? record;
	return { messages: listAt(request, 'messages'), request };
}

export function choicesOf(record: JsonObject): readonly unknown[] {
	return listAt(responseOf(record), 'choices').filter((choice) => isObject(field(choice, 'message')));
}

export function samplingOf(request: unknown): Sample['sampling'] {
	return {
		temperature: numberAt(request, 'temperature'),
		topP: numberAt(request, 'top_p'),
		seed: numberAt(request, 'seed'),
		maxTokens: numberAt(request, 'max_completion_tokens') ?? numberAt(request, 'max_output_tokens') ?? numberAt(request, 'max_tokens'),
	};
}

export function readChat(record: JsonObject, id: string, producer: string | undefined): Sample[] {
	const response = responseOf(record);
	const { messages, request } = requestOf(record);
	const name = stringAt(record, 'custom_id') ?? stringAt(response, 'id') ?? id;
	const model = stringAt(response, 'model') ?? stringAt(request, 'model');
	const choices = choicesOf(record);
	const before = conversation(messages, { model }, () => undefined);
	return choices.map((choice, i): Sample => {
		const message = field(choice, 'message');
		const { parts, notes } = writtenParts(message, { model });
		const tokens = loggedTokens(field(choice, 'logprobs', 'content'));
		const hidden = numberAt(response, 'usage', 'completion_tokens_details', 'reasoning_tokens') ?? 0;
		const silent = hidden > 0 && parts.every(({ kind }) => kind === 'answer' || kind === 'call');
		return {
			...plainSample(choices.length > 1 ? `${name}/${numberAt(choice, 'index') ?? i}` : name, before.prompt, [...before.turns, { parts, tokens }]),
			model,
			producer,
			created: fromSeconds(numberAt(response, 'created')),
			sampling: samplingOf(request),
			state: stringAt(choice, 'finish_reason') === 'length' ? 'limit' : 'done',
			notes: [...before.notes, ...notes, ...(silent ? [`The model used ${hidden} reasoning tokens that the file does not hold.`] : [])],
		};
	});
}
