/** "Import Reasoning Log…": a file that other tools wrote, one of its samples chosen from a list, shown as a trace. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { ListedSample } from '../analysis/samples';
import { CANCELLED } from '../shared/rpc';
import { tellFailure } from './actions';
import type { ImportListing, ImportProcess } from './importProcess';
import type { ImportRooms } from './importRooms';
import type { Log } from './log';
import { unlinked } from './plain';
import { baseName } from './promptFile';
import { pickSample } from './samplePick';
import { TRACE_VIEW_TYPE } from './traceEditor';
import { working } from './working';

/** Names of files are made of what every file system takes. */
const UNSAFE = /[^A-Za-z0-9._-]+/g;
const MAX_NAME = 80;
/** A virtual file system hands out whole files only. */
const VIRTUAL_FILE_LIMIT = 256 * 2 ** 20;

/** From other extensions and tests: answers in the place of the dialogs. */
interface Answers {
	sample?: string;
	map?: string;
}

export class Importing implements vscode.Disposable {
	private readonly command = vscode.commands.registerCommand('neuralese.importLog', (resource?: unknown, answers?: unknown) =>
		this.start(resource instanceof vscode.Uri ? resource : undefined, answersOf(answers)),
	);

	constructor(
		private readonly process: ImportProcess,
		private readonly rooms: ImportRooms,
		private readonly log: Log,
	) {}

	dispose(): void {
		this.command.dispose();
	}

	private async start(resource: vscode.Uri | undefined, answers: Answers): Promise<void> {
		const file = resource ?? (await chooseFile());
		if (!file) {
			return;
		}
		try {
			await this.bring(file, answers);
		} catch (error) {
			if ((error as { code?: unknown }).code !== CANCELLED) {
				tellFailure(this.log, error, { label: vscode.l10n.t('Import Another…'), run: () => this.start(undefined, {}) });
			}
		}
	}

	private async bring(file: vscode.Uri, answers: Answers): Promise<void> {
		const name = baseName(file);
		const path = await this.local(file);
		const list = (map: string | undefined) =>
			working(vscode.l10n.t('Reading {0}', unlinked(name)), undefined, (signal) => this.process.list(path, map, signal));
		let map = answers.map;
		let listing = await list(map);
		if (listing.ask) {
			map = await askMapping(listing.ask);
			if (map === undefined) {
				return;
			}
			listing = await list(map);
		}
		listing.warnings.forEach((warning) => this.log.warn(`${name}: ${warning}`));
		const sample = await chosenSample(name, listing, answers.sample);
		if (sample) {
			const out = await this.reserve(file, sample.id);
			await working(vscode.l10n.t('Importing {0}', unlinked(sample.id)), undefined, (signal) => this.process.write(path, sample.id, out, map, signal));
			await this.rooms.tidy();
			await vscode.commands.executeCommand('vscode.openWith', vscode.Uri.file(out), TRACE_VIEW_TYPE);
		}
	}

	/** Where the file can be read by range: itself, or a copy of a virtual one. */
	private async local(file: vscode.Uri): Promise<string> {
		if (file.scheme === 'file') {
			return file.fsPath;
		}
		const { size } = await vscode.workspace.fs.stat(file);
		if (size > VIRTUAL_FILE_LIMIT) {
			const limit = VIRTUAL_FILE_LIMIT / 2 ** 20;
			throw new Error(vscode.l10n.t('This file is larger than the {0} MiB that are imported from a virtual workspace: save it to disk.', limit));
		}
		const copy = join(await this.rooms.of(file.toString(), ''), 'source');
		await writeFile(copy, await vscode.workspace.fs.readFile(file));
		return copy;
	}

	/** Path of the trace of a sample: its name is the tab's. */
	private async reserve(file: vscode.Uri, id: string): Promise<string> {
		const source = baseName(file).replace(/\.[^.]+$/, '');
		const name = `${source}-${id}`.replace(UNSAFE, '_').slice(0, MAX_NAME);
		return join(await this.rooms.of(file.toString(), id), `${name}.trace.safetensors`);
	}
}

async function chooseFile(): Promise<vscode.Uri | undefined> {
	const chosen = await vscode.window.showOpenDialog({ canSelectMany: false, openLabel: vscode.l10n.t('Import') });
	return chosen?.[0];
}

/** The only sample, the named one, or the one that is picked. */
async function chosenSample(name: string, { format, samples }: ImportListing, wanted: string | undefined): Promise<ListedSample | undefined> {
	if (samples.length === 0) {
		throw new Error(vscode.l10n.t('{0} has no samples: choose another file.', name));
	}
	if (wanted !== undefined) {
		const found = samples.find(({ id }) => id === wanted);
		if (!found) {
			throw new Error(vscode.l10n.t('{0} has no sample {1}: choose one of its list.', name, wanted));
		}
		return found;
	}
	return samples.length === 1 ? samples[0] : pickSample(`${name} · ${format}`, samples);
}

/** What the axes of a plain tensor are: only the user knows. */
function askMapping({ question, guess }: NonNullable<ImportListing['ask']>): Thenable<string | undefined> {
	return vscode.window.showInputBox({
		title: vscode.l10n.t('What Are the Axes of These Activations?'),
		// Names of tensors are in it, and the editor makes links here too.
		prompt: unlinked(question),
		value: guess,
		ignoreFocusOut: true,
	});
}

function answersOf(value: unknown): Answers {
	const { sample, map } = (value ?? {}) as Record<string, unknown>;
	return { ...(typeof sample === 'string' ? { sample } : {}), ...(typeof map === 'string' ? { map } : {}) };
}
