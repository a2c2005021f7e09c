/** A decoder as it was exported: its graph, its tokenizer and what its configuration says, found on the disk. */
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import * as v from 'valibot';
import { findChat, type ChatFile } from './chat';
import { EngineError, quoted } from '../error';
import { COMPANIONS, THINKING_FIELDS, type ThinkingField } from './proposal';

/** Folders that hold a model's graphs and not its other files. */
const GRAPH_FOLDERS = new Set(['onnx']);
/** Graphs that are no decoder. */
const BESIDE: ReadonlySet<string> = new Set(Object.values(COMPANIONS));
/** Of several graphs in one folder the first of these is taken. */
const PREFERRED = ['model.onnx', 'decoder_model_merged.onnx', 'decoder_with_past_model.onnx'];
export const TOKENIZER = 'tokenizer.json';
/** What is there instead in older models: SentencePiece's binary, or the parts that `tokenizer.json` is made of. */
const OLDER_TOKENIZERS = ['tokenizer.model', 'sentencepiece.bpe.model', 'spiece.model', 'vocab.json', 'vocab.txt'];
/** Configurations are a few kilobytes. */
const MAX_CONFIG = 1 << 20;
/** As manifests have it. */
const MAX_CONTEXT = 1_000_000;
/** The positions that a model without a word about them is run with. */
const DEFAULT_CONTEXT = 1024;

// What is not understood is as good as absent.
const count = v.fallback(v.nullish(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_CONTEXT))), undefined);
const ids = v.fallback(v.nullish(v.union([v.number(), v.array(v.number())])), undefined);
const family = v.fallback(v.nullish(v.pipe(v.string(), v.maxLength(100))), undefined);
/** The parts that are used; exporters and model families differ in how they call them. */
const config = v.object({
	model_type: family,
	max_position_embeddings: count,
	n_positions: count,
	n_ctx: count,
	num_attention_heads: count,
	n_head: count,
	num_key_value_heads: count,
	head_dim: count,
	hidden_size: count,
	n_embd: count,
	eos_token_id: ids,
	...(Object.fromEntries(THINKING_FIELDS.map((name) => [name, count])) as Record<ThinkingField, typeof count>),
});
export type Config = v.InferOutput<typeof config>;

export interface Source {
	/** Of the graph, without links. */
	graph: string;
	/** Where the graph was found, links and all: its weights are beside it. */
	folder: string;
	/** What the model is called after. */
	name: string;
	tokenizer: string;
	config: Config;
	/** The template that its conversations were written with; absent where there is none. */
	chat?: ChatFile;
}

/** The graph that a path names: itself, or the one that the folder holds. Undefined where there is none. */
export async function findGraph(path: string): Promise<string | undefined> {
	const given = resolve(path);
	return (await isFolder(given)) ? graphIn(given) : given.endsWith('.onnx') && (await isFile(given)) ? given : undefined;
}

/** `file`: of `findGraph`. `tokenizer`: a folder with a tokenizer.json, or the file itself. */
export async function findSource(file: string, tokenizer: string | undefined): Promise<Source> {
	// Beside the name that was given: a cache keeps each file's content elsewhere.
	const folder = dirname(file);
	const folders = GRAPH_FOLDERS.has(basename(folder)) ? [folder, dirname(folder)] : [folder];
	return {
		graph: await realpath(file),
		folder,
		name: nameOf(file),
		tokenizer: await findTokenizer(folders, tokenizer),
		config: await readConfig(folders),
		chat: await findChat(folders),
	};
}

async function graphIn(folder: string): Promise<string | undefined> {
	for (const place of [folder, ...[...GRAPH_FOLDERS].map((name) => join(folder, name))]) {
		const names = (await readdir(place).catch(() => [])).filter((name) => name.endsWith('.onnx') && !BESIDE.has(name)).sort();
		const name = PREFERRED.find((one) => names.includes(one)) ?? (names.length === 1 ? names[0] : undefined);
		if (name !== undefined) {
			return join(place, name);
		}
		if (names.length > 1) {
			throw new EngineError(
				`The folder has several graphs (${names.join(', ').slice(0, 300)}): name one of the files.`,
				'bad-model',
			);
		}
	}
	return undefined;
}

async function findTokenizer(folders: readonly string[], given: string | undefined): Promise<string> {
	const candidates =
		given === undefined ? folders.map((folder) => join(folder, TOKENIZER)) : [resolve(given), join(resolve(given), TOKENIZER)];
	for (const candidate of candidates) {
		if (await isFile(candidate)) {
			return realpath(candidate);
		}
	}
	const looked = given === undefined ? folders : [resolve(given)];
	const older = (await Promise.all(looked.flatMap((folder) => OLDER_TOKENIZERS.map((name) => join(folder, name))).map(isFile)))
		.map((isThere, i) => (isThere ? OLDER_TOKENIZERS[i % OLDER_TOKENIZERS.length] : undefined))
		.find((name) => name !== undefined);
	const where = given === undefined ? 'beside the graph' : `at ${quoted(given)}`;
	const advice =
		given === undefined ? 'put one there, or name its folder (--tokenizer, or Add Model… in the editor)' : 'name a folder that has one';
	throw new EngineError(
		older === undefined
			? `There is no ${TOKENIZER} ${where}: ${advice}.`
			: `There is no ${TOKENIZER} ${where}, only ${older}, which Python's transformers converts: ` +
					'AutoTokenizer.from_pretrained(FOLDER, use_fast=True).save_pretrained(FOLDER).',
		given === undefined ? 'no-tokenizer' : 'bad-model',
	);
}

/** A model without configuration is run with what its graph says. */
export async function readConfig(folders: readonly string[]): Promise<Config> {
	for (const folder of folders) {
		const path = join(folder, 'config.json');
		const size = (await stat(path).catch(() => undefined))?.size ?? Infinity;
		if (size <= MAX_CONFIG) {
			const parsed = v.safeParse(config, parseJson(await readFile(path, 'utf8')));
			if (parsed.success) {
				return parsed.output;
			}
		}
	}
	return {};
}

function parseJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

/** The repository's name in a hub's cache, else the folder's. */
function nameOf(file: string): string {
	const parts = file.split(/[\\/]/).slice(0, -1);
	const cached = parts
		.find((part) => part.startsWith('models--'))
		?.split('--')
		.at(-1);
	const name = cached ?? parts.filter((part) => !GRAPH_FOLDERS.has(part)).at(-1) ?? basename(file, '.onnx');
	return (
		name
			.replace(/[^A-Za-z0-9._-]+/g, '-')
			.replace(/^[^A-Za-z0-9]+/, '')
			.slice(0, 60) || 'model'
	);
}

/** Positions that the model was made for. */
export function contextOf({ max_position_embeddings, n_positions, n_ctx }: Config): number {
	return max_position_embeddings ?? n_positions ?? n_ctx ?? DEFAULT_CONTEXT;
}

/** Key/value heads and their width, for graphs that do not say; 0 where the configuration does not either. */
export function headsOf(found: Config): { heads: number; headWidth: number } {
	const queries = found.num_attention_heads ?? found.n_head ?? 0;
	const width = found.hidden_size ?? found.n_embd ?? 0;
	return {
		heads: found.num_key_value_heads ?? queries,
		headWidth: found.head_dim ?? (queries > 0 ? width / queries : 0),
	};
}

export async function isFile(path: string): Promise<boolean> {
	return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

export async function isFolder(path: string): Promise<boolean> {
	return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
