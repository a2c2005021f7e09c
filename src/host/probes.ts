/** Probes of the user's own: `Train Probe…`, and which files an analysis reads. */
import { homedir } from 'node:os';
import { basename, isAbsolute, join, relative, resolve } from 'node:path';
import * as vscode from 'vscode';
import { PROBE_TASK_NAMES, PROBE_TASKS, type ProbeTaskName } from '../analysis/labels';
import type { ModelCard, ProbeReport, TrainProbeParams } from '../engine/api';
import { questionsFor } from '../engine/caller/conversation';
import { parseLabelled, type LabelledPrompt } from '../prompts/labelled';
import { formatProbability } from '../shared/probability';
import { isCancelled, RpcError } from '../shared/rpc';
import { tellFailure } from './actions';
import type { EngineHost } from './engine';
import type { Log } from './log';
import type { Models } from './models';
import { readSettings, SECTION, type Settings } from './settings';
import { mayRun } from './trust';
import { working, type Tell } from './working';

/** Labelled prompts are texts; a larger file is something else. */
const MAX_DATA_BYTES = 256 * 1024 * 1024;
const NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const SUFFIX = '.probe.safetensors';

/** Absolute paths of what `neuralese.probes` names. */
export function probeFiles(named: readonly string[], scope: vscode.Uri): string[] {
	const folder = folderOf(scope);
	return named.map((path) => (isAbsolute(path) || !folder ? path : resolve(folder.uri.fsPath, path)));
}

function folderOf(scope: vscode.Uri | undefined): vscode.WorkspaceFolder | undefined {
	return (scope && vscode.workspace.getWorkspaceFolder(scope)) ?? vscode.workspace.workspaceFolders?.[0];
}

/** What the dialogs ask for; from other extensions and tests as the command's argument, instead of the dialogs. */
interface Wishes {
	data?: vscode.Uri;
	task?: ProbeTaskName;
	arm?: string;
	at?: TrainProbeParams['at'];
	sites?: number[];
	name?: string;
	target?: vscode.Uri;
	/** Whether to use it in analyses, without asking. */
	use?: boolean;
}

export class ProbeCommands implements vscode.Disposable {
	private readonly registered: vscode.Disposable;

	constructor(
		private readonly engine: EngineHost,
		private readonly models: Models,
		private readonly log: Log,
	) {
		this.registered = vscode.commands.registerCommand('neuralese.trainProbe', (wishes?: unknown) => this.train(wishesOf(wishes)));
	}

	dispose(): void {
		this.registered.dispose();
	}

	/** Undefined where it was given up. */
	private async train(given: Wishes | undefined): Promise<ProbeReport | undefined> {
		if (!mayRun(this.log)) {
			return undefined;
		}
		try {
			const scope = given?.data ?? vscode.window.activeTextEditor?.document.uri ?? vscode.workspace.workspaceFolders?.[0]?.uri;
			const source = given?.data || given?.task ? given : await pickSource();
			if (!source) {
				return undefined;
			}
			// Before anything runs, because a wrong line should be known at once.
			const examples = source.data && readLabelled(await readText(source.data), source.task ? 'ignored' : 'required');
			const model = await this.modelFor(scope ?? vscode.Uri.file('/'));
			const card = await working(vscode.l10n.t('Loading the model'), undefined, (signal, tell) =>
				this.engine.call('load', { model }, signal, ({ message }) => tell(message)),
			);
			const wishes = given ?? (await pickRest(card, source));
			if (!wishes?.target) {
				return undefined;
			}
			const { target, at = 'thoughts', arm, sites } = wishes;
			if (target.scheme !== 'file') {
				throw new RpcError(vscode.l10n.t('A probe is written to the disk of this machine, where models are: choose a place there.'), 'bad-request');
			}
			const name = wishes.name ?? nameOf(target);
			const settings = readSettings(target);
			const asked =
				examples && card.chat
					? await working(vscode.l10n.t('Writing the prompts'), undefined, (signal, tell) => this.asked(card, examples, settings, signal, tell))
					: examples;
			const params: TrainProbeParams = {
				...{ model, examples: asked, task: source.task, arm, at, sites, name, out: target.fsPath },
				source: source.data ? basename(source.data.path) : vscode.l10n.t('the reference prompts of {0}', card.name),
				options: { seed: settings.seed, temperature: 0 },
			};
			const report = await working(vscode.l10n.t('Training the probe {0}', name), undefined, (signal, tell) =>
				this.engine.call('trainProbe', params, signal, ({ message, fraction }) => tell(message, fraction)),
			);
			report.notes.forEach((note) => this.log.warn(`${name}: ${note}`));
			await this.finished(report, target, given?.use);
			return report;
		} catch (error) {
			if (isCancelled(error)) {
				return undefined;
			}
			tellFailure(this.log, error, { label: vscode.l10n.t('Train Probe…'), run: () => this.train(undefined) });
			return undefined;
		}
	}

	/** Labelled prompts as an analysis would give them to the model. */
	private async asked(
		card: ModelCard,
		examples: LabelledPrompt[],
		{ chatTemplate }: Settings,
		signal: AbortSignal,
		progress: Tell,
	): Promise<LabelledPrompt[]> {
		const texts = await questionsFor(card, examples.map(({ prompt }) => prompt), {
			call: (method, params, { onEvent }) => this.engine.call(method, params, signal, onEvent),
			signal,
			progress,
			chatTemplate,
		});
		return examples.map((example, i) => ({ ...example, prompt: texts[i]! }));
	}

	private async modelFor(scope: vscode.Uri): Promise<string> {
		const { model } = readSettings(scope);
		return (await this.models.choose({ model, modelFrom: 'settings' }, scope, model)).folder;
	}

	/** With a notification that cancels. */
	private async finished(report: ProbeReport, target: vscode.Uri, use: boolean | undefined): Promise<void> {
		const message = summary(report);
		this.log.info(message);
		if (use) {
			return useInAnalyses(target);
		}
		if (use === undefined) {
			void this.log.tell('information', message, { label: vscode.l10n.t('Use in Analyses'), run: () => useInAnalyses(target) });
		}
	}
}

/** The best cell is the best of many: it says of how many. */
function summary({ name, cells, groups }: ProbeReport): string {
	const best = cells.reduce((found, cell) => (cell.auroc > found.auroc ? cell : found));
	const [low, high] = best.ci.map(formatProbability);
	const controls = [best.control, best.shuffled, best.random].map(formatProbability);
	return vscode.l10n.t(
		'{0}: AUROC {1} [{2}, {3}] at step {4}, layer {5}, the best of {6}; control {7}, shuffled {8}, random {9}; {10} groups held out.',
		...[name, formatProbability(best.auroc), low!, high!, best.step + 1, best.layer, cells.length, ...controls, groups.heldOut],
	);
}

async function useInAnalyses(target: vscode.Uri): Promise<void> {
	const folder = vscode.workspace.getWorkspaceFolder(target);
	const path = folder ? relative(folder.uri.fsPath, target.fsPath) : target.fsPath;
	const section = vscode.workspace.getConfiguration(SECTION, target);
	const { Global, Workspace } = vscode.ConfigurationTarget;
	const known = readSettings(target).probes;
	if (!known.includes(path)) {
		await section.update('probes', [...known, path], folder ? Workspace : Global);
	}
}

async function readText(data: vscode.Uri): Promise<string> {
	const { size } = await vscode.workspace.fs.stat(data);
	if (size > MAX_DATA_BYTES) {
		throw new RpcError(vscode.l10n.t('The file has {0} bytes, the limit is {1}: choose a smaller one.', size, MAX_DATA_BYTES), 'bad-request');
	}
	return new TextDecoder('utf-8').decode(await vscode.workspace.fs.readFile(data));
}

/** What is wrong with it, the user can put right and choose again. */
function readLabelled(...[text, labels]: Parameters<typeof parseLabelled>): LabelledPrompt[] {
	try {
		return parseLabelled(text, labels);
	} catch (error) {
		throw new RpcError((error as Error).message, 'bad-request');
	}
}

async function pickSource(): Promise<Pick<Wishes, 'data' | 'task'> | undefined> {
	const file = {
		label: vscode.l10n.t('Labelled Prompts…'),
		detail: vscode.l10n.t('A JSONL file: one {"prompt", "label"} a line; the label is 0, 1 or the name of a class'),
		task: undefined,
	};
	const tasks = PROBE_TASK_NAMES.map((task) => ({
		label: task,
		description: vscode.l10n.t('labels the model’s reference prompts'),
		detail: PROBE_TASKS[task].label,
		task,
	}));
	const picked = await vscode.window.showQuickPick([file, ...tasks], { placeHolder: vscode.l10n.t('What the probe should tell apart') });
	if (picked !== file) {
		return picked && { task: picked.task };
	}
	const filters = { [vscode.l10n.t('Labelled prompts')]: ['jsonl', 'json'] };
	const chosen = await vscode.window.showOpenDialog({ canSelectMany: false, filters });
	return chosen?.[0] && { data: chosen[0] };
}

async function pickRest(card: ModelCard, source: Pick<Wishes, 'data' | 'task'>): Promise<Wishes | undefined> {
	const places = card.places.map(({ arm, at }) => ({
		label: at === 'thoughts' ? vscode.l10n.t('Thoughts of {0}', arm) : vscode.l10n.t('Written sentences of {0}', arm),
		detail: at === 'thoughts' ? vscode.l10n.t('Where each thought is produced') : vscode.l10n.t('The last token of each sentence'),
		...{ arm, at },
	}));
	const place = await vscode.window.showQuickPick(places, { placeHolder: vscode.l10n.t('Where the probe reads {0}', card.name) });
	const sites = Array.from({ length: card.shape.layers + 1 }, (_, site) => ({ label: vscode.l10n.t('Layer {0}', site), site, picked: true }));
	const options = { canPickMany: true, placeHolder: vscode.l10n.t('Layers to fit; 0 is before the first block') } as const;
	const chosen = place && (await vscode.window.showQuickPick(sites, options));
	if (!place || !chosen?.length) {
		return undefined;
	}
	const { arm, at } = place;
	const name = await vscode.window.showInputBox({
		prompt: vscode.l10n.t('Name of the probe'),
		value: `${source.task ?? nameOf(source.data!)}-${arm}`,
		validateInput: (text) => (NAME.test(text) ? undefined : vscode.l10n.t('Small letters, digits and dashes between words.')),
	});
	if (name === undefined) {
		return undefined;
	}
	const folder = [folderOf(source.data)].find((one) => one?.uri.scheme === 'file');
	const file = `${name}${SUFFIX}`;
	const target = await vscode.window.showSaveDialog({
		defaultUri: folder ? vscode.Uri.joinPath(folder.uri, file) : vscode.Uri.file(join(homedir(), file)),
		filters: { [vscode.l10n.t('Probes')]: ['safetensors'] },
	});
	return target && { arm, at, sites: chosen.map(({ site }) => site), name, target };
}

/** The name of a file, as far as it can be a probe's. */
function nameOf(file: vscode.Uri): string {
	const words = basename(file.path)
		.replace(/(\.probe)?\.\w+$/, '')
		.toLowerCase()
		.replace(/[^a-z0-9]+/g, '-')
		.replace(/^-+|-+$/g, '');
	return words || 'probe';
}

/** Undefined for what the palette and menus pass. */
function wishesOf(value: unknown): Wishes | undefined {
	const { target } = (value ?? {}) as Wishes;
	return target instanceof vscode.Uri ? (value as Wishes) : undefined;
}
