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
import { evaluateSet, SET_TESTS, type SetContext } from '../engine/caller/dataset';
import { journalPath } from '../engine/caller/journal';
import { producer } from '../engine/product';
import { reproduce } from '../engine/caller/reproduction';
import type { ProblemSet } from '../prompts/problems';
import { isCancelled } from '../shared/rpc';
import type { RunOptions } from '../trace/document';
import { tellFailure } from './actions';
import { chooseDataSet, readDataSet } from './dataSet';
import type { EngineHost } from './engine';
import { askToResume, choosePresets, choosePublished, chooseRuns, referenceOf } from './evaluationQuestions';
import type { Log, NoticeAction } from './log';
import type { Models } from './models';
import type { ReportPanels } from './reportPanel';
import type { ResultStore } from './resultStore';
import { mergeRequest, readSettings } from './settings';
import { mayRun } from './trust';
import { working } from './working';

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
		const again = { label: vscode.l10n.t('Evaluate Data Set…'), run: () => this.evaluate({}) };
		return mayRun(this.log)
			? this.attempt(again, async () => {
					const asked = await this.ask(options);
					return asked && this.answer(asked, options);
				})
			: undefined;
	}

	/** What was not said is asked for; undefined where that was given up. */
	private async ask(options: EvaluateOptions): Promise<Asked | undefined> {
		const uri = options.data ?? (await chooseDataSet());
		if (!uri) {
			return undefined;
		}
		const data = await readDataSet(uri);
		const { folder, request } = await this.model(uri);
		const card = await this.load(folder, options.token);
		const chosen = options.arms || options.causal !== undefined ? options : await chooseRuns(card);
		if (!chosen) {
			return undefined;
		}
		const { arms, causal = false, twin = false } = chosen;
		const { latents, loops, noise, maxTokens, seed, temperature } = request.options;
		if (causal && temperature !== 0) {
			this.log.info('causal tests compare the likeliest answers, so the temperature of the settings was left out');
		}
		const run = { latents, loops, noise, maxTokens, seed, temperature: causal ? 0 : temperature };
		const { chatTemplate } = request;
		return { uri, data, folder, card, arms, causal, twin, limit: options.limit, run, chatTemplate };
	}

	private async answer(asked: Asked, { resume, token }: EvaluateOptions): Promise<Evaluation | undefined> {
		const { uri, data, folder, card, arms, causal, twin, limit, run, chatTemplate } = asked;
		const question = { producer: producer(), model: card.sha256, twin, data: data.sha256, limit, arms, causal: causal && SET_TESTS, ...run, ...(card.chat ? { chatTemplate } : {}) };
		const out = await this.store.reserve(question);
		if (existsSync(journalPath(out))) {
			const goOn = resume ?? (await askToResume());
			if (goOn === undefined) {
				return undefined;
			}
			if (!goOn) {
				await rm(journalPath(out), { force: true });
			}
		}
		const request = { producer: producer(), model: folder, twin: twin ? (true as const) : undefined, data, limit, arms, options: run, causal, chatTemplate, out };
		try {
			const title = vscode.l10n.t('Evaluating {0}', data.name);
			const evaluation = await this.withProgress(title, token, (context) => evaluateSet(request, context));
			await this.store.tidy();
			await this.show([evaluationPart(evaluation, data.name)], uri, JSON.stringify(evaluation));
			return evaluation;
		} catch (error) {
			if (!isCancelled(error) || !existsSync(journalPath(out))) {
				throw error;
			}
			const goOn = { label: vscode.l10n.t('Go On'), run: () => this.evaluate({ data: uri, arms, causal, twin, limit, resume: true }) };
			void this.log.tell('information', vscode.l10n.t('Cancelled: what was done is kept, and the same run goes on after it.'), goOn);
			return undefined;
		}
	}

	private async reproduce(options: ReproduceOptions): Promise<Reproduction | undefined> {
		const again = { label: vscode.l10n.t('Reproduce Published Figures…'), run: () => this.reproduce({}) };
		if (!mayRun(this.log)) {
			return undefined;
		}
		return this.attempt(again, async () => {
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
			await this.show(reproductionParts(result), uri, JSON.stringify(result), vscode.l10n.t('Published figures beside measured ones'));
			return result;
		});
	}

	private async model(data: vscode.Uri | undefined) {
		const scope = data ?? vscode.workspace.workspaceFolders?.[0]?.uri ?? vscode.Uri.file('/');
		const request = mergeRequest(readSettings(scope), {});
		const { folder } = await this.models.choose(request, scope, '');
		return { folder, request };
	}

	/** What can be chosen depends on the model; it may have to wait for an analysis. */
	private load(folder: string, token: vscode.CancellationToken | undefined): Thenable<ModelCard> {
		return this.withProgress(vscode.l10n.t('Loading the model'), token, ({ call, signal, progress }) =>
			call('load', { model: folder }, { signal, onEvent: ({ message }) => progress(message) }),
		);
	}

	private withProgress<T>(
		title: string,
		other: vscode.CancellationToken | undefined,
		work: (context: SetContext) => Promise<T>,
	): Promise<T> {
		return working(title, other, (signal, progress) =>
			work({
				call: (method, params, options) => this.engine.call(method, params, options.signal ?? signal, options.onEvent),
				signal,
				progress,
				note: (message) => this.log.info(message),
			}),
		);
	}

	/** The folder of the data is where a save dialog begins, where that is no folder of ours. */
	private show(parts: Part[], data: vscode.Uri, json: string, title = parts[0]!.title): Promise<void> {
		const report = { title, parts, created: new Date().toISOString(), producer: producer() };
		const folder = vscode.workspace.getWorkspaceFolder(data) ? vscode.Uri.joinPath(data, '..') : undefined;
		return this.panels.show({ report, json, folder });
	}

	/** What failed is told with one thing to do. */
	private async attempt<T>(again: NoticeAction, work: () => Promise<T>): Promise<T | undefined> {
		try {
			return await work();
		} catch (error) {
			if (!isCancelled(error)) {
				tellFailure(this.log, error, again);
			}
			return undefined;
		}
	}
}

/** One evaluation, of which everything is known that decides what comes out. */
interface Asked {
	uri: vscode.Uri;
	data: ProblemSet;
	/** Of the model. */
	folder: string;
	card: ModelCard;
	arms?: string[];
	causal: boolean;
	twin: boolean;
	limit?: number;
	run: Omit<RunOptions, 'topK'>;
	chatTemplate: 'auto' | 'off';
}

function asOptions<T extends object>(options: T | undefined): Partial<T> {
	// Menus pass a resource, which is no options.
	return typeof options === 'object' && options !== null && !(options instanceof vscode.Uri) ? options : {};
}
