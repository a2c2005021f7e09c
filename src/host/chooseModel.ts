/** Which model analyses prompts: choosing one, using one that was just added, and taking one off the list. */
import * as vscode from 'vscode';
import { addedModels, unregister, type ModelEntry } from '../engine/machine/registry';
import { tellFailure } from './actions';
import type { Focus } from './focus';
import type { Log } from './log';
import { DEFAULT_MODEL, type Models } from './models';
import { plain } from './plain';
import { SECTION } from './settings';

interface Item extends vscode.QuickPickItem {
	/** What the setting becomes. */
	value?: string;
	/** Of an added model: it can be removed. */
	added?: ModelEntry;
	/** What is done instead. */
	go?: () => Thenable<unknown>;
}

export class ModelChoice implements vscode.Disposable {
	private readonly commands: vscode.Disposable;

	constructor(
		private readonly models: Models,
		private readonly focus: Focus,
		private readonly log: Log,
	) {
		this.commands = vscode.Disposable.from(
			vscode.commands.registerCommand('neuralese.chooseModel', () => this.choose()),
			vscode.commands.registerCommand('neuralese.removeModel', (name?: unknown) => this.remove(typeof name === 'string' ? name : undefined)),
		);
	}

	dispose(): void {
		this.commands.dispose();
	}

	/** Sets `neuralese.model`, where it is set already, else for the user. A prompt that names its model itself is shown instead. */
	async use(value: string): Promise<void> {
		if (!this.namedByPrompt()) {
			const section = this.section();
			const { workspaceValue } = section.inspect('model') ?? {};
			const { Global, Workspace } = vscode.ConfigurationTarget;
			await section.update('model', value, workspaceValue === undefined ? Global : Workspace);
		}
	}

	private async choose(): Promise<void> {
		if (this.namedByPrompt()) {
			return;
		}
		const picked = await this.pick();
		if (picked?.go) {
			await picked.go();
		} else {
			const value = picked?.value ?? (picked ? await browse() : undefined);
			if (value !== undefined) {
				await this.use(value);
			}
		}
	}

	/** With a button beside each added model that takes it off the list. */
	private async pick(): Promise<Item | undefined> {
		const pick = vscode.window.createQuickPick<Item>();
		pick.placeholder = vscode.l10n.t('The model that analyses prompts');
		pick.matchOnDescription = true;
		pick.items = await this.items();
		const answer = new Promise<Item | undefined>((resolve) => {
			pick.onDidAccept(() => resolve(pick.selectedItems[0]));
			pick.onDidHide(() => resolve(undefined));
			pick.onDidTriggerItemButton(async ({ item }) => {
				await this.take(item.added!.id);
				pick.items = await this.items();
			});
		});
		pick.show();
		return answer.finally(() => pick.dispose());
	}

	private async items(): Promise<Item[]> {
		const current = this.section().get('model', '') || DEFAULT_MODEL;
		const remove = { iconPath: new vscode.ThemeIcon('trash'), tooltip: vscode.l10n.t('Remove from the List') };
		const item = ({ id, name, description }: ModelEntry): Item => ({
			label: plain(name),
			description: id === current ? `${id} · ${vscode.l10n.t('in use')}` : id,
			detail: plain(description),
			value: id,
		});
		const added = await addedModels();
		return [
			...(await this.models.bundled()).map(item),
			...(added.length > 0 ? [{ label: vscode.l10n.t('Added'), kind: vscode.QuickPickItemKind.Separator }] : []),
			...added.map((entry) => ({ ...item(entry), added: entry, buttons: [remove] })),
			{ label: '', kind: vscode.QuickPickItemKind.Separator },
			{
				label: vscode.l10n.t('Add Model…'),
				detail: vscode.l10n.t('An ONNX export or a model folder, from the disk or a hub'),
				go: () => vscode.commands.executeCommand('neuralese.addModel'),
			},
			{ label: vscode.l10n.t('Browse…'), detail: vscode.l10n.t('A folder that holds a model.json') },
		];
	}

	private async remove(named: string | undefined): Promise<void> {
		const added = await addedModels();
		if (added.length === 0) {
			return this.log.tell('information', vscode.l10n.t('No model was added yet.'), addAction());
		}
		const items = added.map((entry) => ({ label: plain(entry.name), description: entry.id, detail: plain(entry.description), id: entry.id }));
		const placeHolder = vscode.l10n.t('The model to take off the list; what it was made from stays');
		const name = named ?? (await vscode.window.showQuickPick(items, { placeHolder, matchOnDescription: true }))?.id;
		if (name !== undefined) {
			await this.take(name);
		}
	}

	/** Off the list. Where the settings name the model, the user is told, and nobody waits for the answer. */
	private async take(name: string): Promise<void> {
		try {
			if (!(await unregister(name))) {
				return;
			}
		} catch (error) {
			return tellFailure(this.log, error, { label: vscode.l10n.t('Show Log'), run: () => this.log.show() });
		}
		this.log.info(`removed the model ${name}`);
		if (this.section().get('model', '') === name) {
			const message = vscode.l10n.t('{0} was removed, and the settings still name it: choose another model.', name);
			void this.log.tell('warning', message, { label: vscode.l10n.t('Choose Model…'), run: () => this.choose() });
		}
	}

	private section(): vscode.WorkspaceConfiguration {
		return vscode.workspace.getConfiguration(SECTION, this.focus.analysis?.promptUri);
	}

	/** Whether the prompt's header goes before the setting; then the user is led there. */
	private namedByPrompt(): boolean {
		const { analysis } = this.focus;
		if (analysis?.request().modelFrom !== 'prompt') {
			return false;
		}
		const message = vscode.l10n.t('The prompt names its model in its header, which goes before the setting: change it there.');
		void this.log.tell('information', message, { label: vscode.l10n.t('Show Header'), run: () => showHeader(analysis.promptUri) });
		return true;
	}
}

export function addAction() {
	return { label: vscode.l10n.t('Add Model…'), run: () => vscode.commands.executeCommand('neuralese.addModel') };
}

/** With the cursor on the line that names the model. */
async function showHeader(prompt: vscode.Uri): Promise<void> {
	const document = await vscode.workspace.openTextDocument(prompt);
	const line = Math.max(0, document.getText().split('\n').findIndex((text) => /^model\s*:/.test(text)));
	await vscode.window.showTextDocument(document, { selection: document.lineAt(line).range, viewColumn: vscode.ViewColumn.One });
}

async function browse(): Promise<string | undefined> {
	const openLabel = vscode.l10n.t('Choose Model');
	const chosen = await vscode.window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false, openLabel });
	return chosen?.[0]?.fsPath;
}
