/** The log channel, and how a failure is told: one notification with one action, the detail in the log. */
import * as vscode from 'vscode';
import { unlinked } from './plain';

export interface NoticeAction {
	label: string;
	run(): unknown;
}

export class Log implements vscode.Disposable {
	readonly channel = vscode.window.createOutputChannel('Neuralese', { log: true });

	debug(line: string): void {
		this.channel.debug(line);
	}

	info(line: string): void {
		this.channel.info(line);
	}

	warn(line: string): void {
		this.channel.warn(line);
	}

	/** With the stack of an error that nobody foresaw; one with a code says all in its sentence. */
	error(message: string, error?: unknown): void {
		this.channel.error(message, ...(error instanceof Error && !('code' in error) ? [error.stack] : []));
	}

	show(): void {
		this.channel.show(true);
	}

	/** Resolves once the user has answered; callers that need not know use `void`. */
	async tell(kind: 'information' | 'warning' | 'error', message: string, action: NoticeAction): Promise<void> {
		this.channel[({ information: 'info', warning: 'warn', error: 'error' } as const)[kind]](message);
		const { showInformationMessage, showWarningMessage, showErrorMessage } = vscode.window;
		const show = { information: showInformationMessage, warning: showWarningMessage, error: showErrorMessage }[kind];
		if ((await show(unlinked(message), action.label)) === action.label) {
			await action.run();
		}
	}

	dispose(): void {
		this.channel.dispose();
	}
}
