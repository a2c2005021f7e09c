/** Every command, always registered: one that cannot work now says why, with one thing to do about it. */
import * as vscode from 'vscode';
import type { Action } from '../shared/panel';
import { RpcError } from '../shared/rpc';
import { COMMAND_OF } from './actions';
import type { Analyses } from './analyses';
import type { EngineHost } from './engine';
import { listExamples } from './examples';
import type { Focus } from './focus';
import type { Log, NoticeAction } from './log';
import type { Panel } from './panel';
import { isText } from './promptFile';
import { saveTrace, suggestedTarget } from './saving';
import type { Subject } from './subject';
import { TRACE_VIEW_TYPE, type TraceEditor } from './traceEditor';
import { mayRun } from './trust';

/** `subject` is what the button's view shows; a prompt's is named, so that the command does not depend on the focus. */
export async function perform(action: Action, subject: Subject | undefined): Promise<void> {
	if (!Object.hasOwn(COMMAND_OF, action)) {
		throw new RpcError('There is no such action on this side.', 'unknown-action');
	}
	const takesPrompt = action === 'analyze' || action === 'cancel';
	await vscode.commands.executeCommand(COMMAND_OF[action], ...(takesPrompt && subject?.promptUri ? [subject.promptUri] : []));
}

export class Commands implements vscode.Disposable {
	private readonly disposables: vscode.Disposable[] = [];

	constructor(
		private readonly extensionUri: vscode.Uri,
		private readonly analyses: Analyses,
		private readonly engine: EngineHost,
		private readonly focus: Focus,
		private readonly panel: Panel,
		private readonly traces: TraceEditor,
		private readonly log: Log,
	) {
		this.register('analyzePrompt', (resource?: unknown, options?: unknown) => this.analyzePrompt(resource, evidenceOf(options)));
		this.register('cancelAnalysis', (resource?: unknown) => this.cancelAnalysis(resource));
		this.register('showTrace', (resource?: unknown) => this.showTrace(resource));
		this.register('saveTraceAs', (options?: unknown) => this.saveTraceAs(targetOf(options)));
		this.register('openTrace', () => this.openTrace());
		this.register('showModelCard', () => this.showModelCard());
		this.register('openExamples', () => this.openExamples());
		this.register('restartEngine', () => this.restartEngine());
		this.register('showLog', () => this.log.show());
	}

	dispose(): void {
		vscode.Disposable.from(...this.disposables).dispose();
	}

	/** Resolves when the analysis has ended, however it ended. */
	private async analyzePrompt(resource: unknown, evidence: boolean | undefined): Promise<void> {
		const document = await this.promptOf(resource);
		if (!document) {
			return this.explainNoPrompt();
		}
		this.focus.set(this.analyses.of(document));
		this.panel.reveal();
		if (!mayRun(this.log)) {
			return;
		}
		await this.analyses.run(document, { evidence });
		const { unavailable } = this.engine;
		if (unavailable !== undefined) {
			return this.log.tell('warning', unavailable, { label: vscode.l10n.t('Show Log'), run: () => this.log.show() });
		}
	}

	private async cancelAnalysis(resource: unknown): Promise<void> {
		const named = resource instanceof vscode.Uri ? this.analyses.known(resource) : this.focus.analysis;
		const other = resource instanceof vscode.Uri ? undefined : this.analyses.running[0];
		const running = named?.running ? named : other;
		if (!running) {
			return this.log.tell('information', vscode.l10n.t('No analysis is running.'), analyzeAction());
		}
		running.cancel();
	}

	private async showTrace(resource: unknown): Promise<void> {
		const document = await this.promptOf(resource);
		if (document) {
			this.focus.set(this.analyses.of(document));
		}
		this.panel.reveal();
	}

	/** Resolves with where it was saved; undefined where it was not. */
	private async saveTraceAs(target: vscode.Uri | undefined): Promise<vscode.Uri | undefined> {
		const saving = this.whatToSave();
		if (!saving) {
			const message = this.focus.analysis?.view
				? vscode.l10n.t('The run on view has not finished, so there is no whole trace of it: analyze again.')
				: vscode.l10n.t('There is no finished trace to save yet: analyze a prompt first.');
			await this.log.tell('information', message, analyzeAction());
			return undefined;
		}
		const { source, defaultUri } = saving;
		const chosen = target ?? (await vscode.window.showSaveDialog({ defaultUri, filters: traceFilter() }));
		if (!chosen || chosen.toString() === source.toString()) {
			return chosen;
		}
		try {
			await saveTrace(source, chosen);
			this.log.info(`saved ${chosen.fsPath}`);
			return chosen;
		} catch (error) {
			const again = { label: vscode.l10n.t('Save Trace As…'), run: () => this.saveTraceAs(undefined) };
			await this.log.tell('error', (error as Error).message, again);
			return undefined;
		}
	}

	/** The file of the trace editor that has the focus, else the prompt's archived trace where that is what its view shows. */
	private whatToSave(): { source: vscode.Uri; defaultUri: vscode.Uri } | undefined {
		const { trace, analysis } = this.focus;
		if (trace?.view) {
			return { source: trace.uri, defaultUri: trace.uri };
		}
		const { finished, promptUri, view } = analysis ?? {};
		return finished && promptUri && view === finished.view ? { source: vscode.Uri.file(finished.path), defaultUri: suggestedTarget(promptUri) } : undefined;
	}

	private async openTrace(): Promise<void> {
		const chosen = await vscode.window.showOpenDialog({ canSelectMany: false, filters: traceFilter() });
		if (chosen?.[0]) {
			await vscode.commands.executeCommand('vscode.openWith', chosen[0], TRACE_VIEW_TYPE);
		}
	}

	private showModelCard(): void {
		const card = { section: 'card' } as const;
		if (this.focus.trace) {
			this.traces.reveal(card);
		} else {
			this.panel.reveal(card);
		}
	}

	private async openExamples(): Promise<void> {
		const examples = await listExamples(this.extensionUri);
		const placeHolder = vscode.l10n.t('An example prompt, or its trace');
		const picked = await vscode.window.showQuickPick(examples, { placeHolder });
		if (picked) {
			await vscode.commands.executeCommand('vscode.open', picked.uri, { viewColumn: vscode.ViewColumn.One, preview: false });
		}
	}

	private restartEngine(): void {
		this.engine.restart();
		this.analyses.dismissFailures();
	}

	/** The named prompt, the active editor's, or the one that the panel shows. */
	private async promptOf(resource: unknown): Promise<vscode.TextDocument | undefined> {
		if (resource instanceof vscode.Uri) {
			return vscode.workspace.openTextDocument(resource);
		}
		const active = vscode.window.activeTextEditor?.document;
		return active && isText(active) ? active : this.focus.analysis?.prompt;
	}

	private explainNoPrompt(): Promise<void> {
		const message = vscode.l10n.t('Open the prompt file that is to be analysed, or start with an example.');
		return this.log.tell('information', message, { label: vscode.l10n.t('Open Example…'), run: () => this.openExamples() });
	}

	private register(name: string, run: (argument?: unknown, options?: unknown) => unknown): void {
		this.disposables.push(vscode.commands.registerCommand(`neuralese.${name}`, run));
	}
}

/** Dialogs know only the part after the last dot: with `trace.safetensors` they would append it once more. */
function traceFilter(): Record<string, string[]> {
	return { [vscode.l10n.t('Neuralese traces')]: ['safetensors'] };
}

function analyzeAction(): NoticeAction {
	return { label: vscode.l10n.t('Analyze Prompt'), run: () => vscode.commands.executeCommand('neuralese.analyzePrompt') };
}

/** Of other commands: `{ evidence }` over the setting. The editor's menus pass a selection there, which has none. */
function evidenceOf(options: unknown): boolean | undefined {
	const evidence = (options as { evidence?: unknown } | null | undefined)?.evidence;
	return typeof evidence === 'boolean' ? evidence : undefined;
}

/** From other extensions and tests: `{ target }` instead of the dialog. The editor's menus pass a resource, which is not one. */
function targetOf(options: unknown): vscode.Uri | undefined {
	const target = (options as { target?: unknown } | undefined)?.target;
	return target instanceof vscode.Uri ? target : undefined;
}
