/** Copies a finished trace to where the user wants it. */
import { randomBytes } from 'node:crypto';
import { constants, copyFile, rename, rm } from 'node:fs/promises';
import * as vscode from 'vscode';

/** `<prompt>.trace.safetensors` beside the prompt, or in the first workspace folder for a prompt that has no file. */
export function suggestedTarget(prompt: vscode.Uri): vscode.Uri {
	const name = prompt.path.slice(prompt.path.lastIndexOf('/') + 1).replace(/\.(prompt\.md|prompt|md|txt)$/, '');
	const folder = prompt.scheme === 'untitled' ? vscode.workspace.workspaceFolders?.[0]?.uri : vscode.Uri.joinPath(prompt, '..');
	const file = `${name || 'prompt'}.trace.safetensors`;
	return folder ? vscode.Uri.joinPath(folder, file) : vscode.Uri.file(file);
}

/** On disk by way of a temporary file beside the target, which is thus the old file or the whole new one, never a part. */
export async function copyTrace(source: vscode.Uri, target: vscode.Uri): Promise<void> {
	if (source.scheme !== 'file' || target.scheme !== 'file') {
		await vscode.workspace.fs.copy(source, target, { overwrite: true });
		return;
	}
	const temporary = `${target.fsPath}.${randomBytes(6).toString('hex')}.tmp`;
	try {
		await copyFile(source.fsPath, temporary, constants.COPYFILE_EXCL);
		await rename(temporary, target.fsPath);
	} catch (error) {
		await rm(temporary, { force: true });
		const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
		throw new Error(vscode.l10n.t('The trace cannot be saved there ({0}): choose another folder, or free some space.', reason));
	}
}
