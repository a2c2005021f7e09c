/** Files of ours where the user wants them: on disk at any moment the old one or the whole new one; other file systems promise what they promise. */
import * as vscode from 'vscode';
import { replaceBytes, replaceFile, writeAll } from '../trace/replace.node';
import { copyTrace } from '../trace/writer.node';

/** `<prompt>.trace.safetensors` beside the prompt, or in the first workspace folder for a prompt that has no file. */
export function suggestedTarget(prompt: vscode.Uri): vscode.Uri {
	const name = prompt.path.slice(prompt.path.lastIndexOf('/') + 1).replace(/\.(prompt\.md|prompt|md|txt)$/, '');
	const folder = prompt.scheme === 'untitled' ? vscode.workspace.workspaceFolders?.[0]?.uri : vscode.Uri.joinPath(prompt, '..');
	const file = `${name || 'prompt'}.trace.safetensors`;
	return folder ? vscode.Uri.joinPath(folder, file) : vscode.Uri.file(file);
}

export async function saveTrace(source: vscode.Uri, target: vscode.Uri): Promise<void> {
	if (source.scheme === 'file' && target.scheme === 'file') {
		await copyTrace(source.fsPath, target.fsPath);
	} else {
		await vscode.workspace.fs.copy(source, target, { overwrite: true });
	}
}

/** `what` begins the sentence of a failure: `The report`. */
export async function writeBytes(target: vscode.Uri, what: string, bytes: Uint8Array): Promise<void> {
	if (target.scheme === 'file') {
		await replaceBytes(target.fsPath, what, bytes);
	} else {
		await vscode.workspace.fs.writeFile(target, bytes);
	}
}

/** UTF-8. */
export async function writeText(target: vscode.Uri, what: string, text: string): Promise<void> {
	await writeBytes(target, what, new TextEncoder().encode(text));
}

/** A text that is made piece by piece: on disk it is never held whole. */
export async function writePieces(target: vscode.Uri, what: string, pieces: AsyncIterable<string>): Promise<void> {
	const encoder = new TextEncoder();
	if (target.scheme === 'file') {
		const fill = async (handle: Parameters<typeof writeAll>[0]) => {
			for await (const piece of pieces) {
				await writeAll(handle, encoder.encode(piece));
			}
		};
		await replaceFile(target.fsPath, fill, what);
		return;
	}
	const all: string[] = [];
	for await (const piece of pieces) {
		all.push(piece);
	}
	await vscode.workspace.fs.writeFile(target, encoder.encode(all.join('')));
}
