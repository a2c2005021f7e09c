/** "Search in Trace…": hits while they are found; the one that is highlighted is selected everywhere. */
import * as vscode from 'vscode';
import { hitInWords, MAX_HITS, parseQuery, search, type Hit } from '../analysis/search';
import type { Focus } from './focus';
import type { Log } from './log';
import { plain } from './plain';
import type { Subject } from './subject';

/** A search waits until typing has paused. */
const PAUSE_MS = 150;
/** How often the list is drawn again while more is found. */
const REDRAW_MS = 100;

interface Item extends vscode.QuickPickItem {
	hit?: Hit;
}

export class TraceSearch implements vscode.Disposable {
	private readonly command = vscode.commands.registerCommand('neuralese.searchTrace', () => this.start());

	constructor(
		private readonly focus: Focus,
		private readonly log: Log,
	) {}

	dispose(): void {
		this.command.dispose();
	}

	private start(): void {
		const { trace, analysis } = this.focus;
		const subject = trace?.view ? trace : analysis;
		if (!subject?.view) {
			const message = vscode.l10n.t('There is no trace to search yet: open one, or analyze a prompt first.');
			const open = { label: vscode.l10n.t('Open Trace…'), run: () => vscode.commands.executeCommand('neuralese.openTrace') };
			return void this.log.tell('information', message, open);
		}
		show(subject);
	}
}

function show(subject: Subject): void {
	const pick = vscode.window.createQuickPick<Item>();
	const { selection: before } = subject;
	const [example] = subject.view!.source.document.probes;
	pick.title = vscode.l10n.t('Search in Trace');
	pick.placeholder = example
		? vscode.l10n.t('A text, or a probe and a threshold: {0} > 0.9', plain(example.name))
		: vscode.l10n.t('A text of the chain of thought or of what latent thoughts decode to');
	pick.matchOnDescription = true;
	let running: AbortController | undefined;
	let accepted = false;
	const look = async (asked: string, signal: AbortSignal) => {
		const { view } = subject;
		await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
		if (signal.aborted || !view) {
			return;
		}
		const query = parseQuery(asked, view.source.document.probes.map(({ name }) => name));
		if (typeof query === 'string') {
			pick.items = [told(query)];
			return;
		}
		pick.busy = true;
		const items: Item[] = [];
		let drawn = Date.now();
		for await (const hit of search(view.source, query, subject.review?.notes)) {
			if (signal.aborted) {
				return;
			}
			// What is typed is marked in the description: where it is found in labels the editor sorts them, and hits stay in the order of the steps.
			items.push({ label: vscode.l10n.t('Step {0}', hit.row + 1), description: plain(hitInWords(hit)), alwaysShow: true, hit });
			if (Date.now() - drawn > REDRAW_MS) {
				pick.items = [...items];
				drawn = Date.now();
			}
		}
		const last = items.length === MAX_HITS ? [told(vscode.l10n.t('Only the first {0} are listed.', MAX_HITS))] : [];
		pick.items = items.length > 0 ? [...items, ...last] : [told(vscode.l10n.t('Nothing was found.'))];
		pick.busy = false;
	};
	pick.onDidChangeValue((asked) => {
		running?.abort();
		running = new AbortController();
		const { signal } = running;
		look(asked, signal).catch((error: unknown) => {
			if (!signal.aborted) {
				pick.items = [told((error as Error).message)];
				pick.busy = false;
			}
		});
	});
	pick.onDidChangeActive(([item]) => item?.hit && subject.select(selectionOf(item.hit)));
	pick.onDidAccept(() => {
		accepted = pick.selectedItems[0]?.hit !== undefined;
		pick.hide();
	});
	pick.onDidHide(() => {
		running?.abort();
		if (!accepted) {
			subject.select(before);
		}
		pick.dispose();
	});
	pick.show();
}

function told(message: string): Item {
	return { label: plain(message), alwaysShow: true };
}

function selectionOf(hit: Hit) {
	switch (hit.kind) {
		case 'sentence':
			return { row: hit.row, step: hit.step };
		case 'note':
			return { row: hit.row };
		default:
			return { row: hit.row, layer: hit.layer };
	}
}
