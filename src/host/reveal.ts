/** Marks in the prompt file where what is selected in a panel stands there, and brings the first such place into view. */
import * as vscode from 'vscode';
import { ownWords, ownWordsNow } from '../prompts/own';
import type { Analyses } from './analyses';
import { isText, readPromptFile, toEditorRange } from './promptFile';
import type { Subject } from './subject';
import { Unchanged } from './unchanged';

export class Reveal implements vscode.Disposable {
	private readonly disposables: vscode.Disposable[] = [];
	private readonly mark = vscode.window.createTextEditorDecorationType({
		backgroundColor: new vscode.ThemeColor('editor.findMatchHighlightBackground'),
		borderColor: new vscode.ThemeColor('editor.findMatchHighlightBorder'),
		overviewRulerColor: new vscode.ThemeColor('editorOverviewRuler.findMatchForeground'),
		overviewRulerLane: vscode.OverviewRulerLane.Center,
		rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
	});
	/** What was selected last, in whichever view. */
	private shown?: Subject;

	constructor(analyses: Analyses, onDidSelectInTrace: vscode.Event<Subject>) {
		this.disposables.push(this.mark);
		this.disposables.push(analyses.onDidSelect((analysis) => this.show(analysis)));
		this.disposables.push(onDidSelectInTrace((subject) => this.show(subject)));
		this.disposables.push(vscode.window.onDidChangeVisibleTextEditors(() => this.decorateAll(false)));
	}

	dispose(): void {
		vscode.Disposable.from(...this.disposables).dispose();
	}

	private show(subject: Subject): void {
		this.shown = subject;
		this.decorateAll(true);
	}

	private decorateAll(reveal: boolean): void {
		vscode.window.visibleTextEditors.forEach((editor) => void this.decorate(editor, reveal));
	}

	/** A trace that was closed or replaced meanwhile has no places. */
	private async decorate(editor: vscode.TextEditor, reveal: boolean): Promise<void> {
		const subject = this.shown;
		const selection = subject?.selection;
		const ranges = subject ? await places(editor.document, subject).catch(() => []) : [];
		if (subject !== this.shown || selection !== subject?.selection) {
			return;
		}
		editor.setDecorations(this.mark, ranges);
		if (reveal && ranges[0]) {
			editor.revealRange(ranges[0], vscode.TextEditorRevealType.InCenterIfOutsideViewport);
		}
	}
}

/** In the prompt that was analysed, as far as it is unchanged; for a trace file, in any open file that holds the same prompt. */
async function places(document: vscode.TextDocument, { promptUri, view, selection }: Subject): Promise<vscode.Range[]> {
	if (!view || !isText(document) || (promptUri && document.uri.toString() !== promptUri.toString())) {
		return [];
	}
	const { input, prompt } = readPromptFile(document);
	const analysed = view.source.document.prompt;
	const then = ownWords(analysed);
	const now = ownWordsNow(analysed, prompt, input);
	if (!promptUri && now.text !== then.text) {
		return [];
	}
	const unchanged = new Unchanged(then.text, now.text);
	return (await view.occurrences(selection))
		.flatMap((range) => then.fromText(range))
		.map((range) => unchanged.forward(range))
		.filter((range) => range !== undefined)
		.flatMap((range) => now.toFile(range))
		.map((range) => toEditorRange(document, range));
}
