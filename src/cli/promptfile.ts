/** A prompt file, as the commands take it. */
import { basename } from 'node:path';
import type { PromptInput } from '../engine/api';
import { parsePrompt, toPromptInput, type Prompt } from '../prompts/prompt';
import { readText } from './textfile';

/** A prompt of a million tokens has about this size; more is not a prompt. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

export interface ReadPrompt {
	prompt: Prompt;
	input: PromptInput;
}

export async function readPrompt(path: string): Promise<ReadPrompt> {
	const name = basename(path);
	const prompt = parsePrompt({ name, text: await readText(path, MAX_FILE_BYTES, 'a prompt file') });
	return { prompt, input: toPromptInput(prompt, name) };
}
