/** A trace file on view. A file that is not a sound trace is a subject too: it says so. */
import * as vscode from 'vscode';
import type { TraceView } from '../analysis/view';
import type { PanelState, Selection } from '../shared/panel';
import { asFailure, type Failure } from './failure';
import type { Log } from './log';
import { baseName } from './promptFile';
import { TraceReview } from './review';
import { nextRevision, type Subject } from './subject';
import { openTraceFile, type OpenTrace } from './traceFile';

type Content = ({ kind: 'open'; review?: TraceReview } & OpenTrace) | { kind: 'failed'; failure: Failure };

export class TraceSubject implements Subject, vscode.CustomDocument {
	private readonly changed = new vscode.EventEmitter<void>();
	private readonly selected = new vscode.EventEmitter<void>();
	readonly onDidChange = this.changed.event;
	readonly onDidSelect = this.selected.event;
	private readonly reviewed = new vscode.EventEmitter<void>();
	readonly onDidReview = this.reviewed.event;
	private current: Selection = {};
	/** Of the file, begun so far: only the latest one may be shown. */
	private readings = 0;
	private disposed = false;
	private contentRevision = nextRevision();
	/** A run of the command line may replace the file while it is on view. */
	private readonly watcher: vscode.FileSystemWatcher;

	private constructor(
		readonly uri: vscode.Uri,
		private readonly log: Log,
		private content: Content,
	) {
		this.follow();
		const name = baseName(uri).replace(/[[\]{}*?]/g, '[$&]');
		const pattern = new vscode.RelativePattern(vscode.Uri.joinPath(uri, '..'), name);
		this.watcher = vscode.workspace.createFileSystemWatcher(pattern, false, false, true);
		this.watcher.onDidChange(() => void this.reopen());
		this.watcher.onDidCreate(() => void this.reopen());
	}

	/** Never rejects: a file that cannot be read is shown as such. */
	static async open(uri: vscode.Uri, log: Log): Promise<TraceSubject> {
		const subject: TraceSubject = new TraceSubject(uri, log, await read(uri, log, () => void subject.reopen()));
		return subject;
	}

	get selection(): Selection {
		return this.current;
	}

	get view(): TraceView | undefined {
		return this.content.kind === 'open' ? this.content.view : undefined;
	}

	get review(): TraceReview | undefined {
		return this.content.kind === 'open' ? this.content.review : undefined;
	}

	get revision(): number {
		return this.contentRevision;
	}

	state(): PanelState {
		const name = baseName(this.uri);
		switch (this.content.kind) {
			case 'failed':
				return { kind: 'failed', name, ...this.content.failure, source: 'file' };
			case 'open':
				return { kind: 'ready', name, run: this.content.view.run(this.contentRevision), stale: false, source: 'file' };
		}
	}

	select(selection: Selection): void {
		this.current = selection;
		this.selected.fire();
	}

	dispose(): void {
		this.disposed = true;
		// What it marked in a prompt goes with it.
		this.select({});
		close(this.content);
		this.watcher.dispose();
		this.changed.dispose();
		this.selected.dispose();
		this.reviewed.dispose();
	}

	/** The file was replaced. */
	private async reopen(): Promise<void> {
		const reading = ++this.readings;
		const content = await read(this.uri, this.log, () => void this.reopen());
		if (this.disposed || reading !== this.readings) {
			close(content);
			return;
		}
		close(this.content);
		this.content = content;
		this.contentRevision = nextRevision();
		this.follow();
		this.changed.fire();
		this.reviewed.fire();
	}

	private follow(): void {
		this.review?.onDidChange(() => this.reviewed.fire());
	}
}

function close(content: Content): void {
	if (content.kind === 'open') {
		content.review?.dispose();
		content.file.dispose();
	}
}

async function read(uri: vscode.Uri, log: Log, onReplaced: () => void): Promise<Content> {
	try {
		const open = await openTraceFile(uri, onReplaced);
		return { kind: 'open', ...open, review: await TraceReview.of(uri, open.view) };
	} catch (error) {
		const failure = asFailure(error);
		log.error(`${baseName(uri)}: ${failure.message}`, error);
		return { kind: 'failed', failure };
	}
}
