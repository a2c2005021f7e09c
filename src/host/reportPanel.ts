/** A report inside the editor: the same page as in `report.html`, with the editor's colours. It comes back after a reload of the window. */
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { Report } from '../analysis/report/content';
import { renderCsv } from '../analysis/report/csv';
import { renderHtml } from '../analysis/report/html';
import { renderMarkdown } from '../analysis/report/markdown';
import type { Log } from './log';
import type { ReportStore, ShownReport } from './reportStore';
import { writeText } from './saving';

export const REPORT_VIEW_TYPE = 'neuralese.report';

/** By the ending of the file that is saved. */
const FORMATS: readonly { ending: string; label: string; text(shown: ShownReport): string | undefined }[] = [
	{ ending: 'html', label: vscode.l10n.t('Page'), text: ({ report }) => renderHtml(report) },
	{ ending: 'md', label: 'Markdown', text: ({ report }) => renderMarkdown(report) },
	{ ending: 'csv', label: 'CSV', text: ({ report }) => renderCsv(report) },
	{ ending: 'json', label: vscode.l10n.t('Result'), text: ({ json }) => json },
];

export class ReportPanels implements vscode.WebviewPanelSerializer, vscode.Disposable {
	private readonly open = new Map<vscode.WebviewPanel, ShownReport>();
	/** The one that had the focus last. */
	private current?: vscode.WebviewPanel;
	private readonly command: vscode.Disposable;

	constructor(
		private readonly extensionUri: vscode.Uri,
		private readonly store: ReportStore,
		private readonly log: Log,
	) {
		this.command = vscode.commands.registerCommand('neuralese.saveReportAs', (options?: unknown) => this.save(targetOf(options)));
	}

	async show(shown: ShownReport): Promise<void> {
		const state = await this.store.keep(shown).catch((error: Error) => void this.log.warn(`A report will not come back after a reload: ${error.message}`));
		const column = vscode.window.activeTextEditor ? vscode.ViewColumn.Beside : vscode.ViewColumn.Active;
		const title = vscode.l10n.t('Report: {0}', shown.report.title);
		this.fill(vscode.window.createWebviewPanel(REPORT_VIEW_TYPE, title, column, { enableFindWidget: true }), shown, state ?? undefined);
	}

	async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
		const name = (state as { report?: string } | undefined)?.report;
		const shown = await this.store.find(name).catch((error: Error) => void this.log.warn(`A report cannot be shown again: ${error.message}`));
		if (shown) {
			this.fill(panel, shown, name);
		} else {
			panel.webview.html = renderHtml(goneReport(), { nonce: nonce() });
		}
	}

	private fill(panel: vscode.WebviewPanel, shown: ShownReport, state: string | undefined): void {
		panel.webview.options = { enableScripts: state !== undefined, localResourceRoots: [] };
		panel.iconPath = vscode.Uri.joinPath(this.extensionUri, 'media', 'icon.svg');
		panel.webview.html = renderHtml(shown.report, { nonce: nonce(), state });
		this.open.set(panel, shown);
		this.current = panel.active ? panel : (this.current ?? panel);
		panel.onDidChangeViewState(() => (this.current = panel.active ? panel : this.current));
		panel.onDidDispose(() => {
			this.open.delete(panel);
			this.current = this.current === panel ? [...this.open.keys()].at(-1) : this.current;
		});
	}

	dispose(): void {
		this.command.dispose();
		[...this.open.keys()].forEach((panel) => panel.dispose());
	}

	private async save(target: vscode.Uri | undefined): Promise<void> {
		const shown = this.current && this.open.get(this.current);
		if (!shown) {
			const message = vscode.l10n.t('There is no report to save: evaluate a data set first.');
			const action = { label: vscode.l10n.t('Evaluate Data Set…'), run: () => vscode.commands.executeCommand('neuralese.evaluateDataSet') };
			return this.log.tell('information', message, action);
		}
		const chosen = target ?? (await this.ask(shown));
		if (!chosen) {
			return;
		}
		const format = FORMATS.find(({ ending }) => chosen.path.endsWith(`.${ending}`));
		const text = format?.text(shown);
		const again = { label: vscode.l10n.t('Save Report As…'), run: () => this.save(undefined) };
		if (text === undefined) {
			return this.log.tell('error', vscode.l10n.t('A report is saved as .html, .md or .csv, a result as .json: choose such a name.'), again);
		}
		try {
			await writeText(chosen, 'The report', text);
			this.log.info(`saved ${chosen.fsPath}`);
		} catch (error) {
			await this.log.tell('error', (error as Error).message, again);
		}
	}

	private async ask(shown: ShownReport): Promise<vscode.Uri | undefined> {
		const formats = FORMATS.filter(({ ending }) => ending !== 'json' || shown.json !== undefined);
		const filters = Object.fromEntries(formats.map(({ label, ending }) => [label, [ending]]));
		const folder = shown.folder ?? vscode.workspace.workspaceFolders?.[0]?.uri;
		return vscode.window.showSaveDialog({ filters, ...(folder ? { defaultUri: vscode.Uri.joinPath(folder, 'report.html') } : {}) });
	}
}

function nonce(): string {
	return randomBytes(16).toString('base64');
}

/** In place of one that was not kept: the oldest go, and so do very large ones. */
function goneReport(): Report {
	const part = {
		title: vscode.l10n.t('This report is not kept any more'),
		subtitle: vscode.l10n.t('Run Evaluate Data Set… or Reproduce Published Figures… again to see it.'),
		...{ headline: [], sections: [], notes: [], provenance: [], figures: [] },
	};
	return { title: part.title, parts: [part], created: '', producer: '' };
}

function targetOf(options: unknown): vscode.Uri | undefined {
	const target = (options as { target?: unknown } | undefined)?.target;
	return target instanceof vscode.Uri ? target : undefined;
}
