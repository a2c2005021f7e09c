/** "Add Model…": an export or a model folder of the disk, or a model of a hub; then its card, and an offer to use it. */
import * as vscode from 'vscode';
import type { AddedModel, AddParams } from '../engine/api';
import { HubError } from '../hub/error';
import { isCancelled, RpcError } from '../shared/rpc';
import { tellFailure } from './actions';
import type { ModelChoice } from './chooseModel';
import type { EngineHost } from './engine';
import { askId, Hub } from './hub';
import type { HubTokens } from './hubToken';
import type { Log, NoticeAction } from './log';
import type { Panel } from './panel';
import { mayRun } from './trust';
import { working } from './working';

/** From other extensions and tests: what is given is not asked for. */
export interface AddOptions {
	/** A folder or an .onnx file. */
	source?: vscode.Uri;
	/** A folder with a tokenizer.json, or the file. */
	tokenizer?: vscode.Uri;
	/** `owner/name`. */
	hub?: string;
	variant?: string;
	/** Whether to use it, without asking. */
	use?: boolean;
	cancel?: vscode.CancellationToken;
	/** Answers in the place of the confirmation and the box for a token: only in tests, since a download takes a click. */
	answers?: { download?: boolean; token?: string };
}

/** Other codes than these are of the engine, not of what was to be added. */
const SOURCE_CODES = new Set<unknown>(['bad-model', 'bad-request', 'cannot-write', 'crashed', 'timeout', 'quarantined']);

export class AddModel implements vscode.Disposable {
	private readonly commands: vscode.Disposable;
	private readonly hub: Hub;

	constructor(
		private readonly engine: EngineHost,
		private readonly choice: ModelChoice,
		private readonly tokens: HubTokens,
		private readonly panel: Panel,
		private readonly log: Log,
		/** Whether answers may come with the command. */
		private readonly inTest: boolean,
	) {
		this.hub = new Hub(tokens);
		this.commands = vscode.Disposable.from(
			vscode.commands.registerCommand('neuralese.addModel', (options?: unknown) => this.add(asOptions(options, this.inTest))),
			vscode.commands.registerCommand('neuralese.forgetHubToken', () => this.forgetToken()),
		);
	}

	dispose(): void {
		this.commands.dispose();
	}

	/** Resolves to the model once it is in the list; to nothing where there is none. */
	private async add(options: AddOptions): Promise<AddedModel | undefined> {
		if (!mayRun(this.log)) {
			return undefined;
		}
		let asked: AddOptions | undefined;
		try {
			asked = options.source || options.hub !== undefined ? options : await this.ask(options);
			const params = asked && (await this.find(asked));
			if (!asked || !params) {
				return undefined;
			}
			const model = await working(vscode.l10n.t('Adding the model'), asked.cancel, (signal, tell) =>
				this.engine.call('add', params, signal, ({ message, fraction }) => tell(message, fraction)),
			);
			const told = this.added(model, asked.use);
			if (asked.use !== undefined) {
				await told;
			}
			return model;
		} catch (error) {
			this.failed(error, asked ?? options);
			return undefined;
		}
	}

	private async ask(options: AddOptions): Promise<AddOptions | undefined> {
		type Way = vscode.QuickPickItem & { go: () => Thenable<Pick<AddOptions, 'source' | 'hub'> | undefined> };
		const source = async (dialog: vscode.OpenDialogOptions) => {
			const chosen = await vscode.window.showOpenDialog({ canSelectMany: false, openLabel: vscode.l10n.t('Add Model'), ...dialog });
			return chosen?.[0] && { source: chosen[0] };
		};
		// Dialogs of Windows and Linux choose folders or files, never both.
		const ways: Way[] = [
			{
				label: vscode.l10n.t('A Folder…'),
				detail: vscode.l10n.t('With an ONNX export of a decoder, or a model folder with its model.json'),
				go: () => source({ canSelectFolders: true, canSelectFiles: false }),
			},
			{
				label: vscode.l10n.t('An .onnx File…'),
				detail: vscode.l10n.t('One graph of a folder that has several; its tokenizer.json lies beside it'),
				go: () => source({ filters: { [vscode.l10n.t('ONNX graphs')]: ['onnx'] } }),
			},
			{
				label: vscode.l10n.t('A Model from the Hub…'),
				detail: vscode.l10n.t('By its name; licence and size are shown before anything is downloaded'),
				go: async () => {
					const hub = await askId();
					return hub === undefined ? undefined : { hub };
				},
			},
		];
		const way = await vscode.window.showQuickPick(ways, { placeHolder: vscode.l10n.t('What to add as a model') });
		const found = await way?.go();
		return found && { ...options, ...found };
	}

	private async find({ source, tokenizer, hub, variant, answers, cancel }: AddOptions): Promise<AddParams | undefined> {
		if (source && source.scheme !== 'file') {
			throw new RpcError(vscode.l10n.t('Models are loaded from this machine’s disk: copy the model there.'), 'bad-request');
		}
		const found = source ? { source: source.fsPath } : await this.hub.bring({ id: hub!, variant, answers, cancel });
		return found && { ...found, tokenizer: tokenizer?.fsPath };
	}

	/** By its name in the list: a notification makes links of what a manifest's own name may hold. */
	private async added({ listedAs }: AddedModel, use: boolean | undefined): Promise<void> {
		this.log.info(`added the model ${listedAs}`);
		if (use) {
			return this.choice.use(listedAs);
		}
		if (use === undefined) {
			this.panel.reveal({ section: 'card', model: listedAs });
			const message = vscode.l10n.t('{0} was added. Its card says what it can be asked for.', listedAs);
			await this.log.tell('information', message, { label: vscode.l10n.t('Use This Model'), run: () => this.choice.use(listedAs) });
		}
	}

	/** Told with the one thing that leads on. */
	private failed(error: unknown, options: AddOptions): void {
		const { code, message } = error as { code?: unknown; message: string };
		const again = { label: vscode.l10n.t('Add Model…'), run: () => this.add({}) };
		if (isCancelled(error)) {
			if (options.hub !== undefined) {
				const told = vscode.l10n.t('Cancelled: what has arrived of {0} is kept, and adding it again goes on from there.', options.hub);
				void this.log.tell('information', told, { label: vscode.l10n.t('Go On'), run: () => this.add({ ...options, cancel: undefined }) });
			}
		} else if (code === 'no-tokenizer') {
			const told = vscode.l10n.t('There is no tokenizer.json beside the graph: put one there, or choose one that lies elsewhere.');
			const choose: NoticeAction = { label: vscode.l10n.t('Choose Tokenizer…'), run: () => this.addWithTokenizer(options) };
			void this.log.tell('error', told, choose);
		} else if (error instanceof HubError || SOURCE_CODES.has(code)) {
			this.log.error(message, error);
			void this.log.tell('error', message, again);
		} else {
			tellFailure(this.log, error, again);
		}
	}

	private async addWithTokenizer(options: AddOptions): Promise<void> {
		const filters = { [vscode.l10n.t('Tokenizers')]: ['json'] };
		const chosen = await vscode.window.showOpenDialog({ canSelectMany: false, filters, openLabel: vscode.l10n.t('Choose Tokenizer') });
		if (chosen?.[0]) {
			await this.add({ ...options, tokenizer: chosen[0] });
		}
	}

	private async forgetToken(): Promise<void> {
		const forgotten = await this.tokens.forget();
		const message = forgotten
			? vscode.l10n.t('The hub token was forgotten. One of the environment or of the hub’s own login stays.')
			: vscode.l10n.t('No hub token was kept here. One of the environment or of the hub’s own login stays.');
		await this.log.tell('information', message, { label: vscode.l10n.t('Show Log'), run: () => this.log.show() });
	}
}

/** Menus pass a resource, which is no options. */
function asOptions(options: unknown, inTest: boolean): AddOptions {
	if (typeof options !== 'object' || options === null || options instanceof vscode.Uri) {
		return {};
	}
	const { answers, ...given } = options as AddOptions;
	return { ...given, ...(inTest ? { answers } : {}) };
}
