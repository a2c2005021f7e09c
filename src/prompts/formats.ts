import { copilot } from './copilot';
import { dotprompt } from './dotprompt';
import { plain } from './plain';
import type { Prompt, PromptFile } from './prompt';

export interface Format {
	/** Stored in traces. */
	id: string;
	/** Whether the file has this format. */
	claims(file: Pick<PromptFile, 'name' | 'languageId'>): boolean;
	/** Whether such a file is so likely a prompt that an analysis is offered unasked. */
	offers(file: Pick<PromptFile, 'name' | 'languageId'>): boolean;
	parse(file: PromptFile): Prompt;
}

/** One line a format. The first that claims a file reads it, so the last claims every file. */
export const FORMATS: readonly Format[] = [copilot, dotprompt, plain];
