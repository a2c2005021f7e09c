/** The views inside one webview: the page, and the calls both ways. The panel and the trace editor share it. */
import * as vscode from 'vscode';
import type { Action, HostApi, PanelApi, Reveal } from '../shared/panel';
import type { Drawing, NoteChange, Shown } from '../shared/review';
import { CANCELLED, Remote, RpcError, serve, type Port } from '../shared/rpc';
import type { Cards } from './cards';
import { page, roots } from './page';
import type { Subject } from './subject';

/** Carries out what a button of a view asks for; `subject` is what that view shows. */
export type Act = (action: Action, subject: Subject | undefined) => Promise<void>;

/** What every view uses. */
export interface ViewTools {
	extensionUri: vscode.Uri;
	act: Act;
	cards: Cards;
	/** Opens files that were dropped on a view. */
	openDropped(uris: readonly string[]): Promise<void>;
}

/** A page that is on view answers at once; drawing a large picture takes it some seconds. */
const ANSWER_MS = 20_000;

export class PanelView implements vscode.Disposable {
	private readonly disposables: vscode.Disposable[] = [];
	private readonly port: Port;
	private remote?: Remote<PanelApi>;
	private readonly connected = new vscode.EventEmitter<void>();
	private subject?: Subject;
	private listening?: vscode.Disposable;
	/** What is to be shown; kept until a page has taken it, since one that was just opened does not run yet. */
	private revealing?: Reveal;

	constructor(webview: vscode.Webview, { extensionUri, act, cards, openDropped }: ViewTools) {
		webview.options = { enableScripts: true, localResourceRoots: roots(extensionUri) };
		this.port = {
			post: (message) => void webview.postMessage(message),
			onMessage: (listener) => webview.onDidReceiveMessage(listener),
		};
		this.disposables.push(
			serve<HostApi>(this.port, {
				ready: () => this.connect(),
				rows: ({ revision, rows, layer }) => this.read(revision).rows(rows, layer),
				tile: ({ revision, probe, rows }) => this.read(revision).tile(probe, rows),
				overview: ({ revision, bins, layer, probe }, { signal }) => this.read(revision).overview(bins, layer, probe, signal),
				details: ({ revision, row }) => this.read(revision).details(row),
				loops: ({ revision, arm, rows }) => this.read(revision).loops(arm, rows),
				course: (query) => this.read(query.revision).course(query),
				select: (selection) => this.subject?.select(selection),
				act: (action) => act(action, this.subject),
				note: (change) => this.note(change),
				open: ({ uris }) => openDropped(uris),
				card: ({ model }, { signal }) => cards.of(this.subject, model, signal),
			}),
		);
		webview.html = page(webview, extensionUri, 'webview');
	}

	/** Undefined: no prompt file is active. */
	show(subject: Subject | undefined): void {
		if (subject === this.subject) {
			return;
		}
		this.listening?.dispose();
		this.subject = subject;
		this.listening =
			subject &&
			vscode.Disposable.from(
				subject.onDidChange(() => this.sendState()),
				subject.onDidSelect(() => this.sendSelection()),
				...(subject.onDidReview ? [subject.onDidReview(() => this.sendReview())] : []),
			);
		this.sendAll();
	}

	/** What its page shows beyond the host's state. Rejects where the page does not answer: it is hidden. */
	shown(): Promise<Shown> {
		return this.ask('shown', undefined);
	}

	/** Bytes of a PNG file. */
	rasterize(drawing: Drawing): Promise<Uint8Array> {
		return this.ask('rasterize', drawing);
	}

	/** A section of the selected step's details, or a model's card. */
	reveal(what: Reveal): void {
		this.revealing = what;
		this.sendReveal();
	}

	dispose(): void {
		this.listening?.dispose();
		this.remote?.dispose();
		this.connected.dispose();
		vscode.Disposable.from(...this.disposables).dispose();
	}

	/** The page runs, for the first time or again after it was hidden: what it was sent before is lost. */
	private connect(): void {
		this.remote?.dispose();
		this.remote = new Remote<PanelApi>(this.port);
		this.connected.fire();
		this.sendAll();
		this.sendReveal();
	}

	private sendAll(): void {
		this.sendState();
		this.sendSelection();
		this.sendReview();
	}

	private sendState(): void {
		this.send('state', this.subject?.state() ?? { kind: 'empty' });
	}

	private sendSelection(): void {
		this.send('selection', this.subject?.selection ?? {});
	}

	private sendReview(): void {
		this.send('review', this.subject?.review?.shown() ?? null);
	}

	private sendReveal(): void {
		const what = this.revealing;
		if (what) {
			const taken = () => (this.revealing = this.revealing === what ? undefined : this.revealing);
			this.remote?.call('reveal', what).then(taken, () => undefined);
		}
	}

	/** A hidden page does not answer; it asks again with `ready`. */
	private send<M extends keyof PanelApi & string>(method: M, params: PanelApi[M]['params']): void {
		this.remote?.call(method, params).catch(() => undefined);
	}

	private async note(change: NoteChange): Promise<void> {
		const { review } = this.subject ?? {};
		if (!review) {
			throw new RpcError(vscode.l10n.t('Notes are kept beside a saved trace: save this one first.'), 'no-review');
		}
		await review.put(change);
	}

	private async ask<M extends 'shown' | 'rasterize'>(method: M, params: PanelApi[M]['params']): Promise<PanelApi[M]['result']> {
		const signal = AbortSignal.timeout(ANSWER_MS);
		try {
			return await (await this.running(signal)).call(method, params, { signal });
		} catch (error) {
			throw signal.aborted ? new Error(vscode.l10n.t('The view does not answer: bring it to the front and try again.')) : error;
		}
	}

	/** The page, as soon as it runs. Rejects when `signal` aborts. */
	private running(signal: AbortSignal): Promise<Remote<PanelApi>> {
		return new Promise((resolve, reject) => {
			if (this.remote) {
				return resolve(this.remote);
			}
			const listening = this.connected.event(() => (listening.dispose(), resolve(this.remote!)));
			signal.addEventListener('abort', () => (listening.dispose(), reject(signal.reason as Error)), { once: true });
		});
	}

	private read(revision = this.subject?.revision) {
		const view = this.subject?.view;
		if (!view || this.subject?.revision !== revision) {
			throw new RpcError('The view has moved on.', CANCELLED);
		}
		return view;
	}
}
