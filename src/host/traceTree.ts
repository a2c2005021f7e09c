/** The workspace's traces in the explorer, by prompt then by date, and those that were opened last, wherever they lie. */
import * as vscode from 'vscode';
import { listed, shelved, type Listed } from '../analysis/shelf';
import { plain } from './plain';
import { baseName } from './promptFile';
import { openTraceFile } from './traceFile';
import { TRACE_VIEW_TYPE } from './traceEditor';

const FILES = '**/*.trace.safetensors';
const NOT_IN = '**/node_modules/**';
/** Each is opened to be listed: some milliseconds. */
const MAX_FILES = 1_000;
const AT_ONCE = 8;
const MAX_RECENT = 12;
const RECENT_KEY = 'recentTraces';
/** A run of the command line may write many files at once. */
const SETTLE_MS = 300;

interface Trace {
	kind: 'trace';
	uri: vscode.Uri;
	/** Absent where the file is no sound trace. */
	known?: Listed;
	problem?: string;
}

interface Group {
	kind: 'group';
	label: string;
	icon: string;
	collapsed: boolean;
	children: Trace[];
}

type Node = Group | Trace | { kind: 'more' };

export class TraceTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
	private readonly changed = new vscode.EventEmitter<void>();
	readonly onDidChangeTreeData = this.changed.event;
	private readonly disposables: vscode.Disposable[] = [this.changed];
	/** By address; a file that was replaced is read again. */
	private readonly read = new Map<string, { stamp: string; trace: Promise<Trace> }>();
	private settling?: NodeJS.Timeout;

	constructor(
		private readonly memory: vscode.Memento,
		onDidOpen: vscode.Event<vscode.Uri>,
	) {
		const watcher = vscode.workspace.createFileSystemWatcher(FILES);
		const settle = () => this.settle();
		this.disposables.push(watcher, watcher.onDidCreate(settle), watcher.onDidChange(settle), watcher.onDidDelete(settle));
		this.disposables.push(vscode.workspace.onDidChangeWorkspaceFolders(settle));
		this.disposables.push(onDidOpen((uri) => void this.remember(uri)));
		this.disposables.push(vscode.window.registerTreeDataProvider('neuralese.traces', this));
		this.disposables.push(vscode.commands.registerCommand('neuralese.refreshTraces', () => this.refresh()));
	}

	dispose(): void {
		clearTimeout(this.settling);
		vscode.Disposable.from(...this.disposables).dispose();
	}

	getTreeItem(node: Node): vscode.TreeItem {
		switch (node.kind) {
			case 'group': {
				const { Collapsed, Expanded } = vscode.TreeItemCollapsibleState;
				const item = new vscode.TreeItem(plain(node.label), node.collapsed ? Collapsed : Expanded);
				item.iconPath = new vscode.ThemeIcon(node.icon);
				return item;
			}
			case 'trace':
				return traceItem(node);
			case 'more':
				return new vscode.TreeItem(vscode.l10n.t('Only {0} traces are listed.', MAX_FILES));
		}
	}

	async getChildren(node?: Node): Promise<Node[]> {
		if (node) {
			return node.kind === 'group' ? node.children : [];
		}
		const found = await vscode.workspace.findFiles(FILES, NOT_IN, MAX_FILES);
		const [traces, recent] = [await this.readAll(found), await this.readAll(this.recent())];
		const sound = traces.flatMap((trace) => (trace.known ? [{ ...trace.known, trace }] : []));
		const groups = shelved(sound).map(
			({ prompt, traces: of }): Node => ({ kind: 'group', label: prompt, icon: 'comment', collapsed: false, children: of.map(({ trace }) => trace) }),
		);
		const broken = traces.filter(({ known }) => !known);
		return [
			...(recent.length > 0 ? [{ kind: 'group', label: vscode.l10n.t('Recently opened'), icon: 'history', collapsed: true, children: recent } as Node] : []),
			...groups,
			...broken,
			...(found.length === MAX_FILES ? [{ kind: 'more' } as Node] : []),
		];
	}

	/** In the order of `uris`, without those that are gone. */
	private async readAll(uris: readonly vscode.Uri[]): Promise<Trace[]> {
		const traces: Trace[] = [];
		for (let start = 0; start < uris.length; start += AT_ONCE) {
			const some = await Promise.all(uris.slice(start, start + AT_ONCE).map((uri) => this.trace(uri)));
			traces.push(...some.filter((trace) => trace !== undefined));
		}
		return traces;
	}

	private async trace(uri: vscode.Uri): Promise<Trace | undefined> {
		const key = uri.toString();
		const stat = await vscode.workspace.fs.stat(uri).then(undefined, () => undefined);
		if (!stat) {
			this.read.delete(key);
			return undefined;
		}
		const stamp = `${stat.size} ${stat.mtime}`;
		if (this.read.get(key)?.stamp !== stamp) {
			this.read.set(key, { stamp, trace: readTrace(uri) });
		}
		return this.read.get(key)!.trace;
	}

	/** Those that were opened last, also where they are gone. */
	recent(): vscode.Uri[] {
		return this.memory.get<string[]>(RECENT_KEY, []).map((text) => vscode.Uri.parse(text, true));
	}

	private async remember(uri: vscode.Uri): Promise<void> {
		const others = this.memory.get<string[]>(RECENT_KEY, []).filter((text) => text !== uri.toString());
		await this.memory.update(RECENT_KEY, [uri.toString(), ...others].slice(0, MAX_RECENT));
		this.settle();
	}

	private settle(): void {
		clearTimeout(this.settling);
		this.settling = setTimeout(() => this.changed.fire(), SETTLE_MS);
	}

	private refresh(): void {
		this.read.clear();
		this.changed.fire();
	}
}

async function readTrace(uri: vscode.Uri): Promise<Trace> {
	try {
		const { file } = await openTraceFile(uri);
		try {
			return { kind: 'trace', uri, known: listed(file.document) };
		} finally {
			file.dispose();
		}
	} catch (error) {
		return { kind: 'trace', uri, problem: (error as Error).message };
	}
}

function traceItem({ uri, known, problem }: Trace): vscode.TreeItem {
	const name = baseName(uri);
	const item = new vscode.TreeItem(known ? dated(known.created) : plain(name));
	item.description = plain(known ? [known.model, known.answers].filter((part) => part !== '').join(' · ') : problem!);
	item.tooltip = [vscode.workspace.asRelativePath(uri), ...(known ? [known.prompt, known.model, known.created, known.answers] : [problem!])].join('\n');
	item.iconPath = new vscode.ThemeIcon(known ? 'graph-line' : 'warning');
	item.contextValue = 'trace';
	item.command = { command: 'vscode.openWith', title: vscode.l10n.t('Open Trace…'), arguments: [uri, TRACE_VIEW_TYPE] };
	return item;
}

/** In the user's language; a time that is none stays as it is. */
function dated(created: string): string {
	const time = new Date(created);
	return Number.isNaN(time.getTime()) ? plain(created) : time.toLocaleString(vscode.env.language, { dateStyle: 'medium', timeStyle: 'short' });
}
