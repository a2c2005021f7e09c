/** Cards of models for the panel: of a model in the list, of the one that a view was made with, or of the one that a prompt asks for. */
import * as vscode from 'vscode';
import { cardView, recordView } from '../analysis/cardView';
import type { ModelCard } from '../engine/api';
import type { ModelCardView } from '../shared/panel';
import { RpcError } from '../shared/rpc';
import type { EngineHost } from './engine';
import type { Models } from './models';
import { mergeRequest, readSettings } from './settings';
import type { Subject } from './subject';

export class Cards {
	constructor(
		private readonly engine: EngineHost,
		private readonly models: Models,
	) {}

	/** `listed`: the name of a bundled or added model; that of what `subject` shows where absent. */
	async of(subject: Subject | undefined, listed: string | undefined, signal: AbortSignal): Promise<ModelCardView> {
		if (listed !== undefined) {
			const folder = await this.models.listed(listed);
			if (folder === undefined) {
				throw new RpcError(vscode.l10n.t('The model {0} is not in the list any more.', listed), 'bad-model');
			}
			return cardView(await this.load(folder, signal));
		}
		const record = subject?.view?.source.document.model;
		const isFile = subject !== undefined && subject.promptUri === undefined;
		if (record && (isFile || !vscode.workspace.isTrusted)) {
			return recordView(record, vscode.l10n.t('What the trace says of the model that made it.'));
		}
		if (record && subject?.card?.sha256 === record.sha256) {
			return cardView(subject.card);
		}
		const card = await this.load(await this.chosen(subject), signal);
		return record && card.sha256 !== record.sha256
			? recordView(record, vscode.l10n.t('What the trace says of the model that made it. The model that would run now is {0}.', card.name))
			: cardView(card);
	}

	private async chosen(subject: Subject | undefined): Promise<string> {
		const scope = subject?.promptUri ?? vscode.workspace.workspaceFolders?.[0]?.uri ?? vscode.Uri.file('/');
		const settings = readSettings(scope);
		return (await this.models.choose(subject?.request?.() ?? mergeRequest(settings, {}), scope, settings.model)).folder;
	}

	/** Quick where it is in memory; else it is loaded, after what runs now. */
	private load(model: string, signal: AbortSignal): Promise<ModelCard> {
		if (!vscode.workspace.isTrusted) {
			throw new RpcError(vscode.l10n.t('Models are loaded in trusted workspaces only: trust this one to see the card.'), 'bad-request');
		}
		return this.engine.call('load', { model }, signal);
	}
}
