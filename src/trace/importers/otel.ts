/**
 * OpenTelemetry spans of GenAI calls: as OTLP JSON (`resourceSpans`), one span a line, or a list. Messages stand in the attributes
 * `gen_ai.input.messages` and `gen_ai.output.messages`, in older versions in events `gen_ai.*.message` and `gen_ai.choice`.
 */
import { conversation, isWritten } from './conversation';
import type { RecordImporter } from './importer';
import { parseJson, type JsonObject } from './json';
import { MAX_SAMPLES, refuse } from './limits';
import { plainSample, type Sample } from './sample';
import { field, inLine, isObject, listAt, numberAt, stringAt } from './values';

const PREFIX = 'gen_ai.';
/** Providers whose reasoning parts hold summaries, because their APIs give nothing else. */
const SUMMARISING = /openai/i;

export const otel: RecordImporter = {
	kind: 'record',
	name: 'otel-genai',
	label: 'OpenTelemetry GenAI spans',
	matches: (record) => spansOf(record).some((span) => [...attributesOf(span).keys()].some((key) => key.startsWith(PREFIX))),
	read: (record, id) =>
		spansOf(record)
			.map((span) => read(span, id))
			.filter((sample) => sample !== undefined),
};

function spansOf(record: JsonObject): JsonObject[] {
	const scopes = [record, ...listAt(record, 'resourceSpans')].flatMap((resource) => [resource, ...listAt(resource, 'scopeSpans')]);
	const spans = scopes.flatMap((scope) => listAt(scope, 'spans'));
	if (spans.length > MAX_SAMPLES) {
		refuse(`it has more than ${MAX_SAMPLES} spans`, 'split it');
	}
	return (spans.length > 0 ? spans : [record]).filter(isObject);
}

/** Attributes of a span or an event: OTLP's list of typed values, or the object that SDKs print. */
function attributesOf(holder: unknown): ReadonlyMap<string, unknown> {
	const attributes = field(holder, 'attributes');
	if (Array.isArray(attributes)) {
		return new Map(attributes.map((one) => [stringAt(one, 'key') ?? '', anyValue(field(one, 'value'))]));
	}
	return new Map(isObject(attributes) ? Object.entries(attributes) : []);
}

/** OTLP's AnyValue. */
function anyValue(value: unknown): unknown {
	if (!isObject(value)) {
		return value;
	}
	const entry = Object.entries(value)[0];
	switch (entry?.[0]) {
		case 'arrayValue':
			return listAt(entry[1], 'values').map(anyValue);
		case 'kvlistValue':
			return Object.fromEntries(listAt(entry[1], 'values').map((one) => [stringAt(one, 'key') ?? '', anyValue(field(one, 'value'))]));
		case 'intValue':
			return Number(entry[1]);
		default:
			return entry?.[1];
	}
}

/** Undefined for spans that hold no message of the model. */
function read(span: JsonObject, id: string): Sample | undefined {
	const attributes = attributesOf(span);
	const provider = inLine(attributes.get('gen_ai.provider.name') ?? attributes.get('gen_ai.system') ?? '');
	const model = attributes.get('gen_ai.response.model') ?? attributes.get('gen_ai.request.model');
	const named = typeof model === 'string' ? model : undefined;
	const messages = [...exchanged(attributes), ...eventMessages(span)];
	const shaped = messages.map((message) => shape(message, SUMMARISING.test(provider)));
	if (!shaped.some(isWritten)) {
		return undefined;
	}
	const { prompt, turns, notes } = conversation(shaped, { model: named }, () => undefined);
	const number = (name: string) => numberAt({ value: attributes.get(name) }, 'value');
	return {
		...plainSample(stringAt(span, 'spanId') ?? stringAt(span, 'span_id') ?? stringAt(span, 'context', 'span_id') ?? id, prompt, turns),
		model: named,
		producer: provider === '' ? undefined : provider,
		created: fromNanoseconds(field(span, 'startTimeUnixNano')) ?? stringAt(span, 'start_time'),
		sampling: {
			temperature: number('gen_ai.request.temperature'),
			topP: number('gen_ai.request.top_p'),
			seed: number('gen_ai.request.seed'),
			maxTokens: number('gen_ai.request.max_tokens'),
		},
		state: inLine(attributes.get('gen_ai.response.finish_reasons') ?? '').includes('length') ? 'limit' : 'done',
		notes,
	};
}

function fromNanoseconds(value: unknown): string | undefined {
	const date = new Date(Number(value) / 1e6);
	return value === undefined || Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** Everything that went in and came out. */
function exchanged(attributes: ReadonlyMap<string, unknown>): unknown[] {
	const system = structured(attributes.get('gen_ai.system_instructions'));
	const messages = ['gen_ai.input.messages', 'gen_ai.output.messages'].flatMap((name) => structured(attributes.get(name)));
	return system.length > 0 ? [{ role: 'system', parts: system }, ...messages] : messages;
}

/** A list, or the JSON text of one where an exporter has no structured values. */
function structured(value: unknown): readonly unknown[] {
	if (Array.isArray(value)) {
		return value;
	}
	try {
		const parsed = parseJson(new TextEncoder().encode(typeof value === 'string' ? value : '[]'), 'an attribute');
		return Array.isArray(parsed) ? parsed : [parsed];
	} catch {
		// Plain text: no messages.
		return [];
	}
}

const EVENT = /^gen_ai\.(system|user|assistant|tool)\.message$|^gen_ai\.(choice)$/;

function eventMessages(span: JsonObject): unknown[] {
	return listAt(span, 'events').flatMap((event): unknown[] => {
		const name = stringAt(event, 'name') ?? '';
		const attributes = attributesOf(event);
		const match = EVENT.exec(name);
		if (!match) {
			return exchanged(attributes);
		}
		const [body] = structured(attributes.get('gen_ai.event.content'));
		const message = attributes.get('message');
		const inner = isObject(message) ? message : typeof message === 'string' ? structured(message)[0] : (body ?? Object.fromEntries(attributes));
		return [{ ...(isObject(inner) ? inner : { content: inner }), role: match[2] ? 'assistant' : match[1] }];
	});
}

/** Parts of the GenAI conventions as the parts that `conversation.ts` reads. */
function shape(message: unknown, summarises: boolean): unknown {
	const parts = field(message, 'parts');
	if (!Array.isArray(parts)) {
		return message;
	}
	const content = parts.map((part): unknown => {
		const text = stringAt(part, 'content') ?? '';
		switch (stringAt(part, 'type')) {
			case 'text':
				return { type: 'text', text };
			case 'reasoning':
			case 'thinking':
				return summarises
					? { type: 'reasoning', summary: text }
					: // Of Claude the model's name tells whether it is a summary.
						{ type: 'thinking', thinking: text };
			case 'tool_call':
				return { type: 'tool_use', name: field(part, 'name'), input: field(part, 'arguments') };
			case 'tool_call_response':
				return { type: 'text', text: inLine(field(part, 'response') ?? field(part, 'result') ?? '') };
			default:
				return part;
		}
	});
	return { role: stringAt(message, 'role'), content };
}
