/**
 * Messages as the model was trained to read them: its chat template (Jinja, as in `tokenizer_config.json`), rendered with a record of
 * where in the text each message's own characters stand.
 */
import { Template } from '@huggingface/jinja';
import type { Range } from '../shared/range';
import type { PromptRecord } from '../trace/document';
import type { Message, Piece } from './prompt';

/** A template is a few kilobytes; the longest known have 20. */
export const MAX_TEMPLATE = 200_000;
/** Private characters: two that occur nowhere stand around each message while the template is rendered again. */
const PRIVATE = Array.from({ length: 64 }, (_, i) => String.fromCharCode(0xe000 + i));
/** Where all messages together cannot be placed each is tried alone, which renders the template once for each. */
const MAX_ALONE = 64;

export interface ChatTemplate {
	source: string;
	/** What the template knows as `bos_token` and `eos_token`. */
	bos?: string;
	eos?: string;
}

export class ChatTemplateError extends Error {}

/**
 * The text of a conversation, ready for the assistant's turn, and where in it the messages stand. White space that the template takes
 * from a message's ends is left out of its pieces; a message that it changes in any other way has none, and one that it repeats has
 * them at the first place.
 */
export function renderChat(template: ChatTemplate, messages: readonly Message[]): Pick<PromptRecord, 'text' | 'pieces'> {
	const render = parse(template);
	const text = render(messages.map((message) => message.text));
	return { text, pieces: piecesOf(render, messages, text, `${template.source}${template.bos ?? ''}${template.eos ?? ''}`) };

	function parse({ source, bos = '', eos = '' }: ChatTemplate): Render {
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

type Render = (contents: readonly string[]) => string;

/** A stretch of a rendered conversation: the template's own words, or a message as the template shows it. */
type Part = { kind: 'literal'; text: string } | { kind: 'message'; index: number; text: string };

/** The template is rendered again with marks around the messages, so that nothing is guessed. @param given besides the messages. */
function piecesOf(render: Render, messages: readonly Message[], text: string, given: string): Piece[] {
	const known = messages.reduce((all, message) => all + message.text, given);
	const [open, close] = PRIVATE.filter((mark) => !known.includes(mark));
	if (open === undefined || close === undefined) {
		return [];
	}
	// A template may ask whether a message says anything: what is empty or white space stays so.
	const marked = (only?: number) =>
		messages.map((message, i) =>
			(only ?? i) === i && message.text.trim() !== '' ? `${open}${i}${open}${message.text}${close}` : message.text,
		);
	const place = (contents: readonly string[]) => {
		const parts = partsOf(told(render, contents), open, close);
		return parts && placed(parts, messages, text);
	};
	const together = place(marked());
	const alone = messages.length > MAX_ALONE ? [] : messages.flatMap((_, i) => (together ? [] : (place(marked(i)) ?? [])));
	return together ?? alone.sort((a, b) => a.text.start - b.text.start);
}

/** A template that looks into a message may refuse a marked one. */
function told(render: Render, contents: readonly string[]): string {
	try {
		return render(contents);
	} catch (error) {
		if (error instanceof ChatTemplateError) {
			return '';
		}
		throw error;
	}
}

/** Undefined where a mark was taken away. */
function partsOf(rendered: string, open: string, close: string): Part[] | undefined {
	const parts: Part[] = [];
	let done = 0;
	const literal = (end: number) => parts.push({ kind: 'literal', text: rendered.slice(done, end) });
	for (const match of rendered.matchAll(new RegExp(`${open}(\\d+)${open}([^${open}${close}]*)${close}`, 'g'))) {
		literal(match.index);
		parts.push({ kind: 'message', index: Number(match[1]), text: match[2]! });
		done = match.index + match[0].length;
	}
	literal(rendered.length);
	return parts.some(({ kind, text }) => kind === 'literal' && (text.includes(open) || text.includes(close))) ? undefined : parts;
}

/** Undefined where the parts, less white space at the ends of messages, are not all of the text. */
function placed(parts: readonly Part[], messages: readonly Message[], text: string): Piece[] | undefined {
	const pieces: Piece[] = [];
	const seen = new Set<number>();
	let at = 0;
	for (const [i, part] of parts.entries()) {
		if (part.kind === 'literal') {
			if (!text.startsWith(part.text, at)) {
				return undefined;
			}
			at += part.text.length;
			continue;
		}
		const kept = keptOf(part.text, text, at, parts[i + 1]!.text);
		if (!kept) {
			return undefined;
		}
		const message = messages[part.index];
		if (message?.text === part.text && !seen.has(part.index)) {
			seen.add(part.index);
			pieces.push(...moved(message.pieces.flatMap((piece) => cut(piece, kept.start, kept.end)), at - kept.start));
		}
		at += kept.end - kept.start;
	}
	return at === text.length ? pieces : undefined;
}

/** What of a message stands at a place, before what follows: all but white space at its ends, as much of that as fits. */
function keptOf(message: string, text: string, at: number, next: string): Range | undefined {
	const first = message.length - message.trimStart().length;
	const last = message.trimEnd().length;
	for (let start = 0; start <= first; start++) {
		if (text.startsWith(message.slice(start, last), at)) {
			for (let end = message.length; end >= last; end--) {
				const then = at + end - start;
				if (text.startsWith(message.slice(last, end), at + last - start) && text.startsWith(next, then)) {
					return { start, end };
				}
			}
		}
	}
	return undefined;
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

function firstLine(error: unknown): string {
	return (error instanceof Error ? error.message : String(error)).split('\n')[0]!.slice(0, 200);
}
