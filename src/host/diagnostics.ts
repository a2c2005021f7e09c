/** What is odd in a prompt's front matter, at its place in the editor, once it was analysed. Never more than a warning. */
import * as vscode from 'vscode';
import type { Analyses } from './analyses';
import type { Analysis } from './analysis';
import { readPromptFile } from './promptFile';

export class Diagnostics implements vscode.Disposable {
	private readonly collection = vscode.languages.createDiagnosticCollection('neuralese');
	private readonly disposables: vscode.Disposable[] = [];
	/** What is shown for each prompt; a run changes its state twenty times a second, and its warnings never. */
	private readonly shown = new Map<string, string>();

	constructor(analyses: Analyses) {
		this.disposables.push(analyses.onDidChange((analysis) => this.update(analysis)));
		this.disposables.push(analyses.onDidRelease((prompt) => this.forget(prompt)));
	}

	dispose(): void {
		vscode.Disposable.from(...this.disposables, this.collection).dispose();
	}

	private forget(prompt: vscode.Uri): void {
		this.shown.delete(prompt.toString());
		this.collection.delete(prompt);
	}

	/** Other Markdown files have headers of their own, which are none of our business until somebody analyses them. */
	private update(analysis: Analysis): void {
		const warnings = analysis.view ? readPromptFile(analysis.prompt).prompt.warnings : [];
		const [key, now] = [analysis.promptUri.toString(), warnings.join('\n')];
		if ((this.shown.get(key) ?? '') !== now) {
			this.shown.set(key, now);
			this.collection.set(analysis.promptUri, warnings.map((warning) => diagnose(analysis.prompt, warning)));
		}
	}
}

function diagnose(document: vscode.TextDocument, warning: string): vscode.Diagnostic {
	const diagnostic = new vscode.Diagnostic(document.lineAt(0).range, warning, vscode.DiagnosticSeverity.Warning);
	diagnostic.source = 'Neuralese';
	return diagnostic;
}
