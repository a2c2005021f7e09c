/** One short item: how far the analysis of the active prompt is, then whether its arms agree. */
import * as vscode from 'vscode';
import type { PanelState, Run } from '../shared/panel';
import type { Focus } from './focus';

/** Left of the language and encoding items, which every editor has. */
const PRIORITY = 120;

export class StatusBar implements vscode.Disposable {
	private readonly item = vscode.window.createStatusBarItem('neuralese.status', vscode.StatusBarAlignment.Right, PRIORITY);
	private readonly listening: vscode.Disposable;

	constructor(focus: Focus) {
		this.item.name = 'Neuralese';
		this.item.command = 'neuralese.showTrace';
		this.listening = focus.onDidChange(() => this.show(focus.analysis?.state()));
	}

	dispose(): void {
		this.listening.dispose();
		this.item.dispose();
	}

	private show(state: PanelState | undefined): void {
		const text = state && summary(state);
		if (text === undefined) {
			this.item.hide();
			return;
		}
		this.item.text = text;
		this.item.tooltip = tooltip(state!);
		this.item.show();
	}
}

/** Only our own words: an answer is text of a model's, and the item's text is read for icons. */
function summary(state: PanelState): string | undefined {
	switch (state.kind) {
		case 'running':
			return `$(loading~spin) Neuralese${state.fraction === undefined ? '' : ` ${Math.round(state.fraction * 100)} %`}`;
		case 'failed':
			return `$(warning) ${vscode.l10n.t('Neuralese failed')}`;
		case 'ready':
			if (state.run.agree === undefined) {
				return '$(beaker) Neuralese';
			}
			return state.run.agree ? `$(pass) ${vscode.l10n.t('Arms agree')}` : `$(git-compare) ${vscode.l10n.t('Arms disagree')}`;
		default:
			return undefined;
	}
}

function tooltip(state: PanelState): string {
	const answers = (run: Run | undefined) => run?.arms.map((arm) => `${arm.label}: ${arm.answer ?? '–'}`) ?? [];
	switch (state.kind) {
		case 'running':
			return [state.name, state.message, ...answers(state.run)].join('\n');
		case 'failed':
			return [state.name, state.message].join('\n');
		case 'ready':
			return [
				state.name,
				...answers(state.run),
				...(state.stale ? [vscode.l10n.t('The prompt or its settings have changed since.')] : []),
			].join('\n');
		default:
			return '';
	}
}
