/** Commands that hold two traces against each other: asked for by name, or chosen in the explorer as VS Code compares files. */
import * as vscode from 'vscode';
import type { Analyses } from './analyses';
import type { ComparePanels } from './comparePanel';
import type { TraceChoice } from './comparePair';
import type { Focus } from './focus';
import type { Log } from './log';
import { plain } from './plain';
import { baseName } from './promptFile';
import { TRACE_VIEW_TYPE } from './traceEditor';
import type { TraceTree } from './traceTree';

const PATTERN = '**/*.trace.safetensors';
/** Of the workspace: a list of more is not read. */
const MAX_LISTED = 200;
const HAS_SELECTED = 'neuralese.hasSelectedTrace';

interface Item extends vscode.QuickPickItem {
	/** Absent of "Open File…". */
	trace?: TraceChoice;
}

export class CompareCommands implements vscode.Disposable {
	private readonly commands: vscode.Disposable;
	/** By "Select for Compare". */
	private selected?: TraceChoice;

	constructor(
		private readonly panels: ComparePanels,
		private readonly analyses: Analyses,
		private readonly focus: Focus,
		private readonly tree: TraceTree,
		private readonly log: Log,
	) {
		const { registerCommand } = vscode.commands;
		this.commands = vscode.Disposable.from(
			registerCommand('neuralese.compareWith', (resource?: unknown, options?: unknown) => this.compareWith(choiceOf(resource), withOf(options))),
			registerCommand('neuralese.selectForCompare', (resource?: unknown) => this.select(choiceOf(resource) ?? this.current())),
			registerCommand('neuralese.compareWithSelected', (resource?: unknown) => this.compareWithSelected(choiceOf(resource) ?? this.current())),
			registerCommand('neuralese.compareSelected', (_?: unknown, resources?: unknown) => this.compareSelected(resources)),
		);
	}

	dispose(): void {
		this.commands.dispose();
	}

	/** What is not named is asked for. */
	private async compareWith(from: TraceChoice | undefined, to: TraceChoice | undefined): Promise<void> {
		const a = from ?? this.current() ?? (await this.ask(vscode.l10n.t('The first of the two traces'), undefined));
		const b = a && (to ?? (await this.ask(vscode.l10n.t('The trace that {0} is compared with', plain(a.label)), a)));
		if (a && b) {
			await this.panels.show(a, b);
		}
	}

	private async select(trace: TraceChoice | undefined): Promise<void> {
		if (!trace) {
			return this.explain(vscode.l10n.t('Choose a trace file in the explorer, or open one.'));
		}
		this.selected = trace;
		await vscode.commands.executeCommand('setContext', HAS_SELECTED, true);
		vscode.window.setStatusBarMessage(vscode.l10n.t('{0} is selected for compare', plain(trace.label)), 3_000);
	}

	private async compareWithSelected(trace: TraceChoice | undefined): Promise<void> {
		if (!this.selected || !trace) {
			return this.explain(vscode.l10n.t('Choose “Select Trace for Compare” on one trace, then this on another.'));
		}
		await this.panels.show(this.selected, trace);
	}

	private async compareSelected(resources: unknown): Promise<void> {
		const [a, b, more] = Array.isArray(resources) ? resources.map(choiceOf) : [];
		if (!a || !b || more) {
			return this.explain(vscode.l10n.t('Select two trace files in the explorer.'));
		}
		await this.panels.show(a, b);
	}

	/** The trace that has the focus, or that the panel shows. */
	private current(): TraceChoice | undefined {
		const { trace, analysis } = this.focus;
		if (trace) {
			return { uri: trace.uri, label: baseName(trace.uri) };
		}
		const finished = analysis?.finished;
		return finished && { uri: vscode.Uri.file(finished.path), label: baseName(analysis.promptUri) };
	}

	private async ask(placeHolder: string, other: TraceChoice | undefined): Promise<TraceChoice | undefined> {
		const items = this.listed(other);
		const picked = await vscode.window.showQuickPick(items, { placeHolder, matchOnDescription: true });
		if (!picked || picked.trace) {
			return picked?.trace;
		}
		const [chosen] = (await vscode.window.showOpenDialog({ canSelectMany: false, filters: { [vscode.l10n.t('Neuralese traces')]: ['safetensors'] } })) ?? [];
		return chosen && choiceOf(chosen);
	}

	/** Open ones, those of this window's analyses, those opened last, those of the workspace, and any other file. */
	private async listed(other: TraceChoice | undefined): Promise<Item[]> {
		const tabs = vscode.window.tabGroups.all.flatMap(({ tabs: all }) => all.flatMap(({ input }) => (input instanceof vscode.TabInputCustom && input.viewType === TRACE_VIEW_TYPE ? input.uri : [])));
		const finished = this.analyses.finished.map(({ promptUri, path }) => ({ uri: vscode.Uri.file(path), label: baseName(promptUri) }));
		const found = await vscode.workspace.findFiles(PATTERN, undefined, MAX_LISTED);
		const named = (uris: readonly vscode.Uri[]) => uris.map((uri) => ({ uri, label: baseName(uri) }));
		const analysed = vscode.l10n.t('analyzed');
		const groups: [string, TraceChoice[]][] = [
			[vscode.l10n.t('open'), named(tabs)],
			[analysed, finished],
			[vscode.l10n.t('recently opened'), named(this.tree.recent())],
			[vscode.l10n.t('in the workspace'), named(found.sort((one, two) => one.path.localeCompare(two.path)))],
		];
		const seen = new Set([other?.uri.toString()]);
		const items = groups.flatMap(([kind, traces]) => {
			const fresh = traces.filter(({ uri }) => seen.size < seen.add(uri.toString()).size);
			const separator: Item = { label: kind, kind: vscode.QuickPickItemKind.Separator };
			const folder = ({ uri }: TraceChoice) => (kind === analysed ? '' : vscode.workspace.asRelativePath(uri).replace(/\/?[^/\\]*$/, ''));
			return fresh.length === 0 ? [] : [separator, ...fresh.map((trace): Item => ({ label: plain(trace.label), description: plain(folder(trace)), trace }))];
		});
		return [...items, { label: '', kind: vscode.QuickPickItemKind.Separator }, { label: vscode.l10n.t('Open File…') }];
	}

	private explain(message: string): Promise<void> {
		return this.log.tell('information', message, { label: vscode.l10n.t('Compare with…'), run: () => this.compareWith(undefined, undefined) });
	}
}

/** The explorer's menus pass a resource, the tree of traces one of its nodes; a palette passes nothing. */
function choiceOf(resource: unknown): TraceChoice | undefined {
	const uri = resource instanceof vscode.Uri ? resource : (resource as { uri?: unknown } | null | undefined)?.uri;
	return uri instanceof vscode.Uri ? { uri, label: baseName(uri) } : undefined;
}

/** From other extensions and tests: `{ with }` instead of the list. Menus pass a selection there, which has none. */
function withOf(options: unknown): TraceChoice | undefined {
	return choiceOf((options as { with?: unknown } | null | undefined)?.with);
}
