/** Samples of Inspect's logs (inspect_ai, log version 2), which `.eval` and `.json` files have in common. */
import { conversation, promptText } from './conversation';
import { hiddenStates } from './inspectStates';
import type { JsonObject } from './json';
import { loggedTokens } from './logprobs';
import { plainSample, type LoggedToken, type Sample } from './sample';
import { field, inLine, isObject, listAt, numberAt, stringAt } from './values';

/** What a log says about all of its samples. */
export interface InspectHeader {
	model?: string;
	producer: string;
	created?: string;
	sampling: Sample['sampling'];
	/** `started` where the run did not come to its end. */
	status?: string;
}

export const INSPECT_PRODUCER = 'inspect_ai';

/** `log`: the header, or of a log that has none the start of its journal. */
export function inspectHeader(log: unknown): InspectHeader {
	const version = stringAt(log, 'eval', 'packages', INSPECT_PRODUCER);
	// The plan holds what was in force; the model's own settings are under it.
	const setting = (name: string) => numberAt(log, 'plan', 'config', name) ?? numberAt(log, 'eval', 'model_generate_config', name);
	return {
		model: stringAt(log, 'eval', 'model'),
		producer: version === undefined ? INSPECT_PRODUCER : `${INSPECT_PRODUCER} ${version}`,
		created: stringAt(log, 'eval', 'created'),
		status: stringAt(log, 'status'),
		sampling: {
			temperature: setting('temperature'),
			topP: setting('top_p'),
			seed: setting('seed'),
			maxTokens: setting('max_tokens'),
		},
	};
}

/** As Inspect itself names them. */
export function inspectId(sample: unknown): string {
	return `${inLine(field(sample, 'id'))}_epoch_${numberAt(sample, 'epoch') ?? 1}`;
}

export function inspectSample(raw: JsonObject, id: string, header: InspectHeader): Sample {
	const missing = new Set<string>();
	const attachments = field(raw, 'attachments');
	const resolve = (value: unknown) => resolved(value, attachments, missing);
	const messages = listAt({ messages: resolve(field(raw, 'messages')) }, 'messages');
	const output = field(raw, 'output');
	const model = stringAt(output, 'model') || header.model;
	const logged = loggedByMessage(raw);
	const read = conversation(messages, { model }, (message) => logged.get(stringAt(message, 'id') ?? ''));
	const input = resolve(field(raw, 'input'));
	const last = read.turns.findLast(({ parts }) => parts.some(({ kind }) => kind !== 'input'));
	if (last && !last.tokens) {
		last.tokens = loggedTokens(field(output, 'choices', 0, 'logprobs', 'content'));
	}
	const states = hiddenStates(field(output, 'metadata', 'hidden_states'), model ?? '');
	const stop = stringAt(output, 'choices', 0, 'stop_reason');
	const limit = stringAt(raw, 'limit', 'type');
	const error = stringAt(raw, 'error', 'message');
	const asked = typeof input === 'string' ? input : promptText(Array.isArray(input) ? input : []);
	return {
		...plainSample(id, messages.length > 0 ? read.prompt : asked, read.turns),
		model,
		producer: header.producer,
		created: stringAt(raw, 'started_at') ?? header.created,
		target: targetOf(raw),
		scores: scoresOf(raw),
		sampling: header.sampling,
		state: error !== undefined ? 'cancelled' : stop === 'max_tokens' || limit !== undefined ? 'limit' : 'done',
		activations: states.activations,
		notes: [
			...(error === undefined ? [] : [`The sample failed: ${error.split('\n')[0]}`]),
			...(limit === undefined ? [] : [`The sample was stopped by its limit of ${limit}.`]),
			...(missing.size > 0 ? [`${missing.size} texts that the log keeps apart from its messages are missing from it.`] : []),
			...states.notes,
			...read.notes,
		],
	};
}

/** Older logs wrote `tc://`. */
const ATTACHMENT = /^(?:attachment|tc):\/\//;

/** Long texts stand once in `attachments` and are referred to by their hash. */
function resolved(value: unknown, attachments: unknown, missing: Set<string>): unknown {
	if (typeof value === 'string' && ATTACHMENT.test(value)) {
		const key = value.replace(ATTACHMENT, '');
		const text = Array.isArray(attachments) ? field(attachments, Number(key)) : stringAt(attachments, key);
		if (typeof text !== 'string') {
			missing.add(key);
		}
		return typeof text === 'string' ? text : value;
	}
	if (Array.isArray(value)) {
		return value.map((item) => resolved(item, attachments, missing));
	}
	return isObject(value)
		? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolved(item, attachments, missing)]))
		: value;
}

/** Log-probabilities of every model call, by the id of the message that it wrote. */
function loggedByMessage(raw: JsonObject): ReadonlyMap<string, LoggedToken[]> {
	const found = new Map<string, LoggedToken[]>();
	for (const event of listAt(raw, 'events')) {
		const choice = stringAt(event, 'event') === 'model' ? field(event, 'output', 'choices', 0) : undefined;
		const id = stringAt(choice, 'message', 'id');
		const tokens = id === undefined ? undefined : loggedTokens(field(choice, 'logprobs', 'content'));
		if (id !== undefined && tokens) {
			found.set(id, tokens);
		}
	}
	return found;
}

function targetOf(raw: JsonObject): string | undefined {
	const target = field(raw, 'target');
	const text = Array.isArray(target) ? target.map(inLine).join(' | ') : typeof target === 'string' ? target : '';
	return text === '' ? undefined : text;
}

function scoresOf(raw: JsonObject): Sample['scores'] {
	const scores = field(raw, 'scores');
	return isObject(scores) ? Object.entries(scores).map(([name, score]) => ({ name, value: inLine(field(score, 'value')) })) : [];
}
