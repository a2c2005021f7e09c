/**
 * Messages as the model was trained to read them: its chat template (Jinja, as in `tokenizer_config.json`), rendered with a record of
 * where in the text each message's own characters stand.
 */
import { Template } from '@huggingface/jinja';
import type { PromptRecord } from '../trace/document';
import type { Message, Piece } from './prompt';

/** A template is a few kilobytes; the longest known have 20. */
export const MAX_TEMPLATE = 200_000;
/** From a private area of Unicode: stands for a message while the template is rendered, and is looked for afterwards. */
const OPEN = '\uE000';
const CLOSE = '\uE001';

export interface ChatTemplate {
	source: string;
	/** What the template knows as `bos_token` and `eos_token`. */
	bos?: string;
	eos?: string;
}

export class ChatTemplateError extends Error {}

/**
 * The text of a conversation, ready for the assistant's turn. A template that trims or otherwise changes what it is given keeps its
 * text; a message that can no longer be found in it has no pieces.
 */
export function renderChat(template: ChatTemplate, messages: readonly Message[]): Pick<PromptRecord, 'text' | 'pieces'> {
	const render = parse(template);
	const text = render(messages.map((message) => message.text));
	return { text, pieces: marked(render, messages, text) ?? searched(messages, text) };

	function parse({ source, bos = '', eos = '' }: ChatTemplate): (contents: readonly string[]) => string {
		if (source.length > MAX_TEMPLATE) {
			throw new ChatTemplateError(`The chat template has ${source.length} characters, the limit is ${MAX_TEMPLATE}: choose another model.`);
		}
		let parsed: Template;
		try {
			parsed = new Template(source);
		} catch (error) {
			throw new ChatTemplateError(`The chat template cannot be read (${firstLine(error)}): correct it, or choose another model.`);
		}
		return (contents) => {
			try {
				return parsed.render({
					messages: messages.map(({ role }, i) => ({ role, content: contents[i] })),
					bos_token: bos,
					eos_token: eos,
					add_generation_prompt: true,
					tools: null,
				});
			} catch (error) {
				throw new ChatTemplateError(`The chat template refuses these messages (${firstLine(error)}): change their roles or their order.`);
			}
		};
	}
}

/** Exact: the template is rendered again with a mark in each message's place. Undefined where it looks into the messages. */
function marked(render: (contents: readonly string[]) => string, messages: readonly Message[], text: string): Piece[] | undefined {
	if (messages.some((message) => message.text.includes(OPEN))) {
		return undefined;
	}
	const pattern = render(messages.map((_, i) => `${OPEN}${i}${CLOSE}`));
	const pieces: Piece[] = [];
	let filled = '';
	let done = 0;
	for (const match of pattern.matchAll(new RegExp(`${OPEN}(\\d+)${CLOSE}`, 'g'))) {
		filled += pattern.slice(done, match.index);
		done = match.index + match[0].length;
		const message = messages[Number(match[1])]!;
		pieces.push(...moved(message.pieces, filled.length));
		filled += message.text;
	}
	return filled + pattern.slice(done) === text ? ordered(pieces) : undefined;
}

/** Each message after the one before it, without white space around it. */
function searched(messages: readonly Message[], text: string): Piece[] {
	const pieces: Piece[] = [];
	let from = 0;
	for (const message of messages) {
		const content = message.text.trim();
		const at = content === '' ? -1 : text.indexOf(content, from);
		if (at >= 0) {
			const skipped = message.text.indexOf(content);
			const inside = message.pieces.flatMap((piece) => cut(piece, skipped, skipped + content.length));
			pieces.push(...moved(inside, at - skipped));
			from = at + content.length;
		}
	}
	return pieces;
}

function moved(pieces: readonly Piece[], by: number): Piece[] {
	return pieces.map(({ text, file }) => ({ text: { start: text.start + by, end: text.end + by }, file }));
}

/** The part of a piece inside [start, end) of the message's text. */
function cut({ text, file }: Piece, start: number, end: number): Piece[] {
	const from = Math.max(text.start, start);
	const to = Math.min(text.end, end);
	return from < to ? [{ text: { start: from, end: to }, file: { start: file.start + from - text.start, end: file.start + to - text.start } }] : [];
}

/** A template may repeat a message: the first place counts. */
function ordered(pieces: readonly Piece[]): Piece[] {
	const seen = new Set<number>();
	return pieces.filter(({ file }) => seen.size < seen.add(file.start).size);
}

function firstLine(error: unknown): string {
	return (error instanceof Error ? error.message : String(error)).split('\n')[0]!.slice(0, 200);
}
