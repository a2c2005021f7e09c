/** A text document as a prompt: what the model is given, and the way between its offsets and the editor's positions. */
import * as vscode from 'vscode';
import { parsePrompt, toPromptInput, type Prompt } from '../prompts/prompt';
import type { PromptInput } from '../engine/api';
import type { Range } from '../shared/range';

/** Offered on these without being asked; the command works on any text editor. */
export const PROMPT_FILES: vscode.DocumentSelector = [
	{ language: 'prompt' },
	{ pattern: '**/*.{md,prompt,txt}' },
	{ language: 'markdown', scheme: 'untitled' },
];

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

export function isPromptFile(document: vscode.TextDocument): boolean {
	return isText(document) && vscode.languages.match(PROMPT_FILES, document) > 0;
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
