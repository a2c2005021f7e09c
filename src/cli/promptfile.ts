/** A prompt file, as the commands take it. */
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { PromptInput } from '../engine/api';
import { parsePrompt, toPromptInput, type Prompt } from '../prompts/prompt';
import { messageOf, RunError } from './failure';

/** A prompt of a million tokens has about this size; more is not a prompt. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

export interface ReadPrompt {
	prompt: Prompt;
	input: PromptInput;
}

export async function readPrompt(path: string): Promise<ReadPrompt> {
	const name = basename(path);
	const prompt = parsePrompt({ name, text: await readText(path) });
	return { prompt, input: toPromptInput(prompt, name) };
}

export async function readText(path: string): Promise<string> {
	try {
		const found = await stat(path);
		if (!found.isFile()) {
			throw new RunError(`${path} is not a file: name a prompt file.`);
		}
		if (found.size > MAX_FILE_BYTES) {
			throw new RunError(`${path} has ${found.size} bytes, the limit is ${MAX_FILE_BYTES}: name a smaller prompt file.`);
		}
		return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await readFile(path));
	} catch (error) {
		if (error instanceof RunError) {
			throw error;
		}
		const code = (error as NodeJS.ErrnoException).code;
		throw new RunError(
			code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
				? `${path} is not UTF-8 text: name a prompt file.`
				: `${path} cannot be read (${code ?? messageOf(error)}): check the name.`,
		);
	}
}
