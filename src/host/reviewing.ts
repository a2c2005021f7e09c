/** Notes and bookmarks as commands: on a step, and as a list from which a step is selected. */
import * as vscode from 'vscode';
import type { Focus } from './focus';
import type { Log } from './log';
import { onView, rowOf } from './onView';
import type { Panel } from './panel';
import { plain } from './plain';
import type { TraceReview } from './review';
import type { Subject } from './subject';
import { TRACE_VIEW_TYPE, type TraceEditor } from './traceEditor';

interface Item extends vscode.QuickPickItem {
	row?: number;
}

export class Reviewing implements vscode.Disposable {
	private readonly commands: vscode.Disposable;

	constructor(
		private readonly focus: Focus,
		private readonly panel: Panel,
		private readonly traces: TraceEditor,
		private readonly log: Log,
	) {
		this.commands = vscode.Disposable.from(
			vscode.commands.registerCommand('neuralese.noteStep', (where?: unknown) => this.noteStep(rowOf(where))),
			vscode.commands.registerCommand('neuralese.bookmarkStep', (where?: unknown) => this.bookmarkStep(rowOf(where))),
			vscode.commands.registerCommand('neuralese.listNotes', () => this.list()),
		);
	}

	dispose(): void {
		this.commands.dispose();
	}

	private async noteStep(row: number | undefined): Promise<void> {
		const found = await this.reviewed();
		if (found) {
			selected(found.subject, row);
			this.traces.reveal({ section: 'note' });
		}
	}

	private async bookmarkStep(row: number | undefined): Promise<void> {
		const found = await this.reviewed();
		if (!found) {
			return;
		}
		const at = selected(found.subject, row);
		const own = found.review.shown().notes.find((note) => note.own && note.row === at);
		if (own && own.text !== '') {
			const message = vscode.l10n.t('This step has a note, which marks it: empty the note first.');
			return this.log.tell('information', message, { label: vscode.l10n.t('Show Note'), run: () => this.noteStep(at) });
		}
		await found.review.put({ row: at, text: own ? null : '' });
	}

	/** Undefined, and the user is told why, where there can be no notes. */
	private async reviewed(): Promise<{ subject: Subject; review: TraceReview } | undefined> {
		const on = onView(this.focus, this.panel, this.traces);
		if (!on) {
			const open = { label: vscode.l10n.t('Open Trace…'), run: () => vscode.commands.executeCommand('neuralese.openTrace') };
			await this.log.tell('information', vscode.l10n.t('There is no step to write a note on yet: open a trace first.'), open);
			return undefined;
		}
		const { subject } = on;
		const { review } = subject;
		if (!review) {
			const message = vscode.l10n.t('Notes are kept beside a saved trace, in a file of its name that ends with .review.json: save this one first.');
			await this.log.tell('information', message, { label: vscode.l10n.t('Save Trace As…'), run: () => this.saveAndOpen(subject.selection.row) });
			return undefined;
		}
		const { problem } = review.shown();
		if (problem !== undefined) {
			await this.log.tell('error', problem, { label: vscode.l10n.t('Show Log'), run: () => this.log.show() });
			return undefined;
		}
		return { subject, review };
	}

	/** The saved trace, at the step where the note was to be. */
	private async saveAndOpen(row: number | undefined): Promise<void> {
		const saved = await vscode.commands.executeCommand<vscode.Uri | undefined>('neuralese.saveTraceAs');
		if (saved) {
			await vscode.commands.executeCommand('vscode.openWith', saved, TRACE_VIEW_TYPE);
			await this.noteStep(row);
		}
	}

	/** The editor's own list: it is filtered by typing, and what is highlighted is selected everywhere. */
	private async list(): Promise<void> {
		const found = await this.reviewed();
		if (!found) {
			return;
		}
		const { subject, review } = found;
		const { notes, elsewhere } = review.shown();
		const items: Item[] = notes.map(({ row, text, author }) => ({
			label: `$(${text === '' ? 'bookmark' : 'note'}) ${vscode.l10n.t('Step {0}', row + 1)}`,
			description: plain(author ?? ''),
			detail: plain(text) || undefined,
			row,
		}));
		const others = elsewhere > 0 ? [{ label: vscode.l10n.t('{0} more are about steps that are not on this axis.', elsewhere) }] : [];
		const { selection: before } = subject;
		const pick = vscode.window.createQuickPick<Item>();
		pick.title = vscode.l10n.t('Notes');
		pick.placeholder = vscode.l10n.t('A step with a note or a bookmark');
		pick.matchOnDescription = pick.matchOnDetail = true;
		pick.items = items.length + others.length > 0 ? [...items, ...others] : [{ label: vscode.l10n.t('There are no notes yet: press n on a step to write one, b to bookmark it.') }];
		pick.activeItems = pick.items.filter(({ row }) => row === before.row).slice(0, 1);
		let accepted = false;
		pick.onDidChangeActive(([item]) => item?.row !== undefined && subject.select({ row: item.row, layer: before.layer }));
		pick.onDidAccept(() => {
			accepted = pick.selectedItems[0]?.row !== undefined;
			pick.hide();
		});
		pick.onDidHide(() => {
			if (!accepted) {
				subject.select(before);
			}
			pick.dispose();
		});
		pick.show();
	}
}

/** Selects the named step, or the first one where none is named or selected. */
function selected(subject: Subject, row = subject.selection.row ?? 0): number {
	if (row !== subject.selection.row) {
		subject.select({ row, layer: subject.selection.layer });
	}
	return row;
}
