/** A text document as a prompt: what the model is given, and the way between its offsets and the editor's positions. */
import * as vscode from 'vscode';
import { isPromptFile, parsePrompt, toPromptInput, type Prompt } from '../prompts/prompt';
import type { PromptInput } from '../engine/api';
import type { Range } from '../shared/range';

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

export function toEditorRange(document: vscode.TextDocument, range: Range): vscode.Range {
	return new vscode.Range(document.positionAt(range.start), document.positionAt(range.end));
}
