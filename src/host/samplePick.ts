/** The list of a file's samples, with what is shown of them and in which order. */
import * as vscode from 'vscode';
import { arranged, sampleInWords, type ListedSample, type SampleOrder } from '../analysis/samples';
import { plain } from './plain';

interface Item extends vscode.QuickPickItem {
	sample: ListedSample;
}

/** In the order in which a click goes through them. */
const ORDERS: readonly { order: SampleOrder; icon: string; says(): string }[] = [
	{ order: 'file', icon: 'list-ordered', says: () => vscode.l10n.t('In the order of the file: click for the longest first') },
	{ order: 'length', icon: 'list-filter', says: () => vscode.l10n.t('Longest first: click for the lowest score first') },
	{ order: 'score', icon: 'graph-line', says: () => vscode.l10n.t('Lowest score first: click for the order of the file') },
];

/** Undefined where it was given up. What is typed is looked for in ids, scores, kinds and questions alike. */
export function pickSample(title: string, samples: readonly ListedSample[]): Promise<ListedSample | undefined> {
	const pick = vscode.window.createQuickPick<Item>();
	let reasoning = false;
	let order = 0;
	const show = () => {
		const listed = arranged(samples, { reasoning, order: ORDERS[order]!.order });
		pick.items = listed.map((sample) => ({
			label: plain(sample.id),
			description: plain(sampleInWords(sample)),
			...(sample.title === '' ? {} : { detail: plain(sample.title) }),
			sample,
		}));
		pick.title = vscode.l10n.t('{0} · {1} of {2} samples', plain(title), listed.length, samples.length);
		pick.buttons = [
			{
				iconPath: new vscode.ThemeIcon(reasoning ? 'lightbulb-autofix' : 'lightbulb'),
				tooltip: reasoning ? vscode.l10n.t('Only with full reasoning: click for all') : vscode.l10n.t('All: click for those with full reasoning'),
			},
			{ iconPath: new vscode.ThemeIcon(ORDERS[order]!.icon), tooltip: ORDERS[order]!.says() },
		];
	};
	pick.placeholder = vscode.l10n.t('A sample to open: type a part of its id, its question or its score');
	pick.matchOnDescription = true;
	pick.matchOnDetail = true;
	show();
	return new Promise<ListedSample | undefined>((resolve) => {
		pick.onDidTriggerButton((button) => {
			if (button === pick.buttons[0]) {
				reasoning = !reasoning;
			} else {
				order = (order + 1) % ORDERS.length;
			}
			show();
		});
		pick.onDidAccept(() => {
			resolve(pick.selectedItems[0]?.sample);
			pick.hide();
		});
		pick.onDidHide(() => {
			resolve(undefined);
			pick.dispose();
		});
		pick.show();
	});
}
