/** Work that no panel shows: a notification with progress, which cancels it. */
import * as vscode from 'vscode';
import { CANCELLED, RpcError } from '../shared/rpc';
import { unlinked } from './plain';

/** `fraction`: 0..1 of the whole work, where it can be told. */
export type Tell = (message: string, fraction?: number) => void;

/** `other` cancels like the notification's button. Whatever a cancelled work ends with, it is a cancel. */
export function working<T>(
	title: string,
	other: vscode.CancellationToken | undefined,
	work: (signal: AbortSignal, tell: Tell) => Promise<T>,
): Promise<T> {
	const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
	return Promise.resolve(
		vscode.window.withProgress(options, async (progress, token) => {
			const abort = new AbortController();
			const cancel = () => abort.abort();
			const listening = [token, ...(other ? [other] : [])].map((one) => one.onCancellationRequested(cancel));
			if (other?.isCancellationRequested) {
				cancel();
			}
			let shown = 0;
			try {
				return await work(abort.signal, (message, fraction = 0) => {
					const increment = Math.max(0, fraction * 100 - shown);
					shown += increment;
					progress.report({ message: unlinked(message), increment });
				});
			} catch (error) {
				throw abort.signal.aborted ? new RpcError('Cancelled.', CANCELLED) : error;
			} finally {
				vscode.Disposable.from(...listening).dispose();
			}
		}),
	);
}
