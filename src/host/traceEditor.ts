/** The read-only editor of `*.trace.safetensors`: the panel's views of a file, without model or network. */
import * as vscode from 'vscode';
import type { Reveal } from '../shared/panel';
import type { Focus } from './focus';
import type { Log } from './log';
import { PanelView, type ViewTools } from './panelView';
import { TraceSubject } from './traceSubject';

export const TRACE_VIEW_TYPE = 'neuralese.trace';

export class TraceEditor implements vscode.CustomReadonlyEditorProvider<TraceSubject> {
	private readonly selected = new vscode.EventEmitter<TraceSubject>();
	readonly onDidSelect = this.selected.event;
	private readonly opened = new vscode.EventEmitter<vscode.Uri>();
	readonly onDidOpen = this.opened.event;
	/** Of the editor that has the focus. */
	private active?: PanelView;

	constructor(
		private readonly tools: ViewTools,
		private readonly focus: Focus,
		private readonly log: Log,
	) {}

	async openCustomDocument(uri: vscode.Uri): Promise<TraceSubject> {
		const subject = await TraceSubject.open(uri, this.log);
		subject.onDidSelect(() => this.selected.fire(subject));
		this.opened.fire(uri);
		return subject;
	}

	/** Of the editor that has the focus. */
	get view(): PanelView | undefined {
		return this.active;
	}

	/** In the editor that has the focus. */
	reveal(what: Reveal): void {
		this.active?.reveal(what);
	}

	resolveCustomEditor(subject: TraceSubject, panel: vscode.WebviewPanel): void {
		const view = new PanelView(panel.webview, this.tools);
		view.show(subject);
		const noteFocus = () => {
			if (panel.active) {
				this.active = view;
				this.focus.setTrace(subject);
			} else if (this.focus.trace === subject) {
				this.focus.setTrace(undefined);
			}
		};
		noteFocus();
		panel.onDidChangeViewState(noteFocus);
		panel.onDidDispose(() => {
			view.dispose();
			this.active = this.active === view ? undefined : this.active;
			if (this.focus.trace === subject) {
				this.focus.setTrace(undefined);
			}
		});
	}
}
