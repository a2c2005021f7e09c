/** Models: those that come with the extension, those that were added on this machine, and folders and exports that the user names. */
import { readdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import * as vscode from 'vscode';
import { findAdded, modelsIn, type ModelEntry } from '../engine/machine/registry';
import type { Request } from './settings';

export const DEFAULT_MODEL = 'prosqa';

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
		const models = await modelsIn(this.bundledFolder);
		const isDefault = (model: ModelEntry) => Number(model.id === DEFAULT_MODEL);
		return models.sort((a, b) => isDefault(b) - isDefault(a) || a.id.localeCompare(b.id));
	}

	/** The folder of the bundled or added model with this name, and of nothing else. */
	async listed(name: string): Promise<string | undefined> {
		const bundled = isPathLike(name) ? undefined : this.bundledPath(name);
		return bundled !== undefined && (await isFile(join(bundled, 'model.json'))) ? bundled : findAdded(name);
	}

	/**
	 * The folder of the model that `request` names: the name of a bundled or added model, an absolute path, or a path relative to the prompt file,
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
		const listed = await this.listed(model);
		if (listed !== undefined) {
			return { folder: listed, label: model };
		}
		const candidates = isAbsolute(expanded) ? [expanded] : this.bases(prompt).map((base) => resolve(base, expanded));
		for (const folder of candidates) {
			// An export is made into a model by the engine, which says so where a folder has several graphs.
			if ((await isFile(join(folder, 'model.json'))) || (await isExport(folder))) {
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

/** A graph, or a folder with one in it or in its `onnx`. */
async function isExport(path: string): Promise<boolean> {
	if (await isFile(path)) {
		return path.endsWith('.onnx');
	}
	const names = await Promise.all([path, join(path, 'onnx')].map((folder) => readdir(folder).catch(() => [])));
	return names.flat().some((name) => name.endsWith('.onnx'));
}

async function isFile(path: string): Promise<boolean> {
	return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}
