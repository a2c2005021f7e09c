/** A model's chat template: found beside an export, kept in the model's folder, rendered here because it is a program of anybody's. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { ChatTemplateError, MAX_TEMPLATE, renderChat, type ChatTemplate } from '../../prompts/chat';
import type { Message } from '../../prompts/prompt';
import type { Rendered } from '../api';
import { EngineError, quoted } from '../error';
import type { Model } from '../model/model';

export const CHAT_NAME = 'chat.json';
/** A tokenizer's configuration lists its added tokens: a few hundred kilobytes at most. */
const MAX_CONFIG = 4 << 20;
const CONFIG = 'tokenizer_config.json';
const TEMPLATE = 'chat_template.jinja';
/** Of several templates in a configuration the one for conversations; others are for tools. */
const DEFAULT = 'default';

const token = v.pipe(v.string(), v.maxLength(200));
const chatFile = v.object({
	template: v.pipe(v.string(), v.nonEmpty(), v.maxLength(MAX_TEMPLATE)),
	/** What the template knows as `bos_token` and `eos_token`. */
	bos: v.optional(token),
	eos: v.optional(token),
});
export type ChatFile = v.InferOutput<typeof chatFile>;

// What is not understood is as good as absent.
const added = v.fallback(v.nullish(v.union([v.string(), v.pipe(v.object({ content: v.string() }), v.transform(({ content }) => content))])), undefined);
const template = v.union([v.string(), v.array(v.object({ name: v.string(), template: v.string() }))]);
const config = v.object({ chat_template: v.fallback(v.nullish(template), undefined), bos_token: added, eos_token: added });

/** The template of the first folder that has one: a file of its own goes before the configuration's, as where it is from. */
export async function findChat(folders: readonly string[]): Promise<ChatFile | undefined> {
	for (const folder of folders) {
		const { chat_template: inside, bos_token, eos_token } = await configOf(folder);
		const own = await textOf(join(folder, TEMPLATE));
		const listed = typeof inside === 'string' ? inside : inside?.find(({ name }) => name === DEFAULT)?.template;
		const found = v.safeParse(chatFile, { template: own ?? listed, bos: bos_token ?? undefined, eos: eos_token ?? undefined });
		if (found.success) {
			return found.output;
		}
	}
	return undefined;
}

async function configOf(folder: string): Promise<v.InferOutput<typeof config>> {
	let parsed: unknown;
	try {
		parsed = JSON.parse((await textOf(join(folder, CONFIG))) ?? '');
	} catch {
		parsed = undefined;
	}
	const result = v.safeParse(config, parsed);
	return result.success ? result.output : { chat_template: undefined, bos_token: undefined, eos_token: undefined };
}

async function textOf(path: string): Promise<string | undefined> {
	const found = await stat(path).catch(() => undefined);
	return found?.isFile() && found.size <= MAX_CONFIG ? readFile(path, 'utf8') : undefined;
}

/** The content of a model folder's file. */
export function parseChat(bytes: Uint8Array, name: string): ChatTemplate {
	let parsed: unknown;
	try {
		parsed = JSON.parse(new TextDecoder().decode(bytes));
	} catch {
		parsed = undefined;
	}
	const result = v.safeParse(chatFile, parsed);
	if (!result.success) {
		throw new EngineError(`The model's ${quoted(name)} is no chat template: add or export the model again.`, 'bad-model');
	}
	const { template: source, bos, eos } = result.output;
	return { source, bos, eos };
}

export function rendered({ chat, manifest }: Model, messages: readonly Message[]): Rendered {
	if (!chat) {
		throw new EngineError(`The model ${manifest.id} has no chat template: give it the text itself.`, 'bad-request');
	}
	try {
		return renderChat(chat, messages);
	} catch (error) {
		throw error instanceof ChatTemplateError ? new EngineError(error.message, 'bad-model') : error;
	}
}
