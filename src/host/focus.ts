/** What the user looks at: the prompt document the panel follows, and the trace editor that is active, if one is. */
import * as vscode from 'vscode';
import type { Analyses } from './analyses';
import type { Analysis } from './analysis';
import { isPromptDocument } from './promptFile';
import type { TraceSubject } from './traceSubject';

export class Focus implements vscode.Disposable {
	private readonly changed = new vscode.EventEmitter<void>();
	readonly onDidChange = this.changed.event;
	private readonly disposables: vscode.Disposable[] = [];
	private prompt?: Analysis;
	private traceEditor?: TraceSubject;
	private readonly keys = new Map<string, boolean>();

	constructor(private readonly analyses: Analyses) {
		this.disposables.push(vscode.window.onDidChangeActiveTextEditor((editor) => editor && this.follow(editor)));
		this.disposables.push(vscode.window.onDidChangeVisibleTextEditors(() => this.start()));
		this.disposables.push(vscode.workspace.onDidCloseTextDocument((document) => this.close(document)));
		this.disposables.push(analyses.onDidChange((analysis) => (analysis === this.prompt ? this.update() : this.updateKeys())));
	}

	/** The last prompt document that was active; other editors and the panel itself do not take its place. */
	get analysis(): Analysis | undefined {
		this.start();
		return this.prompt;
	}

	/** Of the custom editor that has the focus. */
	get trace(): TraceSubject | undefined {
		return this.traceEditor;
	}

	/** Keeps to this prompt until another prompt's editor becomes active. */
	set(analysis: Analysis): void {
		const before = this.prompt;
		if (analysis !== before) {
			this.prompt = analysis;
			this.update();
			if (before?.prompt.isClosed) {
				this.analyses.release(before.promptUri);
			}
		}
	}

	setTrace(subject: TraceSubject | undefined): void {
		this.traceEditor = subject;
		this.update();
	}

	dispose(): void {
		this.changed.dispose();
		vscode.Disposable.from(...this.disposables).dispose();
	}

	/** After a reload the panel itself may be active, and the prompt beside it only visible. */
	private start(): void {
		const editors = [vscode.window.activeTextEditor, ...vscode.window.visibleTextEditors];
		for (const editor of editors) {
			if (editor && !this.prompt) {
				this.follow(editor);
			}
		}
	}

	/** The panel keeps to a prompt whose editor was closed; the others are let go. */
	private close(document: vscode.TextDocument): void {
		if (document.uri.toString() !== this.prompt?.promptUri.toString()) {
			this.analyses.release(document.uri);
		}
	}

	private follow(editor: vscode.TextEditor): void {
		if (isPromptDocument(editor.document) || this.analyses.known(editor.document.uri)) {
			this.set(this.analyses.of(editor.document));
		}
	}

	private update(): void {
		this.changed.fire();
		this.updateKeys();
	}

	private updateKeys(): void {
		this.setKey('hasTrace', this.prompt?.finished !== undefined);
		this.setKey('running', this.analyses.running.length > 0);
	}

	/** A context key for menus and the palette; a run changes the state twenty times a second, its keys twice. */
	private setKey(name: string, value: boolean): void {
		if (this.keys.get(name) !== value) {
			this.keys.set(name, value);
			void vscode.commands.executeCommand('setContext', `neuralese.${name}`, value);
		}
	}
}
