/** The review of a trace on view: read from beside it, shown with it, and written back whole with what others have added meanwhile. */
import { randomUUID } from 'node:crypto';
import * as vscode from 'vscode';
import type { TraceDocument } from '../trace/document';
import { replaceText } from '../trace/replace.node';
import { MAX_REVIEW_BYTES, merged, parseReview, reviewName, reviewText, REVIEW_VERSION, type Note, type Review } from '../trace/review';
import { baseName } from './promptFile';

/** What a step is called in a review. */
export type Place = Pick<Note, 'arm' | 'position'>;

export class TraceReview implements vscode.Disposable {
	private readonly changed = new vscode.EventEmitter<void>();
	readonly onDidChange = this.changed.event;
	private current: readonly Note[] = [];
	private trouble?: string;
	/** One write after the other: each begins with what is on the disk. */
	private writing: Promise<unknown> = Promise.resolve();
	private readonly watcher: vscode.FileSystemWatcher;

	private constructor(
		private readonly uri: vscode.Uri,
		private readonly trace: Review['trace'],
	) {
		this.watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(vscode.Uri.joinPath(uri, '..'), baseName(uri).replace(/[[\]{}*?]/g, '[$&]')));
		const again = () => void this.read();
		this.watcher.onDidChange(again);
		this.watcher.onDidCreate(again);
		this.watcher.onDidDelete(again);
	}

	/** Undefined of a file whose name is none of a trace: its review would have no name. */
	static async of(trace: vscode.Uri, { created, prompt }: TraceDocument): Promise<TraceReview | undefined> {
		const name = reviewName(baseName(trace));
		if (name === undefined) {
			return undefined;
		}
		const review = new TraceReview(vscode.Uri.joinPath(trace, '..', name), { created, promptSha256: prompt.sha256 });
		await review.read();
		return review;
	}

	/** That are there, whoever wrote them. */
	get notes(): readonly Note[] {
		return this.current.filter(({ removed }) => !removed);
	}

	/** Why the file beside the trace is not shown; nothing is written while it cannot be read. */
	get problem(): string | undefined {
		return this.trouble;
	}

	/** The note of `author` at a step: written, changed, or taken back where `text` is undefined. An empty text is a bookmark. */
	put({ arm, position }: Place, author: string | undefined, text: string | undefined): Promise<void> {
		const write = this.writing.then(async () => {
			const notes = await this.load();
			const own = notes.find((one) => !one.removed && one.arm === arm && one.position === position && one.author === author);
			const now = { arm, position, text: text ?? own?.text ?? '', changed: new Date().toISOString(), ...(author === undefined ? {} : { author }) };
			if (!own && text === undefined) {
				return;
			}
			const note: Note = { id: own?.id ?? randomUUID(), ...now, ...(text === undefined ? { removed: true } : {}) };
			this.current = merged([note], notes);
			await this.save();
			this.changed.fire();
		});
		this.writing = write.catch(() => undefined);
		return write;
	}

	dispose(): void {
		this.watcher.dispose();
		this.changed.dispose();
	}

	private async read(): Promise<void> {
		try {
			this.current = await this.load();
			this.trouble = undefined;
		} catch (error) {
			this.current = [];
			this.trouble = (error as Error).message;
		}
		this.changed.fire();
	}

	/** What is on the disk; nothing where there is no file. Throws where it is no review of this trace. */
	private async load(): Promise<Note[]> {
		const name = baseName(this.uri);
		const size = await vscode.workspace.fs.stat(this.uri).then(
			(stat) => stat.size,
			() => undefined,
		);
		if (size === undefined) {
			return [];
		}
		if (size > MAX_REVIEW_BYTES) {
			throw new Error(vscode.l10n.t('{0} has more than {1} MiB: split it.', name, MAX_REVIEW_BYTES / 2 ** 20));
		}
		const review = parseReview(new TextDecoder().decode(await vscode.workspace.fs.readFile(this.uri)), name);
		if (review.trace.created !== this.trace.created || review.trace.promptSha256 !== this.trace.promptSha256) {
			throw new Error(vscode.l10n.t('{0} is about another run of that name: move it away to begin a new review, or open the trace that it is about.', name));
		}
		return review.notes;
	}

	private async save(): Promise<void> {
		const text = reviewText({ format: 'neuralese-review', version: REVIEW_VERSION, trace: this.trace, notes: [...this.current] });
		if (this.uri.scheme === 'file') {
			await replaceText(this.uri.fsPath, 'The review', text);
		} else {
			await vscode.workspace.fs.writeFile(this.uri, new TextEncoder().encode(text));
		}
	}
}
