/** What the engine's tests share: the built child, the bundled model, and broken copies of it. */
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { AnalyzeEvent, AnalyzeParams } from '../../../src/engine/api';
import { Engine, type EngineState } from '../../../src/engine/caller/client';
import type { Manifest } from '../../../src/engine/model/manifest';

export const MODULE = 'dist/engine.js';
export const MODEL = 'models/prosqa';

const folders: string[] = [];
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

export async function temporary(): Promise<string> {
	const folder = await mkdtemp(join(tmpdir(), 'engine-'));
	folders.push(folder);
	return folder;
}

/** Runs `body` with an engine of its own. */
export async function withEngine<T>(body: (engine: Engine, states: EngineState['kind'][]) => Promise<T>): Promise<T> {
	const states: EngineState['kind'][] = [];
	const engine = new Engine({ modulePath: MODULE, onStateChange: ({ kind }) => states.push(kind) });
	try {
		return await body(engine, states);
	} finally {
		engine.dispose();
	}
}

export function sha256(data: Uint8Array): string {
	return createHash('sha256').update(data).digest('hex');
}

type Raw = { [K in keyof Manifest]: Manifest[K] } & Record<string, unknown>;

/** A copy of the bundled model that `change` may break. */
export async function modelCopy(change: (folder: string, manifest: Raw) => void | Promise<void> = () => {}): Promise<string> {
	const folder = join(await temporary(), 'model');
	await cp(MODEL, folder, { recursive: true, filter: (path) => !path.includes('train') });
	const path = join(folder, 'model.json');
	const manifest = JSON.parse(await readFile(path, 'utf8')) as Raw;
	await change(folder, manifest);
	await writeFile(path, JSON.stringify(manifest));
	return folder;
}

/** Replaces a file and states its new size and hash, as a careful attacker would. */
export async function replaced(
	folder: string,
	manifest: Raw,
	file: 'body' | 'head' | 'tokenizer',
	bytes: Uint8Array,
): Promise<void> {
	const { name } = manifest.files[file];
	await writeFile(join(folder, name), bytes);
	manifest.files[file] = { name, sha256: sha256(bytes), bytes: bytes.byteLength };
}

/** Adds a probe to a copy of the model. */
export async function withProbe(folder: string, manifest: Raw, name: string, bytes: Uint8Array): Promise<void> {
	await mkdir(join(folder, 'probes'), { recursive: true });
	await writeFile(join(folder, 'probes', name), bytes);
	manifest.probes = [{ name, sha256: sha256(bytes), bytes: bytes.byteLength }];
}

export function request(text: string, more: Partial<AnalyzeParams> = {}): AnalyzeParams {
	return {
		model: MODEL,
		prompt: { name: 'test.prompt.md', format: 'plain', text, pieces: [] },
		options: { seed: 0, temperature: 0, topK: 10 },
		...more,
	};
}

export interface Collected {
	events: AnalyzeEvent[];
	onEvent(event: AnalyzeEvent): void;
}

export function collector(): Collected {
	const events: AnalyzeEvent[] = [];
	return { events, onEvent: (event) => events.push(event) };
}

export { PROMPT } from './prompt';
