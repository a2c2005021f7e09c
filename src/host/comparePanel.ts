/** Two traces side by side in a panel of its own. It comes back after a reload of the window. */
import * as vscode from 'vscode';
import type { CompareChoice, CompareHostApi, ComparePageApi, CompareState, NamedFile } from '../shared/compare';
import { CANCELLED, Remote, RpcError, serve, type Port } from '../shared/rpc';
import { ComparePair, type TraceChoice } from './comparePair';
import type { Log } from './log';
import { page, roots } from './page';
import { TRACE_VIEW_TYPE } from './traceEditor';

export const COMPARE_VIEW_TYPE = 'neuralese.compare';

export class ComparePanels implements vscode.WebviewPanelSerializer, vscode.Disposable {
	private readonly open = new Set<ComparePanel>();

	constructor(
		private readonly extensionUri: vscode.Uri,
		private readonly log: Log,
	) {}

	/** Resolves when both are read, or cannot be. */
	async show(a: TraceChoice, b: TraceChoice): Promise<void> {
		await this.fill(vscode.window.createWebviewPanel(COMPARE_VIEW_TYPE, 'Neuralese', vscode.ViewColumn.Active), a, b);
	}

	/** `state` is the page's, so that nothing is taken for granted. */
	async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
		const { files, choice } = (state ?? {}) as { files?: { a?: unknown; b?: unknown }; choice?: unknown };
		const [a, b] = [asTrace(files?.a), asTrace(files?.b)];
		if (a && b) {
			await this.fill(panel, a, b, asChoice(choice));
		} else {
			panel.dispose();
		}
	}

	dispose(): void {
		this.open.forEach((panel) => panel.dispose());
	}

	private fill(panel: vscode.WebviewPanel, a: TraceChoice, b: TraceChoice, choice?: CompareChoice): Promise<void> {
		const shown = new ComparePanel(panel, this.extensionUri, a, b, choice, this.log);
		this.open.add(shown);
		panel.onDidDispose(() => {
			this.open.delete(shown);
			shown.dispose();
		});
		return shown.load();
	}
}

class ComparePanel implements vscode.Disposable {
	private readonly serving: vscode.Disposable;
	private readonly port: Port;
	private remote?: Remote<ComparePageApi>;
	private pair?: ComparePair;
	private problem?: string;
	/** Begun so far: only the latest may be shown. */
	private loads = 0;

	constructor(
		private readonly panel: vscode.WebviewPanel,
		extensionUri: vscode.Uri,
		private a: TraceChoice,
		private b: TraceChoice,
		private choice: CompareChoice | undefined,
		private readonly log: Log,
	) {
		const { webview } = panel;
		webview.options = { enableScripts: true, localResourceRoots: roots(extensionUri) };
		panel.iconPath = vscode.Uri.joinPath(extensionUri, 'media', 'icon.svg');
		this.port = {
			post: (message) => void webview.postMessage(message),
			onMessage: (listener) => webview.onDidReceiveMessage(listener),
		};
		this.serving = serve<CompareHostApi>(this.port, {
			ready: () => {
				this.remote?.dispose();
				this.remote = new Remote<ComparePageApi>(this.port);
				this.send();
			},
			rows: ({ revision, rows }) => this.reader(revision).rows(rows),
			tile: ({ revision, plane, rows }) => this.reader(revision).tile(plane, rows),
			choose: (choice) => this.choose(choice),
			open: async (side) => void (await vscode.commands.executeCommand('vscode.openWith', (side === 'b' ? this.b : this.a).uri, TRACE_VIEW_TYPE)),
			swap: () => this.swap(),
			reload: () => this.load(),
		});
		webview.html = page(webview, extensionUri, 'compare');
	}

	/** Both files, anew. What cannot be read is what the page says. */
	async load(): Promise<void> {
		const { a, b } = this;
		const load = ++this.loads;
		this.panel.title = vscode.l10n.t('{0} ↔ {1}', a.label, b.label);
		this.close();
		this.problem = undefined;
		this.send();
		const opened = await ComparePair.open(a, b, this.choice).catch((error: Error) => {
			this.log.error(error.message, error);
			return error;
		});
		if (load !== this.loads) {
			return opened instanceof ComparePair ? opened.dispose() : undefined;
		}
		if (opened instanceof ComparePair) {
			this.pair = opened;
		} else {
			this.problem = opened.message;
		}
		this.send();
	}

	dispose(): void {
		this.loads++;
		this.close();
		this.remote?.dispose();
		this.serving.dispose();
		this.panel.dispose();
	}

	private close(): void {
		this.pair?.dispose();
		this.pair = undefined;
	}

	private async choose(choice: CompareChoice): Promise<void> {
		this.choice = asChoice(choice);
		await this.pair?.choose(this.choice);
		this.send();
	}

	private async swap(): Promise<void> {
		[this.a, this.b] = [this.b, this.a];
		this.choice = this.choice && { ...this.choice, a: this.choice.b, b: this.choice.a };
		await this.load();
	}

	private reader(revision: number) {
		const reader = this.pair?.reader(revision);
		if (!reader) {
			throw new RpcError('The view has moved on.', CANCELLED);
		}
		return reader;
	}

	/** A hidden page does not answer; it asks again with `ready`. */
	private send(): void {
		const named = ({ uri, label }: TraceChoice) => ({ uri: uri.toString(), label });
		const files = { a: named(this.a), b: named(this.b) };
		const state: CompareState = this.pair
			? { files, kind: 'ready', view: this.pair.view() }
			: this.problem === undefined
				? { files, kind: 'loading' }
				: { files, kind: 'failed', message: this.problem };
		this.remote?.call('state', state).catch(() => undefined);
	}
}

/** From the state that a page kept. */
function asTrace(value: unknown): TraceChoice | undefined {
	const { uri, label } = (value ?? {}) as Partial<NamedFile>;
	return typeof uri === 'string' && typeof label === 'string' ? { uri: vscode.Uri.parse(uri), label } : undefined;
}

/** From a page: the names of arms are looked up, so that any text is safe. */
function asChoice(value: unknown): CompareChoice | undefined {
	const { a, b, by } = (value ?? {}) as Partial<CompareChoice>;
	return typeof a === 'string' && typeof b === 'string' ? { a, b, by: by === 'index' ? 'index' : 'text' } : undefined;
}
