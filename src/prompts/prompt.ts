import type { Range } from '../shared/range';
import type { PromptRecord } from '../trace/document';
import { FORMATS } from './formats';

/** What an editor or a file system knows about a prompt file. */
export interface PromptFile {
	/** Base name; may be empty for an untitled editor. */
	name: string;
	/** The editor's language id. */
	languageId?: string;
	text: string;
}

/** Text of equal length in the prompt and in its file: character i of one is character i of the other. */
export type Piece = PromptRecord['pieces'][number];

export interface Message {
	role: 'system' | 'user' | 'assistant';
	/** With `\n` for every line end of the file. */
	text: string;
	/** Where `text` stands in the file; ascending, and without the `\r` of `\r\n`. */
	pieces: Piece[];
}

/** What a prompt file may say about its run. What it does not say is absent. */
export interface PromptSettings {
	model?: string;
	latents?: number;
	/** Over depth, of models that loop. */
	loops?: number;
	/** Scale of the thoughts' noise. */
	noise?: number;
	arms?: string[];
	/** What thoughts may read as, where the task's structure is not known. */
	candidates?: string[];
	maxTokens?: number;
	/** 0 is greedy. */
	temperature?: number;
	seed?: number;
	/** Whether messages are written as the model's chat template does, where it has one: `auto` where absent. */
	chatTemplate?: 'auto' | 'off';
}

/** The normal form of every prompt format. */
export interface Prompt {
	/** Id of the format, for example `copilot`. */
	format: string;
	name?: string;
	description?: string;
	messages: Message[];
	/** Template expressions in the text, as they stand there and to the model, each once. */
	variables: string[];
	settings: PromptSettings;
	/** Keys of the header that mean nothing here. */
	unknown: ReadonlyMap<string, unknown>;
	/** One sentence each. A prompt is never refused for its header. */
	warnings: string[];
}

/** Reads a file in the first format that claims it; any text is at least plain text. */
export function parsePrompt(file: PromptFile): Prompt {
	return FORMATS.find((format) => format.claims(file))!.parse(file);
}

/** Whether the file's name or language says that it is a prompt, so that an analysis may be offered without being asked. */
export function isPromptFile(file: Pick<PromptFile, 'name' | 'languageId'>): boolean {
	return FORMATS.some((format) => format.offers(file));
}

/**
 * What a model without a chat template is given: the text of the user's messages, a blank line between them, without leading
 * and trailing blank lines. `name` is the file's base name.
 */
export function toPromptInput(prompt: Prompt, name: string): Omit<PromptRecord, 'sha256'> {
	let text = '';
	const pieces: Piece[] = [];
	for (const message of prompt.messages) {
		const kept = withoutBlankLines(message.text);
		if (message.role !== 'user' || kept.start === kept.end) {
			continue;
		}
		text += text === '' ? '' : '\n\n';
		pieces.push(...slicePieces(message.pieces, kept, text.length - kept.start));
		text += message.text.slice(kept.start, kept.end);
	}
	return { name, format: prompt.format, text, pieces };
}

/** What a model with a chat template is given: all messages that say anything, without leading and trailing blank lines. */
export function conversationOf(prompt: Prompt): Message[] {
	return prompt.messages.flatMap(({ role, text, pieces }) => {
		const kept = withoutBlankLines(text);
		return kept.start === kept.end
			? []
			: [{ role, text: text.slice(kept.start, kept.end), pieces: slicePieces(pieces, kept, -kept.start) }];
	});
}

/** The parts of pieces inside a range of the text, moved by `shift` in the text. */
function slicePieces(pieces: readonly Piece[], range: Range, shift: number): Piece[] {
	return pieces.flatMap(({ text, file }) => {
		const start = Math.max(text.start, range.start);
		const end = Math.min(text.end, range.end);
		const offset = file.start - text.start;
		return start < end
			? [{ text: { start: start + shift, end: end + shift }, file: { start: start + offset, end: end + offset } }]
			: [];
	});
}

function withoutBlankLines(text: string): Range {
	const first = text.search(/\S/);
	if (first < 0) {
		return { start: 0, end: 0 };
	}
	const lineEnd = text.indexOf('\n', text.trimEnd().length);
	return { start: text.lastIndexOf('\n', first) + 1, end: lineEnd < 0 ? text.length : lineEnd };
}
