/** The read-only editor of `*.trace.safetensors`: the panel's views of a file, without model or network. */
import * as vscode from 'vscode';
import type { Focus } from './focus';
import type { Log } from './log';
import { PanelView, type Act } from './panelView';
import { TraceSubject } from './traceSubject';

export const TRACE_VIEW_TYPE = 'neuralese.trace';

export class TraceEditor implements vscode.CustomReadonlyEditorProvider<TraceSubject> {
	private readonly selected = new vscode.EventEmitter<TraceSubject>();
	readonly onDidSelect = this.selected.event;

	constructor(
		private readonly extensionUri: vscode.Uri,
		private readonly focus: Focus,
		private readonly act: Act,
		private readonly log: Log,
	) {}

	async openCustomDocument(uri: vscode.Uri): Promise<TraceSubject> {
		const subject = await TraceSubject.open(uri, this.log);
		subject.onDidSelect(() => this.selected.fire(subject));
		return subject;
	}

	resolveCustomEditor(subject: TraceSubject, panel: vscode.WebviewPanel): void {
		const view = new PanelView(panel.webview, this.extensionUri, this.act);
		view.show(subject);
		const noteFocus = () => {
			if (panel.active) {
				this.focus.setTrace(subject);
			} else if (this.focus.trace === subject) {
				this.focus.setTrace(undefined);
			}
		};
		noteFocus();
		panel.onDidChangeViewState(noteFocus);
		panel.onDidDispose(() => {
			view.dispose();
			if (this.focus.trace === subject) {
				this.focus.setTrace(undefined);
			}
		});
	}
}
