/** The prompts and the trace that come with the extension, so that the first minute works without anything else. */
import * as vscode from 'vscode';

export interface Example extends vscode.QuickPickItem {
	uri: vscode.Uri;
}

export async function listExamples(extensionUri: vscode.Uri): Promise<Example[]> {
	const folder = vscode.Uri.joinPath(extensionUri, 'media', 'examples');
	const entries = await vscode.workspace.fs.readDirectory(folder);
	return entries
		.map(([name]) => ({ name, uri: vscode.Uri.joinPath(folder, name) }))
		.filter(({ name }) => name.endsWith('.prompt.md') || isTrace(name))
		.sort((a, b) => Number(isTrace(a.name)) - Number(isTrace(b.name)) || a.name.localeCompare(b.name))
		.map(({ name, uri }) => ({
			label: name,
			detail: isTrace(name) ? vscode.l10n.t('A saved trace, viewed without running a model') : vscode.l10n.t('A prompt to analyze'),
			uri,
		}));
}

function isTrace(name: string): boolean {
	return name.endsWith('.trace.safetensors');
}
