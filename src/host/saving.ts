/** Copies a finished trace to where the user wants it. */
import * as vscode from 'vscode';
import { copyTrace } from '../trace/writer.node';

/** `<prompt>.trace.safetensors` beside the prompt, or in the first workspace folder for a prompt that has no file. */
export function suggestedTarget(prompt: vscode.Uri): vscode.Uri {
	const name = prompt.path.slice(prompt.path.lastIndexOf('/') + 1).replace(/\.(prompt\.md|prompt|md|txt)$/, '');
	const folder = prompt.scheme === 'untitled' ? vscode.workspace.workspaceFolders?.[0]?.uri : vscode.Uri.joinPath(prompt, '..');
	const file = `${name || 'prompt'}.trace.safetensors`;
	return folder ? vscode.Uri.joinPath(folder, file) : vscode.Uri.file(file);
}

/** On disk the target is at any moment the old file or the whole new one; other file systems promise what they promise. */
export async function saveTrace(source: vscode.Uri, target: vscode.Uri): Promise<void> {
	if (source.scheme === 'file' && target.scheme === 'file') {
		await copyTrace(source.fsPath, target.fsPath);
	} else {
		await vscode.workspace.fs.copy(source, target, { overwrite: true });
	}
}
