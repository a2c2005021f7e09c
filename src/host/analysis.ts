/** The analysis of one prompt document: what runs now, and what was found last. */
import * as vscode from 'vscode';
import { TraceView } from '../analysis/view';
import type { AnalyzeEvent, ModelCard } from '../engine/api';
import type { PanelState, Run, Selection } from '../shared/panel';
import { LiveTrace } from '../trace/live';
import type { EngineHost } from './engine';
import type { Failure } from './failure';
import { DEFAULT_MODEL } from './models';
import { hasChanged, messagesOf, readPromptFile } from './promptFile';
import { isStale, mergeRequest, readSettings, sameRequest, type Request } from './settings';
import { nextRevision, type Subject } from './subject';
import type { OpenTrace } from './traceFile';

/** Snapshots sent to a panel at most this often, in milliseconds: more than the eye follows, less than the engine sends. */
const SNAPSHOT_INTERVAL = 50;

type Stage =
	| { kind: 'at-rest' }
	| { kind: 'running'; message: string; fraction?: number; abort: AbortController }
	| { kind: 'cancelled' }
	| { kind: 'failed'; failure: Failure };

/** A finished trace in the archive. */
export interface Finished extends OpenTrace {
	path: string;
}

export class Analysis implements Subject, vscode.Disposable {
	private readonly changed = new vscode.EventEmitter<void>();
	private readonly selected = new vscode.EventEmitter<void>();
	readonly onDidChange = this.changed.event;
	readonly onDidSelect = this.selected.event;
	private stage: Stage = { kind: 'at-rest' };
	private live?: { trace: LiveTrace; view: TraceView };
	private last?: Finished;
	/** What the run in progress, or the last one, was asked. */
	private asked?: Request;
	/** What the last finished trace was asked; unknown for one of an earlier session. */
	private answered?: Request;
	/** The messages of the run in progress, and of the last finished trace, as they were then. */
	private askedMessages?: string;
	private answeredMessages?: string;
	/** Of the run in progress, and of the last finished trace, where its model was loaded in this session. */
	private askedCard?: ModelCard;
	private answeredCard?: ModelCard;
	/** On the choice of the model; shown with the prompt's own warnings. */
	private modelNote?: string;
	/** Why the last finished trace has no evidence; shown with its own notes. */
	private cutShort?: string;
	private pending?: NodeJS.Timeout;
	private current: Selection = {};
	private contentRevision = nextRevision();

	constructor(
		private document: vscode.TextDocument,
		private readonly engine: EngineHost,
	) {}

	get promptUri(): vscode.Uri {
		return this.document.uri;
	}

	get prompt(): vscode.TextDocument {
		return this.document;
	}

	get running(): boolean {
		return this.stage.kind === 'running';
	}

	get finished(): Finished | undefined {
		return this.last;
	}

	get selection(): Selection {
		return this.current;
	}

	get revision(): number {
		return this.contentRevision;
	}

	/** The run in progress, what a failed or cancelled one left behind, or the last finished trace. */
	get view(): TraceView | undefined {
		if (this.stage.kind === 'at-rest') {
			return this.last?.view;
		}
		return this.running || (this.live && this.live.trace.document.arms.length > 0) ? this.live?.view : this.last?.view;
	}

	/** A document that was closed and opened again is another object of the editor's. */
	attach(document: vscode.TextDocument): void {
		this.document = document;
	}

	state(): PanelState {
		const { name } = readPromptFile(this.document);
		const run = this.run();
		switch (this.stage.kind) {
			case 'running':
				return { kind: 'running', name, message: this.stage.message, fraction: this.stage.fraction, run };
			case 'cancelled':
				return { kind: 'cancelled', name, run, ...this.shown() };
			case 'failed':
				return { kind: 'failed', name, ...this.stage.failure, run, ...this.shown(), source: 'run' };
			case 'at-rest':
				return run ? { kind: 'ready', name, run, stale: this.stale, source: 'run' } : this.blank(name);
		}
	}

	/** Whether analysing now would ask for something else than the last finished trace holds. */
	get stale(): boolean {
		if (this.last === undefined) {
			return false;
		}
		const { document } = this.last.file;
		const request = this.request();
		if (hasChanged(document.prompt, this.document, this.answeredMessages)) {
			return true;
		}
		return this.answered ? !sameRequest(this.answered, request) : isStale(document, request);
	}

	request(): Request {
		return mergeRequest(readSettings(this.promptUri), readPromptFile(this.document).prompt.settings);
	}

	select(selection: Selection): void {
		this.current = selection;
		this.selected.fire();
	}

	begin(abort: AbortController, request: Request, modelNote: string | undefined): void {
		this.cancel();
		this.asked = request;
		this.askedMessages = messagesOf(this.document);
		this.askedCard = undefined;
		this.modelNote = modelNote;
		this.dropLive();
		this.current = {};
		this.stage = { kind: 'running', message: vscode.l10n.t('Starting'), abort };
		this.update();
		this.selected.fire();
	}

	/** The model of a run was loaded. */
	loaded(card: ModelCard, run: AbortController): void {
		if (this.stage.kind === 'running' && this.stage.abort === run) {
			this.askedCard = card;
		}
	}

	/** Of the model that what is on view was made with, where that was loaded in this session. */
	get card(): ModelCard | undefined {
		return this.view === this.last?.view ? this.answeredCard : this.askedCard;
	}

	/** `run` says which run an event belongs to: a cancelled one may still send when the next has begun. */
	receive(event: AnalyzeEvent, run: AbortController): void {
		if (this.stage.kind !== 'running' || this.stage.abort !== run) {
			return;
		}
		switch (event.kind) {
			case 'progress':
				this.stage = { ...this.stage, message: event.message, fraction: event.fraction };
				break;
			case 'started': {
				const trace = new LiveTrace(event.document);
				this.live = { trace, view: new TraceView(trace) };
				break;
			}
			case 'written':
				break;
			default:
				this.live?.trace.receive(event);
		}
		this.pending ??= setTimeout(() => this.update(), SNAPSHOT_INTERVAL);
	}

	/** Replaces the trace that was there. `cutShort`: why it has no evidence, though that was wanted. */
	finish(finished: Finished, run: AbortController, cutShort?: string): void {
		if (this.stage.kind !== 'running' || this.stage.abort !== run) {
			finished.file.dispose();
			return;
		}
		this.last?.file.dispose();
		this.last = finished;
		this.answered = this.asked;
		this.answeredMessages = this.askedMessages;
		this.answeredCard = this.askedCard;
		this.cutShort = cutShort;
		this.dropLive();
		this.stage = { kind: 'at-rest' };
		this.update();
	}

	/** What was found so far stays on view, and the last finished trace stays as it was. */
	stop(stage: Exclude<Stage, { kind: 'running' }>, run: AbortController): void {
		if (this.stage.kind === 'running' && this.stage.abort === run) {
			this.stage = stage;
			this.update();
		}
	}

	/** A trace of an earlier session, unless a run of this one was quicker. */
	restore(finished: Finished): void {
		if (this.last) {
			finished.file.dispose();
			return;
		}
		this.last = finished;
		this.update();
	}

	dismissFailure(): void {
		if (this.stage.kind === 'failed') {
			this.stage = { kind: 'at-rest' };
		}
		this.refresh();
	}

	cancel(): void {
		if (this.stage.kind === 'running') {
			this.stage.abort.abort();
		}
	}

	/** The prompt, the settings or the workspace's trust changed. */
	refresh(): void {
		this.pending ??= setTimeout(() => this.update(), SNAPSHOT_INTERVAL);
	}

	dispose(): void {
		this.cancel();
		clearTimeout(this.pending);
		this.dropLive();
		this.last?.file.dispose();
		this.changed.dispose();
		this.selected.dispose();
	}

	private run(): Run | undefined {
		const known = this.view?.source.document.notes ?? [];
		const { warnings } = readPromptFile(this.document).prompt;
		const cutShort = this.view === this.last?.view ? this.cutShort : undefined;
		const notes = [...warnings, this.modelNote, cutShort].filter((note) => note !== undefined && !known.includes(note)) as string[];
		const arms = this.live && this.view === this.live.view ? armsOf(this.asked, this.live.trace) : undefined;
		return this.view?.run(this.contentRevision, { arms, notes });
	}

	/** Of what stays on view after a run that did not finish. */
	private shown(): { shows?: 'partial' | 'previous'; stale?: boolean } {
		if (!this.view) {
			return {};
		}
		return this.view === this.last?.view ? { shows: 'previous', stale: this.stale } : { shows: 'partial' };
	}

	private blank(name: string): PanelState {
		if (!vscode.workspace.isTrusted) {
			return { kind: 'untrusted', name };
		}
		return this.engine.unavailable === undefined
			? { kind: 'idle', name, model: this.request().model || DEFAULT_MODEL }
			: { kind: 'unavailable', reason: this.engine.unavailable };
	}

	private update(): void {
		clearTimeout(this.pending);
		this.pending = undefined;
		this.contentRevision = nextRevision();
		this.changed.fire();
	}

	private dropLive(): void {
		this.live?.trace.dispose();
		this.live = undefined;
	}
}

/** Arms that a run in progress is going to have, so that those to come are shown as waiting. */
function armsOf(asked: Request | undefined, trace: LiveTrace): string[] | undefined {
	const recipe = trace.document.model.recipe as { arms?: unknown } | null | undefined;
	return asked?.arms ?? (typeof recipe?.arms === 'object' && recipe.arms !== null ? Object.keys(recipe.arms) : undefined);
}
