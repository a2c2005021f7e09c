/**
 * The models that were added on this machine. Those that were made from an export have a folder of their own below the user's home; a
 * model folder that lies elsewhere is registered: a record there names its path, and nothing of it is copied. On the caller's side, and in
 * the child, which adds them.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { readdir, readFile, realpath, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { EngineError, quoted } from '../error';
import { folderRecord, home, placeRecord } from './home';
import { MAX_MANIFEST_BYTES } from '../model/manifest';
import { writeRecord } from './record';

const MANIFEST = 'model.json';
/** What a removed model's manifest is called where the user has edited it. */
const PUT_ASIDE = 'model.json.removed';
/** What is made of an export, beside the manifest. */
const MADE = new Set(['body.onnx', 'head.onnx', 'tokenizer.json', 'chat.json']);
const RECORD = '.json';
/** A name is part of a path: no separator, no `..`, nothing hidden. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$/;
/** Hex digits of a folder's hash in a name: as many as the folders of made models have. */
const DIGITS = 8;

export interface ModelEntry {
	/** What `neuralese.model`, `--model` and a prompt's header take. */
	id: string;
	folder: string;
	name: string;
	description: string;
}

export function addedFolder(): string {
	return join(home(), 'models');
}

/** By name. A registered folder that is gone is among them, so that it can be removed. */
export async function addedModels(): Promise<ModelEntry[]> {
	const made = await modelsIn(addedFolder());
	const records = (await readdir(registeredFolder()).catch(() => [])).filter((name) => name.endsWith(RECORD));
	const registered = await Promise.all(
		records.map(async (file): Promise<ModelEntry[]> => {
			const id = file.slice(0, -RECORD.length);
			const folder = registeredAt(id);
			return folder === undefined ? [] : [{ ...((await readEntry(folder)) ?? gone(folder)), id }];
		}),
	);
	return [...made, ...registered.flat()].sort((a, b) => a.id.localeCompare(b.id));
}

/** Names alone, for a sentence. */
export function addedNames(): string[] {
	return [...namesIn(addedFolder()), ...entriesOf(registeredFolder()).flatMap((name) => (name.endsWith(RECORD) ? [name.slice(0, -RECORD.length)] : []))].sort();
}

export function namesIn(folder: string): string[] {
	return entriesOf(folder).filter((name) => !name.startsWith('.') && isThere(join(folder, name, MANIFEST)));
}

/** The models that lie side by side in a folder, by name. */
export async function modelsIn(folder: string): Promise<ModelEntry[]> {
	const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
	// What is hidden is being made.
	const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => join(folder, name));
	const models = (await Promise.all(folders.map(readEntry))).filter((model) => model !== undefined);
	return models.sort((a, b) => a.id.localeCompare(b.id));
}

/** The folder of an added model; undefined where there is none of that name. */
export function findAdded(name: string): string | undefined {
	if (!NAME.test(name)) {
		return undefined;
	}
	const made = join(addedFolder(), name);
	return isThere(join(made, MANIFEST)) ? made : registeredAt(name);
}

/** The name under which a model is in the list, where it is put if it was not. `id`: its manifest's. */
export async function register(folder: string, id: string): Promise<string> {
	const path = await realpath(folder);
	if (dirname(path) === (await realpath(addedFolder()).catch(() => undefined))) {
		return basename(path);
	}
	const name = `${id}-${createHash('sha256').update(path).digest('hex').slice(0, DIGITS)}`;
	await writeRecord(join(registeredFolder(), `${name}${RECORD}`), { folder: path }, 'That the model was added');
	return name;
}

/** Whether `model`, as a setting names it, may be the model with this id: its own name, or the name under which it was registered. */
export function isNameOf(model: string, id: string): boolean {
	return model === id || (model.startsWith(`${id}-`) && /^[0-9a-f]{8}$/.test(model.slice(id.length + 1)));
}

/**
 * Takes a model off the list. Files of the user's are never deleted: a registered folder stays as it is, the export that a model was made from
 * too; of a made folder what was made goes, but for a manifest that was edited, which is put aside, and what else lies there.
 * False where there is no such model.
 */
export async function unregister(name: string): Promise<boolean> {
	const folder = findAdded(name);
	if (folder === undefined) {
		return false;
	}
	try {
		await (dirname(folder) === addedFolder() ? removeMade(folder) : rm(join(registeredFolder(), `${name}${RECORD}`), { force: true }));
	} catch (error) {
		const { code, message } = error as NodeJS.ErrnoException;
		throw new EngineError(`The model cannot be removed from ${quoted(home())} (${code ?? message}): check the rights of that folder.`, 'cannot-write');
	}
	return true;
}

async function removeMade(folder: string): Promise<void> {
	const manifest = join(folder, MANIFEST);
	const place = await unedited(folder);
	if (place === undefined) {
		// Under its own name again it is the model that it was: the graphs, and the record of the folder, stay.
		return rename(manifest, join(folder, PUT_ASIDE));
	}
	const noted = folderRecord(await realpath(folder));
	await rm(manifest);
	for (const made of MADE) {
		await rm(join(folder, made), { force: true });
	}
	await rm(place, { force: true });
	await rm(noted, { force: true });
	// Probes of the user's may be in it.
	await rmdir(folder).catch(() => undefined);
}

/** Moves what the user has put into a made folder, or edited there, to the one that takes its place. */
export async function salvage(from: string, to: string): Promise<void> {
	const edited = isThere(join(from, MANIFEST)) && (await unedited(from)) === undefined;
	for (const name of await readdir(from)) {
		if (edited && name === MANIFEST) {
			await rename(join(from, name), join(to, PUT_ASIDE));
		} else if (name !== MANIFEST && !MADE.has(name) && !(edited && name === PUT_ASIDE)) {
			await rename(join(from, name), join(to, name));
		}
	}
}

/** The record of the made folder's manifest, which is there where that was not edited. */
async function unedited(folder: string): Promise<string | undefined> {
	const place = placeRecord(createHash('sha256').update(await readFile(join(folder, MANIFEST))).digest('hex'));
	return isThere(place) ? place : undefined;
}

/** Name and description for a list; whether the folder is a sound model is the engine's to say. */
export async function readEntry(folder: string): Promise<ModelEntry | undefined> {
	const path = join(folder, MANIFEST);
	const size = (await stat(path).catch(() => undefined))?.size;
	if (size === undefined || size > MAX_MANIFEST_BYTES) {
		return undefined;
	}
	try {
		const manifest: unknown = JSON.parse(await readFile(path, 'utf8'));
		const text = (key: 'name' | 'description') => {
			const value = (manifest as Record<string, unknown> | null)?.[key];
			return typeof value === 'string' ? value : '';
		};
		return { id: basename(folder), folder, name: text('name') || basename(folder), description: text('description') };
	} catch {
		// Edited and not finished: it must not vanish from the list.
		return unusable(folder, 'Its model.json is not JSON: correct it, or remove the model.');
	}
}

function gone(folder: string): ModelEntry {
	return unusable(folder, 'Its folder is not there any more: put it back, or remove the model.');
}

function unusable(folder: string, description: string): ModelEntry {
	return { id: basename(folder), folder, name: basename(folder), description };
}

function registeredFolder(): string {
	return join(home(), 'registered');
}

function registeredAt(name: string): string | undefined {
	try {
		const record: unknown = JSON.parse(readFileSync(join(registeredFolder(), `${name}${RECORD}`), 'utf8'));
		const folder = (record as { folder?: unknown } | null)?.folder;
		return typeof folder === 'string' ? folder : undefined;
	} catch {
		return undefined;
	}
}

function entriesOf(folder: string): string[] {
	try {
		return readdirSync(folder).sort();
	} catch {
		return [];
	}
}

function isThere(path: string): boolean {
	try {
		return statSync(path).isFile();
	} catch {
		return false;
	}
}
