/** The panel beside the editor. It follows the prompt file that is open, and comes back after a reload of the window. */
import * as vscode from 'vscode';
import type { Reveal } from '../shared/panel';
import type { Focus } from './focus';
import { PanelView, type ViewTools } from './panelView';

export const PANEL_VIEW_TYPE = 'neuralese.panel';

export class Panel implements vscode.WebviewPanelSerializer, vscode.Disposable {
	private open?: { panel: vscode.WebviewPanel; view: PanelView };
	private readonly following: vscode.Disposable;

	constructor(
		private readonly tools: ViewTools,
		private readonly focus: Focus,
	) {
		this.following = focus.onDidChange(() => this.open?.view.show(focus.analysis));
	}

	get view(): PanelView | undefined {
		return this.open?.view;
	}

	/** Opens beside the editor, or brings to the front, without taking the focus; with `what` shows that, and the focus goes there. */
	reveal(what?: Reveal): void {
		const preserveFocus = what === undefined;
		if (this.open) {
			this.open.panel.reveal(undefined, preserveFocus);
		} else {
			const beside = { viewColumn: vscode.ViewColumn.Beside, preserveFocus };
			this.fill(vscode.window.createWebviewPanel(PANEL_VIEW_TYPE, 'Neuralese', beside));
		}
		if (what) {
			this.open?.view.reveal(what);
		}
	}

	async deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
		if (this.open) {
			panel.dispose();
		} else {
			this.fill(panel);
		}
	}

	dispose(): void {
		this.following.dispose();
		this.open?.panel.dispose();
	}

	private fill(panel: vscode.WebviewPanel): void {
		panel.iconPath = vscode.Uri.joinPath(this.tools.extensionUri, 'media', 'icon.svg');
		const view = new PanelView(panel.webview, this.tools);
		view.show(this.focus.analysis);
		this.open = { panel, view };
		panel.onDidDispose(() => {
			view.dispose();
			this.open = undefined;
		});
	}
}
