/** Model folders: those that come with the extension, and those that the user names. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import * as vscode from 'vscode';
import type { Request } from './settings';

export const DEFAULT_MODEL = 'prosqa';

/** A manifest is a few kilobytes; what is larger is not one, and is not read just to be listed. */
const MANIFEST_LIMIT = 1 << 20;

export interface ModelEntry {
	/** The folder's name, which `neuralese.model` takes for a bundled model. */
	id: string;
	folder: string;
	name: string;
	description: string;
}

export interface ChosenModel {
	/** Absolute path. */
	folder: string;
	label: string;
	/** What the user should know about the choice. */
	note?: string;
}

export class Models {
	private readonly bundledFolder: string;

	constructor(extensionUri: vscode.Uri) {
		this.bundledFolder = vscode.Uri.joinPath(extensionUri, 'models').fsPath;
	}

	async bundled(): Promise<ModelEntry[]> {
		const entries = await readdir(this.bundledFolder, { withFileTypes: true }).catch(() => []);
		const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => this.bundledPath(entry.name));
		const models = (await Promise.all(folders.map(readEntry))).filter((model) => model !== undefined);
		const isDefault = (model: ModelEntry) => Number(model.id === DEFAULT_MODEL);
		return models.sort((a, b) => isDefault(b) - isDefault(a) || a.id.localeCompare(b.id));
	}

	/**
	 * The folder of the model that `request` names: a bundled model's id, an absolute path, or a path relative to the prompt file,
	 * then to the workspace. Prompt files of other tools name hosted models (`model: openai/gpt-4o`): such a name is noted, and
	 * `fallback` is used.
	 */
	async choose(request: Pick<Request, 'model' | 'modelFrom'>, prompt: vscode.Uri, fallback: string): Promise<ChosenModel> {
		const found = await this.find(request.model || DEFAULT_MODEL, prompt);
		if (found) {
			return found;
		}
		if (request.modelFrom === 'prompt' && !isPath(request.model)) {
			const bundled = { folder: this.bundledPath(DEFAULT_MODEL), label: DEFAULT_MODEL };
			const instead = (await this.find(fallback || DEFAULT_MODEL, prompt)) ?? bundled;
			const { model } = request;
			const note = vscode.l10n.t('The prompt names the model "{0}", which is not a local one; {1} was used.', model, instead.label);
			return { ...instead, note };
		}
		// The engine's own check of the folder says what is wrong with it.
		const model = request.model || DEFAULT_MODEL;
		return { folder: resolve(this.bases(prompt)[0] ?? this.bundledFolder, model), label: basename(model) };
	}

	private bundledPath(id: string): string {
		return join(this.bundledFolder, id);
	}

	private async find(model: string, prompt: vscode.Uri): Promise<ChosenModel | undefined> {
		const expanded = model.startsWith('~/') ? join(homedir(), model.slice(2)) : model;
		const candidates = isAbsolute(expanded)
			? [expanded]
			: [...(isPathLike(model) ? [] : [this.bundledPath(model)]), ...this.bases(prompt).map((base) => resolve(base, expanded))];
		for (const folder of candidates) {
			if (await isFile(join(folder, 'model.json'))) {
				return { folder, label: basename(folder) };
			}
		}
		return undefined;
	}

	/** Folders that relative paths start from. */
	private bases(prompt: vscode.Uri): string[] {
		const workspace = (vscode.workspace.getWorkspaceFolder(prompt) ?? vscode.workspace.workspaceFolders?.[0])?.uri;
		const beside = prompt.scheme === 'file' ? [dirname(prompt.fsPath)] : [];
		return workspace?.scheme === 'file' ? [...beside, workspace.fsPath] : beside;
	}
}

/** What says that it is a path. `vendor/name` may be one, and is a hosted model's name where there is no such folder. */
function isPath(model: string): boolean {
	return isAbsolute(model) || /^(\.{1,2}|~)([\\/]|$)/.test(model);
}

/** What holds no separator is a name. */
export function isPathLike(model: string): boolean {
	return /[\\/]/.test(model) || model.startsWith('.') || model.startsWith('~');
}

async function isFile(path: string): Promise<boolean> {
	return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

/** Name and description for the list; whether the folder is a sound model is the engine's to say. */
async function readEntry(folder: string): Promise<ModelEntry | undefined> {
	const path = join(folder, 'model.json');
	const size = (await stat(path).catch(() => undefined))?.size;
	if (size === undefined || size > MANIFEST_LIMIT) {
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
		return undefined;
	}
}
