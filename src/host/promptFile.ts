/** A text document as a prompt: what the model is given, and the way between its offsets and the editor's positions. */
import * as vscode from 'vscode';
import { isTemplated, ownWords, ownWordsNow } from '../prompts/own';
import { conversationOf, isPromptFile, parsePrompt, toPromptInput, type Prompt } from '../prompts/prompt';
import type { PromptInput } from '../engine/api';
import type { Range } from '../shared/range';
import type { PromptRecord } from '../trace/document';

/** Documents that show output of the editor itself, not a file of the user's. */
const NOT_FILES = new Set(['output', 'comment', 'search-editor', 'vscode-scm', 'git', 'debug', 'walkThrough', 'vscode-settings']);

export interface ReadPrompt {
	name: string;
	prompt: Prompt;
	input: PromptInput;
}

export function isText(document: vscode.TextDocument): boolean {
	return !NOT_FILES.has(document.uri.scheme);
}

/** Whether an analysis is offered without being asked; the command works on any text editor. */
export function isPromptDocument(document: vscode.TextDocument): boolean {
	return isText(document) && isPromptFile({ name: baseName(document.uri), languageId: document.languageId });
}

export function baseName(uri: vscode.Uri): string {
	return uri.path.slice(uri.path.lastIndexOf('/') + 1) || uri.path;
}

const parsed = new WeakMap<vscode.TextDocument, { version: number; file: ReadPrompt }>();

/** Parsed once per version of the document: hover, CodeLens and decorations all ask. */
export function readPromptFile(document: vscode.TextDocument): ReadPrompt {
	const known = parsed.get(document);
	if (known?.version === document.version) {
		return known.file;
	}
	const name = baseName(document.uri);
	const prompt = parsePrompt({ name, languageId: document.languageId, text: document.getText() });
	const file = { name, prompt, input: toPromptInput(prompt, name) };
	parsed.set(document, { version: document.version, file });
	return file;
}

/** What a chat template is given, to tell one version from another. */
export function messagesOf(document: vscode.TextDocument): string {
	return JSON.stringify(conversationOf(readPromptFile(document).prompt).map(({ role, text }) => [role, text]));
}

/** Whether the document would be given to the model as another text than `then`. `messages`: those of then, where they are known. */
export function hasChanged(then: PromptRecord, document: vscode.TextDocument, messages: string | undefined): boolean {
	const { input, prompt } = readPromptFile(document);
	if (!isTemplated(then)) {
		return then.text !== input.text;
	}
	return ownWordsNow(then, prompt, input).text !== ownWords(then).text || (messages !== undefined && messagesOf(document) !== messages);
}

export function toEditorRange(document: vscode.TextDocument, range: Range): vscode.Range {
	return new vscode.Range(document.positionAt(range.start), document.positionAt(range.end));
}
