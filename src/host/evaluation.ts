/** Commands that run a model over a data set, and show what came out as a report. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import * as vscode from 'vscode';
import type { Evaluation } from '../analysis/evaluation/result';
import type { Part } from '../analysis/report/content';
import { evaluationPart } from '../analysis/report/evaluation';
import { reproductionParts } from '../analysis/report/reproduction';
import type { PresetName } from '../analysis/presets';
import type { Reproduction } from '../analysis/reproduction';
import type { ModelCard } from '../engine/api';
import { evaluateSet, SET_TESTS, type SetContext } from '../engine/dataset';
import { journalPath } from '../engine/journal';
import { producer } from '../engine/product';
import { reproduce } from '../engine/reproduction';
import { isCancelled } from '../shared/rpc';
import { chooseDataSet, readDataSet } from './dataSet';
import type { EngineHost } from './engine';
import { askToResume, choosePresets, choosePublished, chooseRuns, referenceOf } from './evaluationQuestions';
import { asFailure } from './failure';
import type { Log } from './log';
import type { Models } from './models';
import type { ReportPanels } from './reportPanel';
import type { ResultStore } from './resultStore';
import { mergeRequest, readSettings } from './settings';

/** From other extensions and tests: what is given is not asked for. */
export interface EvaluateOptions {
	data?: vscode.Uri;
	arms?: string[];
	causal?: boolean;
	twin?: boolean;
	limit?: number;
	/** Whether to go on with a run that was ended. */
	resume?: boolean;
	/** Cancels like the notification's button. */
	token?: vscode.CancellationToken;
}

export interface ReproduceOptions {
	presets?: PresetName[];
	/** Of the model's own problems where null. */
	data?: vscode.Uri | null;
	limit?: number;
}

export class Evaluations implements vscode.Disposable {
	private readonly commands: vscode.Disposable;

	constructor(
		private readonly engine: EngineHost,
		private readonly models: Models,
		private readonly store: ResultStore,
		private readonly panels: ReportPanels,
		private readonly log: Log,
	) {
		this.commands = vscode.Disposable.from(
			vscode.commands.registerCommand('neuralese.evaluateDataSet', (options?: EvaluateOptions) => this.evaluate(asOptions(options))),
			vscode.commands.registerCommand('neuralese.reproduce', (options?: ReproduceOptions) => this.reproduce(asOptions(options))),
		);
	}

	dispose(): void {
		this.commands.dispose();
	}

	/** Resolves to the result once it is shown; to nothing where there is none. */
	private async evaluate(options: EvaluateOptions): Promise<Evaluation | undefined> {
		if (!this.mayRun()) {
			return undefined;
		}
		const uri = options.data ?? (await chooseDataSet());
		if (!uri) {
			return undefined;
		}
		return this.attempt(async () => {
			const data = await readDataSet(uri);
			const { folder, request } = await this.model(uri);
			const card = await this.load(folder);
			const chosen = options.arms || options.causal !== undefined ? options : await chooseRuns(card);
			if (!chosen) {
				return undefined;
			}
			const { arms, causal = false, twin = false } = chosen;
			const { limit } = options;
			const { latents, maxTokens, seed, temperature: asked } = request.options;
			const temperature = causal ? 0 : asked;
			if (causal && asked !== 0) {
				this.log.info('causal tests compare the likeliest answers, so the temperature of the settings was left out');
			}
			const setup = { producer: producer(), model: card.sha256, twin, data: data.sha256, limit, arms, causal: causal && SET_TESTS, seed, temperature, latents, maxTokens };
			const out = await this.store.reserve(setup);
			if (existsSync(journalPath(out)) && !(options.resume ?? (await askToResume()))) {
				await rm(journalPath(out), { force: true });
			}
			const evaluation = await this.withProgress(vscode.l10n.t('Evaluating {0}', data.name), options.token, (context) =>
				evaluateSet(
					{
						producer: producer(),
						model: folder,
						twin: twin ? true : undefined,
						data,
						limit,
						arms,
						options: { latents, maxTokens, seed, temperature },
						causal,
						out,
					},
					context,
				),
			);
			await this.store.tidy();
			this.show([evaluationPart(evaluation, data.name)], uri, JSON.stringify(evaluation));
			return evaluation;
		}, options);
	}

	private async reproduce(options: ReproduceOptions): Promise<Reproduction | undefined> {
		if (!this.mayRun()) {
			return undefined;
		}
		return this.attempt(async () => {
			const { folder } = await this.model(undefined);
			const presets = options.presets ?? (await choosePresets());
			const uri = presets && (options.data === undefined ? await choosePublished(folder) : (options.data ?? (await referenceOf(folder))));
			if (!presets || !uri) {
				return undefined;
			}
			const data = await readDataSet(uri);
			const result = await this.withProgress(vscode.l10n.t('Reproducing published figures'), undefined, (context) =>
				reproduce({ producer: producer(), model: folder, presets, data, limit: options.limit }, context),
			);
			this.show(reproductionParts(result), uri, JSON.stringify(result));
			return result;
		});
	}

	private mayRun(): boolean {
		if (!vscode.workspace.isTrusted) {
			const message = vscode.l10n.t('Models run in trusted workspaces only. Saved traces can be viewed without trust.');
			const run = () => vscode.commands.executeCommand('workbench.trust.manage');
			void this.log.tell('warning', message, { label: vscode.l10n.t('Manage Trust'), run });
		}
		return vscode.workspace.isTrusted;
	}

	private async model(data: vscode.Uri | undefined) {
		const scope = data ?? vscode.workspace.workspaceFolders?.[0]?.uri ?? vscode.Uri.file('/');
		const request = mergeRequest(readSettings(scope), {});
		const { folder } = await this.models.choose(request, scope, '');
		return { folder, request };
	}

	private load(folder: string): Promise<ModelCard> {
		return this.engine.call('load', { model: folder }, new AbortController().signal);
	}

	private withProgress<T>(
		title: string,
		other: vscode.CancellationToken | undefined,
		work: (context: SetContext) => Promise<T>,
	): Thenable<T> {
		const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
		return vscode.window.withProgress(options, (progress, token) => {
			const abort = new AbortController();
			const cancel = () => abort.abort();
			const listening = [token, ...(other ? [other] : [])].map((one) => one.onCancellationRequested(cancel));
			if (other?.isCancellationRequested) {
				cancel();
			}
			let shown = 0;
			return work({
				call: (method, params, { signal = abort.signal, onEvent }) => this.engine.call(method, params, signal, onEvent),
				signal: abort.signal,
				progress: (message, fraction) => {
					const whole = Math.round((fraction ?? 0) * 100);
					progress.report({ message, increment: Math.max(0, whole - shown) });
					shown = Math.max(shown, whole);
				},
				note: (message) => this.log.info(message),
			}).finally(() => vscode.Disposable.from(...listening).dispose());
		});
	}

	private show(parts: Part[], data: vscode.Uri, json: string): void {
		const report = { title: parts[0]!.title, parts, created: new Date().toISOString(), producer: producer() };
		this.panels.show({ report, json, ...(data.scheme === 'untitled' ? {} : { folder: vscode.Uri.joinPath(data, '..') }) });
	}

	/** What was cancelled is offered again, what failed is told with one thing to do. */
	private async attempt<T>(work: () => Promise<T>, again?: EvaluateOptions): Promise<T | undefined> {
		try {
			return await work();
		} catch (error) {
			if (isCancelled(error)) {
				if (again) {
					const run = () => vscode.commands.executeCommand('neuralese.evaluateDataSet', { ...again, token: undefined, resume: true });
					void this.log.tell('information', vscode.l10n.t('Cancelled: what was done is kept, and the same run goes on after it.'), { label: vscode.l10n.t('Go On'), run });
				}
				return undefined;
			}
			const { message, action } = asFailure(error);
			this.log.error(message, error);
			const restart = action.act === 'restartEngine';
			const command = restart ? 'neuralese.restartEngine' : 'neuralese.showLog';
			const label = restart ? action.label : vscode.l10n.t('Show Log');
			void this.log.tell('error', message, { label, run: () => vscode.commands.executeCommand(command) });
			return undefined;
		}
	}
}

function asOptions<T extends object>(options: T | undefined): Partial<T> {
	// Menus pass a resource, which is no options.
	return typeof options === 'object' && options !== null && !(options instanceof vscode.Uri) ? options : {};
}
