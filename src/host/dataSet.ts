/** A data set that the user names: a JSON or JSONL file of problems, wherever the editor can read it. */
import { createHash } from 'node:crypto';
import * as vscode from 'vscode';
import { parseProblems, type ProblemSet } from '../prompts/problems';
import { RpcError } from '../shared/rpc';

/** A million problems have about this size. */
const MAX_BYTES = 512 * 1024 * 1024;

export async function readDataSet(uri: vscode.Uri): Promise<ProblemSet> {
	const name = uri.path.slice(uri.path.lastIndexOf('/') + 1);
	const { size } = await vscode.workspace.fs.stat(uri).then(undefined, () => {
		throw wrong(vscode.l10n.t('{0} cannot be read: choose another file.', name));
	});
	if (size > MAX_BYTES) {
		throw wrong(vscode.l10n.t('{0} is larger than {1} MiB: choose a smaller file.', name, MAX_BYTES / 1024 / 1024));
	}
	const bytes = await vscode.workspace.fs.readFile(uri);
	const problems = parseProblems(new TextDecoder().decode(bytes));
	if (typeof problems === 'string') {
		throw wrong(
			vscode.l10n.t('{0} is no data set ({1}): give a list of objects with "question" and "answer", or one such object a line.', name, problems),
		);
	}
	return { name, sha256: createHash('sha256').update(bytes).digest('hex'), problems };
}

/** Of what the user chose, so that the way out is to choose again. */
function wrong(message: string): RpcError {
	return new RpcError(message, 'bad-request');
}

/** Suggests the file that is open. */
export async function chooseDataSet(): Promise<vscode.Uri | undefined> {
	const active = vscode.window.activeTextEditor?.document.uri;
	const isData = active && /\.jsonl?$/.test(active.path);
	const chosen = await vscode.window.showOpenDialog({
		canSelectMany: false,
		filters: { [vscode.l10n.t('Data sets')]: ['json', 'jsonl'] },
		openLabel: vscode.l10n.t('Evaluate'),
		...(isData ? { defaultUri: active } : {}),
	});
	return chosen?.[0];
}
