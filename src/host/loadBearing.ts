/** "Is This … Load-Bearing?": runs the tests where they have not been run, and shows what they found. */
import * as vscode from 'vscode';
import type { TraceView } from '../analysis/view';
import type { Focus } from './focus';
import type { Reveal } from '../shared/panel';
import type { Log } from './log';
import { rowOf } from './onView';
import type { Panel } from './panel';
import { plain } from './plain';
import type { Subject } from './subject';
import type { TraceEditor } from './traceEditor';

export class LoadBearing implements vscode.Disposable {
	private readonly commands: vscode.Disposable;

	constructor(
		private readonly focus: Focus,
		private readonly panel: Panel,
		private readonly traces: TraceEditor,
		private readonly log: Log,
	) {
		this.commands = vscode.Disposable.from(
			vscode.commands.registerCommand('neuralese.testRun', () => this.testRun()),
			vscode.commands.registerCommand('neuralese.testStep', (where?: unknown) => this.testStep(rowOf(where))),
		);
	}

	dispose(): void {
		this.commands.dispose();
	}

	private async testRun(): Promise<void> {
		const subject = await this.tested();
		const view = subject?.view;
		if (!subject || !view) {
			return;
		}
		const row = await thoughtRow(view, subject.selection.row);
		if (row !== undefined && row !== subject.selection.row) {
			subject.select({ row, layer: subject.selection.layer });
		}
		this.reveal({ section: 'tests', of: 'all thoughts' });
	}

	private async testStep(row: number | undefined): Promise<void> {
		const subject = await this.tested();
		const view = subject?.view;
		if (!subject || !view) {
			return;
		}
		const chosen = row ?? subject.selection.row ?? (await pickStep(view));
		if (chosen !== undefined) {
			subject.select({ row: chosen, layer: subject.selection.layer });
			this.reveal({ section: 'tests' });
		}
	}

	/** The trace editor that has the focus, or the analysis on view; undefined, and the user is told why, where there are no tests of it. */
	private async tested(): Promise<Subject | undefined> {
		const { trace } = this.focus;
		if (trace?.view) {
			if (trace.view.source.document.evidence) {
				return trace;
			}
			const message = vscode.l10n.t('This trace was saved without tests: analyze its prompt to run them.');
			await this.log.tell('information', message, { label: vscode.l10n.t('Show Log'), run: () => this.log.show() });
			return undefined;
		}
		if (!isTested(this.focus.analysis)) {
			await vscode.commands.executeCommand('neuralese.analyzePrompt', this.focus.analysis?.promptUri, { evidence: true });
		}
		const { analysis } = this.focus;
		return isTested(analysis) ? analysis : undefined;
	}

	private reveal(what: Reveal): void {
		if (this.focus.trace) {
			this.traces.reveal(what);
		} else {
			this.panel.reveal(what);
		}
	}
}

function isTested(analysis: Focus['analysis']): boolean {
	return analysis?.finished?.view.source.document.evidence !== undefined && !analysis.stale && !analysis.running;
}

/** The selected row where it has a thought, else the first one that has: tests of all thoughts stand at each of them. */
async function thoughtRow(view: TraceView, selected: number | undefined): Promise<number | undefined> {
	const { rows, layers } = view.run(0);
	const has = async (start: number, end: number) => (await view.rows({ start, end: Math.min(rows, end) }, layers)).find(({ thought }) => thought)?.index;
	return (selected === undefined ? undefined : await has(selected, selected + 1)) ?? (await has(0, MAX_PICKS)) ?? selected;
}

/** Steps offered at once: a list of more is not read but searched. */
const MAX_PICKS = 1_000;

async function pickStep(view: TraceView): Promise<number | undefined> {
	const { rows, layers } = view.run(0);
	const found = await view.rows({ start: 0, end: Math.min(rows, MAX_PICKS) }, layers);
	const picks = found.map(({ index, sentence, thought }) => ({
		label: vscode.l10n.t('Step {0}', index + 1),
		description: plain(thought?.top.slice(0, 2).map(({ text }) => text).join(', ') ?? ''),
		detail: plain(sentence?.tokens.map(({ text }) => text).join('') ?? ''),
		row: index,
	}));
	return (await vscode.window.showQuickPick(picks, { placeHolder: vscode.l10n.t('The step to test') }))?.row;
}
