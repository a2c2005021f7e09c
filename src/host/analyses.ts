/** All analyses of this window, by prompt document; runs them, and keeps their traces. */
import * as vscode from 'vscode';
import type { AnalyzeEvent, AnalyzeParams, ProgressEvent } from '../engine/api';
import { inputFor, templateNote, type Rendering } from '../engine/caller/conversation';
import { isCancelled } from '../shared/rpc';
import { Analysis, type Finished } from './analysis';
import type { Archive } from './archive';
import type { EngineHost } from './engine';
import { asFailure } from './failure';
import type { Log } from './log';
import type { Models } from './models';
import { probeFiles } from './probes';
import { isText, readPromptFile } from './promptFile';
import { readSettings, SECTION } from './settings';
import { openTraceFile } from './traceFile';

export class Analyses implements vscode.Disposable {
	private readonly byUri = new Map<string, Analysis>();
	private readonly disposables: vscode.Disposable[] = [];
	private readonly changed = this.register(new vscode.EventEmitter<Analysis>());
	private readonly selected = this.register(new vscode.EventEmitter<Analysis>());
	private readonly released = this.register(new vscode.EventEmitter<vscode.Uri>());
	readonly onDidChange = this.changed.event;
	readonly onDidSelect = this.selected.event;
	/** The analysis of a document is gone. */
	readonly onDidRelease = this.released.event;

	constructor(
		private readonly engine: EngineHost,
		private readonly models: Models,
		private readonly archive: Archive,
		/** Folder for what is computed once for each model. */
		private readonly cache: string,
		private readonly log: Log,
	) {
		this.register(
			vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
				if (contentChanges.length > 0) {
					this.known(document.uri)?.refresh();
				}
			}),
		);
		this.register(vscode.workspace.onDidOpenTextDocument((document) => this.known(document.uri)?.attach(document)));
		this.register(vscode.workspace.onDidChangeConfiguration((event) => event.affectsConfiguration(SECTION) && this.refreshAll()));
		this.register(vscode.workspace.onDidGrantWorkspaceTrust(() => this.refreshAll()));
	}

	/** The analysis of a document, with its archived trace where it has one. */
	of(document: vscode.TextDocument): Analysis {
		const key = document.uri.toString();
		const known = this.byUri.get(key);
		if (known) {
			return known;
		}
		const analysis = new Analysis(document, this.engine);
		this.byUri.set(key, analysis);
		analysis.onDidChange(() => this.changed.fire(analysis));
		analysis.onDidSelect(() => this.selected.fire(analysis));
		void this.restore(analysis);
		return analysis;
	}

	known(uri: vscode.Uri): Analysis | undefined {
		return this.byUri.get(uri.toString());
	}

	/** The analysis of a document that has one, be it from an earlier session. */
	async find(document: vscode.TextDocument): Promise<Analysis | undefined> {
		const known = this.known(document.uri);
		if (known || !isText(document) || !(await this.archive.find(document.uri))) {
			return known;
		}
		return this.of(document);
	}

	/** Of a document that was closed; its trace is in the archive. One that runs is kept. */
	release(uri: vscode.Uri): void {
		const analysis = this.known(uri);
		if (analysis && !analysis.running) {
			this.byUri.delete(uri.toString());
			analysis.select({});
			analysis.dispose();
			this.released.fire(uri);
		}
	}

	/** Finished traces on view, or that were, in this window. */
	get finished(): { promptUri: vscode.Uri; path: string }[] {
		return [...this.byUri.values()].flatMap(({ promptUri, finished }) => (finished ? { promptUri, path: finished.path } : []));
	}

	get running(): Analysis[] {
		return [...this.byUri.values()].filter((analysis) => analysis.running);
	}

	/**
	 * Runs to the end. Never rejects: what goes wrong is the analysis's state. `evidence`: whether tests and controls are run too,
	 * whatever the setting says.
	 */
	async run(document: vscode.TextDocument, { evidence }: { evidence?: boolean } = {}): Promise<void> {
		const analysis = this.of(document);
		const abort = new AbortController();
		const request = analysis.request();
		const read = readPromptFile(document);
		const { input, prompt } = read;
		const model = await this.models.choose(request, document.uri, readSettings(document.uri).model);
		const notes = [...prompt.warnings, ...(model.note ? [model.note] : [])];
		notes.forEach((note) => this.log.warn(`${input.name}: ${note}`));
		analysis.begin(abort, request, model.note);
		let written: string | undefined;
		try {
			const path = await this.archive.reserve(document.uri);
			const { chatTemplate } = request;
			const rendering = this.rendering(abort.signal, (event) => analysis.receive(event, abort));
			const { folder } = model;
			const card = await rendering.call('load', { model: folder }, { signal: abort.signal, onEvent: (event) => analysis.receive(event, abort) });
			analysis.loaded(card, abort);
			const template = templateNote(card, prompt, chatTemplate);
			const gathered = (evidence ?? request.evidence) ? { candidates: request.candidates, cache: this.cache } : undefined;
			const params: AnalyzeParams = {
				model: folder,
				probes: probeFiles(request.probes, document.uri),
				prompt: await inputFor(card, read, { ...rendering, chatTemplate }),
				arms: request.arms,
				options: request.options,
				notes: [...notes, ...(template === undefined ? [] : [template])],
				out: path,
				evidence: gathered,
			};
			const receive = (event: AnalyzeEvent) => {
				written = event.kind === 'written' ? path : written;
				analysis.receive(event, abort);
			};
			const { peakMemory } = await this.engine.analyze(params, abort.signal, receive);
			this.log.info(`${input.name}: analysed; peak memory of the engine ${Math.round(peakMemory / 2 ** 20)} MiB`);
			analysis.finish(await open(path), abort);
			await this.archive.tidy();
		} catch (error) {
			const kept = written !== undefined && (await this.keep(analysis, abort, input.name, written, error));
			if (!kept) {
				this.fail(analysis, abort, input.name, error);
			}
		}
	}

	/** The engine, as what is shared with the command line calls it. */
	private rendering(signal: AbortSignal, receive: (event: ProgressEvent) => void): Rendering {
		return {
			call: (method, params, { onEvent }) => this.engine.call(method, params, signal, onEvent),
			signal,
			progress: (message) => receive({ kind: 'progress', message }),
		};
	}

	/** After the engine was restarted by hand. */
	dismissFailures(): void {
		for (const analysis of this.byUri.values()) {
			analysis.dismissFailure();
		}
	}

	dispose(): void {
		vscode.Disposable.from(...this.byUri.values(), ...this.disposables).dispose();
	}

	/** Ends a run whose arms had been written with the trace of those. False where that cannot be opened. */
	private async keep(analysis: Analysis, abort: AbortController, name: string, path: string, error: unknown): Promise<boolean> {
		const cancelled = isCancelled(error) || abort.signal.aborted;
		// A file that is replaced while it is open cannot be read any more.
		await this.engine.settled();
		const finished = await open(path).catch(() => undefined);
		if (!finished) {
			return false;
		}
		const why = cancelled
			? vscode.l10n.t('The tests were cancelled.')
			: vscode.l10n.t('The tests failed: {0}', asFailure(error).message);
		this.log.info(`${name}: ${why}`);
		analysis.finish(finished, abort, finished.view.source.document.evidence ? undefined : why);
		await this.archive.tidy();
		return true;
	}

	private fail(analysis: Analysis, abort: AbortController, name: string, error: unknown): void {
		if (isCancelled(error) || abort.signal.aborted) {
			this.log.info(`${name}: cancelled`);
			analysis.stop({ kind: 'cancelled' }, abort);
			return;
		}
		const failure = asFailure(error);
		this.log.error(`${name}: ${failure.message}`, error);
		analysis.stop(this.engine.unavailable === undefined ? { kind: 'failed', failure } : { kind: 'at-rest' }, abort);
	}

	private async restore(analysis: Analysis): Promise<void> {
		const path = await this.archive.find(analysis.promptUri);
		if (path === undefined) {
			return;
		}
		try {
			analysis.restore(await open(path));
		} catch (error) {
			this.log.warn(`An archived trace cannot be shown: ${(error as Error).message}`);
		}
	}

	private refreshAll(): void {
		for (const analysis of this.byUri.values()) {
			analysis.refresh();
		}
	}

	private register<T extends vscode.Disposable>(disposable: T): T {
		this.disposables.push(disposable);
		return disposable;
	}
}

async function open(path: string): Promise<Finished> {
	return { path, ...(await openTraceFile(vscode.Uri.file(path))) };
}
