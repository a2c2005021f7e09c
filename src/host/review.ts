/** The review of a trace on view: read from beside it, shown with it, and written back whole with what others have added meanwhile. */
import { randomUUID } from 'node:crypto';
import * as vscode from 'vscode';
import { noted, placeOf } from '../analysis/noted';
import { printable } from '../analysis/text';
import type { TraceView } from '../analysis/view';
import type { NoteChange, ReviewView } from '../shared/review';
import { lost, MAX_NAME, MAX_NOTE_TEXT, MAX_REVIEW_BYTES, merged, parseReview, reviewName, reviewText, REVIEW_VERSION, type Note } from '../trace/review';
import { baseName } from './promptFile';
import { writeText } from './saving';

/** Another window that began to write before we did has ended by then; later a note that is gone was taken away on purpose. */
const RACE_MS = 5_000;

export class TraceReview implements vscode.Disposable {
	private readonly changed = new vscode.EventEmitter<void>();
	readonly onDidChange = this.changed.event;
	private current: readonly Note[] = [];
	private problem?: string;
	/** Reading and writing one after the other: each write begins with what is on the disk. */
	private working: Promise<unknown> = Promise.resolve();
	/** Own notes that were just written, by id. */
	private readonly fresh = new Map<string, Note>();
	private readonly disposables: vscode.Disposable[] = [];
	private disposed = false;

	private constructor(
		private readonly uri: vscode.Uri,
		private readonly view: TraceView,
	) {
		const name = baseName(uri).replace(/[[\]{}*?]/g, '[$&]');
		const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(vscode.Uri.joinPath(uri, '..'), name));
		this.disposables.push(watcher);
		for (const event of [watcher.onDidChange, watcher.onDidCreate, watcher.onDidDelete]) {
			event(() => void this.queue(() => this.read()));
		}
		this.disposables.push(vscode.workspace.onDidChangeConfiguration((event) => event.affectsConfiguration('neuralese.reviewer') && this.changed.fire()));
	}

	/** Undefined of a file whose name is none of a trace: its review would have no name. */
	static async of(trace: vscode.Uri, view: TraceView): Promise<TraceReview | undefined> {
		const name = reviewName(baseName(trace));
		if (name === undefined) {
			return undefined;
		}
		const review = new TraceReview(vscode.Uri.joinPath(trace, '..', name), view);
		await review.read();
		return review;
	}

	/** Also those that were taken back. */
	get notes(): readonly Note[] {
		return this.current;
	}

	/** Ready for display. */
	shown(): ReviewView {
		const { placed, elsewhere } = noted(this.view.lookup.outline, this.notes);
		const me = reviewer();
		const notes = placed.map(({ row, note: { text, author } }) => ({
			row,
			// What one edits is left as it is.
			text: author === me ? text : text.split('\n').map(printable).join('\n'),
			...(author === undefined ? {} : { author: printable(author) }),
			own: author === me,
		}));
		return { problem: this.problem, notes, elsewhere };
	}

	/** Throws where there is no such step, or the file on the disk is no review of this trace. */
	async put({ row, text }: NoteChange): Promise<void> {
		const place = placeOf(this.view.lookup.outline, row);
		if (!place) {
			throw new Error(vscode.l10n.t('There is no step {0} to write a note on.', row + 1));
		}
		if (text !== null && text.length > MAX_NOTE_TEXT) {
			throw new Error(vscode.l10n.t('A note has at most {0} characters: this one has {1}.', MAX_NOTE_TEXT, text.length));
		}
		await this.queue(async () => {
			const author = reviewer();
			const notes = await this.load();
			const own = notes.find((one) => !one.removed && one.arm === place.arm && one.position === place.position && one.author === author);
			if (text === (own?.text ?? null)) {
				return;
			}
			const said = text ?? own!.text;
			await this.write(notes, [
				{
					id: own?.id ?? randomUUID(),
					...place,
					text: said,
					...(author === undefined ? {} : { author }),
					changed: new Date().toISOString(),
					...(text === null ? { removed: true } : {}),
				},
			]);
		});
	}

	dispose(): void {
		this.disposed = true;
		vscode.Disposable.from(...this.disposables, this.changed).dispose();
	}

	private queue(work: () => Promise<void>): Promise<void> {
		const done = this.working.then(work);
		this.working = done.catch(() => undefined);
		return done;
	}

	/** Never rejects: what is wrong with the file is shown. */
	private async read(): Promise<void> {
		try {
			const notes = await this.load();
			const since = new Date(Date.now() - RACE_MS).toISOString();
			const gone = lost([...this.fresh.values()].filter(({ changed }) => changed > since), notes);
			if (gone.length > 0 && !this.disposed) {
				await this.write(notes, gone);
				return;
			}
			[this.current, this.problem] = [notes, undefined];
		} catch (error) {
			[this.current, this.problem] = [[], (error as Error).message];
		}
		this.changed.fire();
	}

	private async write(notes: readonly Note[], own: readonly Note[]): Promise<void> {
		const all = merged(own, notes);
		const { created, prompt } = this.view.source.document;
		const trace = { created, promptSha256: prompt.sha256 };
		await writeText(this.uri, 'The review', reviewText({ format: 'neuralese-review', version: REVIEW_VERSION, trace, notes: all }));
		own.forEach((note) => this.fresh.set(note.id, note));
		[this.current, this.problem] = [all, undefined];
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
			// Deleted: nothing of it is to come back.
			this.fresh.clear();
			return [];
		}
		if (size > MAX_REVIEW_BYTES) {
			throw new Error(vscode.l10n.t('{0} has more than {1} MiB: split it.', name, MAX_REVIEW_BYTES / 2 ** 20));
		}
		const { trace, notes } = parseReview(new TextDecoder().decode(await vscode.workspace.fs.readFile(this.uri)), name);
		const { created, prompt } = this.view.source.document;
		if (trace.created !== created || trace.promptSha256 !== prompt.sha256) {
			throw new Error(vscode.l10n.t('{0} is about another run of that name: move it away to begin a new review, or open the trace that it is about.', name));
		}
		return notes;
	}
}

/** Who writes the notes, as the user calls themselves. */
function reviewer(): string | undefined {
	const name = vscode.workspace.getConfiguration('neuralese').get<unknown>('reviewer');
	return typeof name === 'string' && name.trim() !== '' ? name.trim().slice(0, MAX_NAME) : undefined;
}
