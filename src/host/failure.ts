/** What went wrong, in one sentence, and the one thing to do about it. */
import * as vscode from 'vscode';
import type { Action } from '../shared/panel';

export interface Failure {
	message: string;
	action: { label: string; act: Action };
}

/** Codes after which another model is the way out. */
const MODEL_CODES = new Set<unknown>(['bad-model', 'no-tokenizer', 'quarantined']);
/** Codes after which the same again may work: the child is replaced, the prompt was changed, or there is room on the disk. */
const AGAIN_CODES = new Set<unknown>(['crashed', 'timeout', 'bad-request', 'cannot-write', 'port-closed']);

export function asFailure(error: unknown): Failure {
	const message = error instanceof Error ? error.message : String(error);
	const code = (error as { code?: unknown } | undefined)?.code;
	if (MODEL_CODES.has(code)) {
		return { message, action: { label: vscode.l10n.t('Choose Model…'), act: 'chooseModel' } };
	}
	if (code === 'gave-up') {
		return { message, action: { label: vscode.l10n.t('Restart Engine'), act: 'restartEngine' } };
	}
	if (AGAIN_CODES.has(code)) {
		return { message, action: { label: vscode.l10n.t('Analyze Again'), act: 'analyze' } };
	}
	return { message, action: { label: vscode.l10n.t('Show Log'), act: 'showLog' } };
}
