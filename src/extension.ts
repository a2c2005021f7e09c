import { join } from 'node:path';
import * as vscode from 'vscode';
import { AddModel } from './host/addModel';
import { Analyses } from './host/analyses';
import { Archive } from './host/archive';
import { Cards } from './host/cards';
import { ModelChoice } from './host/chooseModel';
import { PromptLens } from './host/codeLens';
import { Commands, perform } from './host/commands';
import { CompareCommands } from './host/compare';
import { COMPARE_VIEW_TYPE, ComparePanels } from './host/comparePanel';
import { Diagnostics } from './host/diagnostics';
import { EngineHost } from './host/engine';
import { Evaluations } from './host/evaluation';
import { Focus } from './host/focus';
import { TokenHover } from './host/hover';
import { HubTokens } from './host/hubToken';
import { LoadBearing } from './host/loadBearing';
import { Importing } from './host/importing';
import { ImportProcess } from './host/importProcess';
import { ImportRooms } from './host/importRooms';
import { Log } from './host/log';
import { Models } from './host/models';
import { Panel, PANEL_VIEW_TYPE } from './host/panel';
import { ProbeCommands } from './host/probes';
import { Provenance } from './host/provenance';
import { ReportPanels, REPORT_VIEW_TYPE } from './host/reportPanel';
import { ReportStore } from './host/reportStore';
import { ResultStore } from './host/resultStore';
import { Reveal } from './host/reveal';
import { StatusBar } from './host/statusBar';
import { openDropped } from './host/dropping';
import { Exporting } from './host/exporting';
import { Reviewing } from './host/reviewing';
import { TRACE_VIEW_TYPE, TraceEditor } from './host/traceEditor';
import { TraceSearch } from './host/traceSearch';
import { TraceTree } from './host/traceTree';
import type { PanelState } from './shared/panel';

/** For the integration tests: neither the panel's state nor the engine's process shows through the editor's own API. */
export interface Inspection {
	state(prompt: vscode.Uri): PanelState | undefined;
	/** Of the trace editor that has the focus. */
	trace(): PanelState | undefined;
	enginePid(): number | undefined;
	/** Folder of the results of data sets, and of the journals of those that were not finished. */
	results: string;
}

export function activate(context: vscode.ExtensionContext): Inspection {
	const register = <T extends vscode.Disposable>(disposable: T): T => (context.subscriptions.push(disposable), disposable);
	const { extensionUri } = context;
	const log = register(new Log());
	const engine = register(new EngineHost(context.asAbsolutePath(join('dist', 'engine.js')), log));
	const models = new Models(extensionUri);
	const storage = (context.storageUri ?? context.globalStorageUri).fsPath;
	const archive = new Archive(join(storage, 'traces'));
	const analyses = register(new Analyses(engine, models, archive, join(context.globalStorageUri.fsPath, 'cache'), log));
	const focus = register(new Focus(analyses));
	const tools = { extensionUri, act: perform, cards: new Cards(engine, models), openDropped };
	const panel = register(new Panel(tools, focus));
	const traces = new TraceEditor(tools, focus, log);
	const lens = register(new PromptLens(analyses));
	register(new Reveal(analyses, traces.onDidSelect));
	register(new StatusBar(focus));
	register(new Diagnostics(analyses));
	register(new LoadBearing(focus, panel, traces, log));
	register(new Commands(extensionUri, analyses, engine, focus, panel, traces, log));
	register(new TraceSearch(focus, log));
	register(new Reviewing(focus, panel, traces, log));
	register(new Exporting(focus, panel, traces, log));
	const tree = register(new TraceTree(context.workspaceState, traces.onDidOpen));
	const choice = register(new ModelChoice(models, focus, log));
	const inTest = context.extensionMode === vscode.ExtensionMode.Test;
	register(new AddModel(engine, choice, new HubTokens(context.secrets), panel, log, inTest));
	register(new Importing(new ImportProcess(context.asAbsolutePath(join('dist', 'cli.js'))), new ImportRooms(join(storage, 'imports')), log));
	register(new ProbeCommands(engine, models, log));
	register(new Provenance(engine, models, focus, log));
	const comparisons = register(new ComparePanels(extensionUri, log));
	register(new CompareCommands(comparisons, analyses, focus, tree, log));
	const reports = register(new ReportPanels(extensionUri, new ReportStore(new ResultStore(join(storage, 'reports'))), log));
	const results = new ResultStore(join(storage, 'results'));
	register(new Evaluations(engine, models, results, reports, log));
	register(vscode.window.registerWebviewPanelSerializer(COMPARE_VIEW_TYPE, comparisons));
	register(vscode.window.registerWebviewPanelSerializer(REPORT_VIEW_TYPE, reports));
	register(vscode.window.registerWebviewPanelSerializer(PANEL_VIEW_TYPE, panel));
	register(vscode.window.registerCustomEditorProvider(TRACE_VIEW_TYPE, traces, { supportsMultipleEditorsPerDocument: true }));
	register(vscode.languages.registerHoverProvider('*', new TokenHover(analyses)));
	register(vscode.languages.registerCodeLensProvider('*', lens));
	return {
		state: (prompt) => analyses.known(prompt)?.state(),
		trace: () => focus.trace?.state(),
		enginePid: () => engine.pid,
		results: results.folder,
	};
}
