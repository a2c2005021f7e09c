/**
 * Messages as OpenAI, Anthropic, Inspect and the servers that imitate them write them: a role, and a text or a list of typed parts. What was
 * withheld or summarised never becomes reasoning.
 */
import { MAX_PARTS, refuse } from './limits';
import { hasThinking, splitThinking } from './thinkTags';
import type { LoggedToken, Part, Turn } from './sample';
import { field, inLine, isObject, listAt, stringAt } from './values';

export interface Read {
	parts: Part[];
	notes: string[];
}

/** What a model says about its own reasoning, where that tells whether it is the chain itself. */
export interface Reading {
	/** The model's name: of some it is known that what they show is a summary. */
	model?: string;
}

/** Claude's thinking is a summary in all models but this one, and was not there before it. */
const CLAUDE = /claude/i;
const UNSUMMARISED_CLAUDE = /claude-3-7-sonnet/i;

/** What the model wrote in one message. */
export function writtenParts(message: unknown, reading: Reading): Read {
	const notes: string[] = [];
	const found = [
		...fieldReasoning(message),
		...contentParts(field(message, 'content'), reading, notes),
		...refusal(message),
		...listAt(message, 'tool_calls').map(callPart),
	];
	if (found.length > MAX_PARTS) {
		refuse(`a message has more than ${MAX_PARTS} parts`);
	}
	return { parts: found.filter(({ text }) => text.trim() !== ''), notes };
}

/** Text of a message that the model was given. */
export function messageText(message: unknown): string {
	const content = field(message, 'content');
	if (typeof content === 'string') {
		return content;
	}
	return (Array.isArray(content) ? content : [])
		.map((part) => (typeof part === 'string' ? part : (stringAt(part, 'text') ?? stringAt(part, 'content') ?? medium(part))))
		.join('\n');
}

/** Whether the message is the model's own. */
export function isWritten(message: unknown): boolean {
	return ['assistant', 'model', 'gpt'].includes(stringAt(message, 'role') ?? '');
}

/** A conversation: everything before the model's first message is the prompt; of one message its text, of more with who said it. */
export function conversation(messages: readonly unknown[], reading: Reading, tokensOf: (message: unknown) => LoggedToken[] | undefined) {
	const first = messages.findIndex(isWritten);
	const before = first < 0 ? messages : messages.slice(0, first);
	const turns: Turn[] = [];
	const notes: string[] = [];
	for (const message of first < 0 ? [] : messages.slice(first)) {
		if (isWritten(message)) {
			const read = writtenParts(message, reading);
			turns.push({ parts: read.parts, tokens: tokensOf(message) });
			notes.push(...read.notes);
		} else {
			turns.push({ parts: [{ kind: 'input', text: messageText(message) }] });
		}
	}
	return { prompt: promptText(before), turns, notes };
}

export function promptText(messages: readonly unknown[]): string {
	const [only] = messages;
	return messages.length === 1
		? messageText(only)
		: messages.map((message) => `${stringAt(message, 'role') ?? 'unknown'}: ${messageText(message)}`).join('\n\n');
}

/** `reasoning` is what vLLM calls it now, `reasoning_content` what it and DeepSeek called it; OpenRouter says what kind it is. */
function fieldReasoning(message: unknown): Part[] {
	const details = listAt(message, 'reasoning_details');
	if (details.length > 0) {
		return details.map((detail): Part => {
			const kind = stringAt(detail, 'type') ?? '';
			const text = stringAt(detail, 'text') ?? '';
			return kind === 'reasoning.summary'
				? { kind: 'summary', text: stringAt(detail, 'summary') ?? '' }
				: kind === 'reasoning.encrypted' || text === ''
					? withheld(stringAt(detail, 'data'))
					: { kind: 'reasoning', text };
		});
	}
	const text = stringAt(message, 'reasoning') ?? stringAt(message, 'reasoning_content') ?? '';
	return [{ kind: 'reasoning', text }];
}

function contentParts(content: unknown, reading: Reading, notes: string[]): Part[] {
	if (typeof content === 'string') {
		const tagged = splitThinking(content);
		notes.push(...tagged.notes);
		return tagged.parts;
	}
	return (Array.isArray(content) ? content : []).flatMap((part) => contentPart(part, reading, notes));
}

function contentPart(part: unknown, { model }: Reading, notes: string[]): Part[] {
	const text = stringAt(part, 'text') ?? (typeof part === 'string' ? part : '');
	switch (stringAt(part, 'type')) {
		case 'thinking': {
			const thinking = thinkingText(part);
			const claude = model === undefined ? undefined : CLAUDE.test(model);
			if (claude === undefined && stringAt(part, 'signature') !== undefined) {
				notes.push('The file does not name the model, and most Claude models show a summary of their thinking: it is taken for the thinking itself.');
			}
			if (thinking === '' && stringAt(part, 'signature') !== undefined) {
				return [withheld(stringAt(part, 'signature'))];
			}
			return [{ kind: claude && !UNSUMMARISED_CLAUDE.test(model!) ? 'summary' : 'reasoning', text: thinking }];
		}
		case 'redacted_thinking':
			return [withheld(stringAt(part, 'data'))];
		case 'reasoning':
			return reasoningPart(part);
		case 'tool_use':
			return [callPart(part)];
		case 'tool_result':
			return [{ kind: 'input', text: messageText(part) }];
		default: {
			const tagged = hasThinking(text) ? splitThinking(text) : { parts: [{ kind: 'answer', text: text || medium(part) } as Part], notes: [] };
			notes.push(...tagged.notes);
			return tagged.parts;
		}
	}
}

/** Mistral's parts nest a list of texts. */
function thinkingText(part: unknown): string {
	return (
		stringAt(part, 'thinking') ??
		stringAt(part, 'content') ??
		listAt(part, 'thinking')
			.map((one) => stringAt(one, 'text') ?? '')
			.join('')
	);
}

/** Inspect's part, and OpenTelemetry's, which has only its content. Redacted text is encrypted and is nobody's to read. */
function reasoningPart(part: unknown): Part[] {
	const summary = stringAt(part, 'summary')?.trim() ?? '';
	const text = stringAt(part, 'reasoning') ?? stringAt(part, 'content') ?? '';
	if (field(part, 'redacted') === true) {
		return [summary === '' ? withheld(text) : { kind: 'summary', text: summary }];
	}
	if (text.trim() === '') {
		return summary === '' ? [] : [{ kind: 'summary', text: summary }];
	}
	return [{ kind: 'reasoning', text }];
}

/** Never the text itself: it is encrypted, and shown it would look like neuralese. */
export function withheld(data: string | undefined): Part {
	return { kind: 'redacted', text: data ? `reasoning withheld, ${data.length} characters encrypted` : 'reasoning withheld' };
}

function refusal(message: unknown): Part[] {
	const text = stringAt(message, 'refusal');
	return text === undefined ? [] : [{ kind: 'answer', text }];
}

/** OpenAI's call holds a function, Inspect's and Anthropic's are one. */
function callPart(call: unknown): Part {
	const described = field(call, 'function');
	const named = isObject(described) ? described : call;
	const name = stringAt(named, 'name') ?? stringAt(call, 'function') ?? 'unknown tool';
	const given = field(named, 'arguments') ?? field(call, 'input');
	return { kind: 'call', text: `${name}(${given === undefined ? '' : inLine(given)})` };
}

/** Pictures, sounds and files are named, never loaded. */
function medium(part: unknown): string {
	const kind = stringAt(part, 'type');
	return kind === undefined ? '' : `[${kind}]`;
}
