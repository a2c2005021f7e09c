/** Models run in trusted workspaces only: settings and prompt files choose which files are loaded. */
import * as vscode from 'vscode';
import type { Log } from './log';

/** Where not, the user is told, and led to where it can be changed. */
export function mayRun(log: Log): boolean {
	if (!vscode.workspace.isTrusted) {
		const message = vscode.l10n.t('Models run in trusted workspaces only. Saved traces and reports can be viewed without trust.');
		const run = () => vscode.commands.executeCommand('workbench.trust.manage');
		void log.tell('warning', message, { label: vscode.l10n.t('Manage Trust'), run });
	}
	return vscode.workspace.isTrusted;
}
