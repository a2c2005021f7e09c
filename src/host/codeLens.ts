/** Above the first line of a prompt file: analyse it, or show what was found. */
import * as vscode from 'vscode';
import type { Analyses } from './analyses';
import { isPromptDocument } from './promptFile';
import { SECTION } from './settings';

export class PromptLens implements vscode.CodeLensProvider, vscode.Disposable {
	private readonly changed = new vscode.EventEmitter<void>();
	readonly onDidChangeCodeLenses = this.changed.event;
	private readonly disposables: vscode.Disposable[] = [this.changed];
	/** What the lenses of each prompt say, so that they are asked for again only when that changes. */
	private readonly said = new Map<string, string>();

	constructor(private readonly analyses: Analyses) {
		this.disposables.push(
			analyses.onDidChange((analysis) => {
				const key = analysis.promptUri.toString();
				const says = `${analysis.running} ${analysis.finished !== undefined}`;
				if (this.said.get(key) !== says) {
					this.said.set(key, says);
					this.changed.fire();
				}
			}),
		);
		this.disposables.push(
			vscode.workspace.onDidChangeConfiguration((event) => {
				if (event.affectsConfiguration(`${SECTION}.codeLens`)) {
					this.changed.fire();
				}
			}),
		);
	}

	async provideCodeLenses(document: vscode.TextDocument): Promise<vscode.CodeLens[]> {
		if (!isPromptDocument(document) || !vscode.workspace.getConfiguration(SECTION).get('codeLens', true)) {
			return [];
		}
		const analysis = await this.analyses.find(document);
		const lens = (title: string, name: string) => {
			const command = { title, command: `neuralese.${name}`, arguments: [document.uri] };
			return new vscode.CodeLens(new vscode.Range(0, 0, 0, 0), command);
		};
		const cancel = lens(vscode.l10n.t('Cancel Analysis'), 'cancelAnalysis');
		const analyze = lens(vscode.l10n.t('Analyze Prompt'), 'analyzePrompt');
		return [
			analysis?.running ? cancel : analyze,
			...(analysis?.running || analysis?.finished ? [lens(vscode.l10n.t('Show Trace'), 'showTrace')] : []),
		];
	}

	dispose(): void {
		vscode.Disposable.from(...this.disposables).dispose();
	}
}
