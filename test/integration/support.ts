/** What the integration tests share: prompt files of their own, and waiting for what the extension does. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suiteSetup, suiteTeardown } from 'mocha';
import * as vscode from 'vscode';
import type { Inspection } from '../../src/extension';
import type { PanelState } from '../../src/shared/panel';

export const EXTENSION = 'neuralese.neuralese-inspector';

/** Short of a test's own limit, so that the message says what was waited for. */
const WAIT_MS = 40_000;

export function extension(): vscode.Extension<Inspection> {
	const found = vscode.extensions.getExtension<Inspection>(EXTENSION);
	assert.ok(found, `the extension ${EXTENSION} is not there`);
	return found;
}

export function inspection(): Promise<Inspection> {
	return Promise.resolve(extension().activate());
}

export function newFolder(): string {
	return mkdtempSync(join(tmpdir(), 'neuralese-integration-'));
}

/** A copy of the bundled model's folder with another tokenizer, as sound as the first by its manifest. */
export function copyModel(change: (tokenizer: string) => string): string {
	const folder = join(newFolder(), 'copy');
	const bundled = join(extension().extensionPath, 'models/prosqa');
	cpSync(bundled, folder, { recursive: true, filter: (path) => !path.startsWith(join(bundled, 'train')) });
	const manifest = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
	const tokenizer = Buffer.from(change(readFileSync(join(folder, 'tokenizer.json'), 'utf8')));
	writeFileSync(join(folder, 'tokenizer.json'), tokenizer);
	const sha256 = createHash('sha256').update(tokenizer).digest('hex');
	Object.assign(manifest.files.tokenizer, { bytes: tokenizer.length, sha256 });
	writeFileSync(join(folder, 'model.json'), JSON.stringify(manifest));
	return folder;
}

/** The text of the first example, without its front matter. */
export function exampleText(): string {
	const path = join(extension().extensionPath, 'media/examples', 'davis.prompt.md');
	return readFileSync(path, 'utf8').replace(/^---\n.*?\n---\n+/s, '');
}

/** A prompt file of its own, opened in the first column. `header`: lines of front matter. */
export async function openPrompt(header: string[] = [], name = 'case.prompt.md'): Promise<vscode.TextDocument> {
	const path = join(newFolder(), name);
	writeFileSync(path, `${header.length > 0 ? `---\n${header.join('\n')}\n---\n` : ''}${exampleText()}`);
	const document = await vscode.workspace.openTextDocument(path);
	await vscode.window.showTextDocument(document, vscode.ViewColumn.One);
	return document;
}

export async function until<T>(what: string, probe: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
	for (const start = Date.now(); Date.now() - start < WAIT_MS; await new Promise((resolve) => setTimeout(resolve, 5))) {
		const value = await probe();
		if (value !== undefined && value !== false) {
			return value;
		}
	}
	throw new Error(`waited ${WAIT_MS / 1000} s for ${what}`);
}

export async function analyze(document: vscode.TextDocument): Promise<PanelState> {
	await vscode.commands.executeCommand('neuralese.analyzePrompt', document.uri);
	const state = (await inspection()).state(document.uri);
	assert.ok(state);
	return state;
}

/** The state, which must be of this kind. */
export function expect<K extends PanelState['kind']>(state: PanelState | undefined, kind: K): Extract<PanelState, { kind: K }> {
	assert.equal(state?.kind, kind, JSON.stringify(state));
	return state as Extract<PanelState, { kind: K }>;
}

export async function setting(name: string, value: unknown): Promise<void> {
	await vscode.workspace.getConfiguration('neuralese').update(name, value, vscode.ConfigurationTarget.Global);
}

/** For a suite that is about something else: the tests and controls of a run take longer than the run. */
export function withoutEvidence(): void {
	suiteSetup(() => setting('evidence', 'on request'));
	suiteTeardown(() => setting('evidence', undefined));
}

export async function hoverText(document: vscode.TextDocument, position: vscode.Position): Promise<string> {
	const hovers = await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', document.uri, position);
	return hovers
		.flatMap(({ contents }) => contents)
		.map((content) => (typeof content === 'string' ? content : content.value))
		.join('\n');
}

export async function lensTitles(document: vscode.TextDocument): Promise<string[]> {
	const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', document.uri);
	return lenses.flatMap(({ command }) => (command?.command.startsWith('neuralese.') ? [command.title] : []));
}
