/** What is on view, for elsewhere: steps as CSV or JSON, the heatmap as SVG or PNG, a step as Markdown, and the lines that load it in Python. */
import * as vscode from 'vscode';
import { pythonOf, type Slice } from '../analysis/python';
import { heatmapSvg, type Svg } from '../analysis/report/heatmap';
import { provenance, stepMarkdown } from '../analysis/report/step';
import { stepsCsv, stepsJson } from '../analysis/report/steps';
import { patchForm, patchPlane } from '../analysis/patchViews';
import type { TraceView } from '../analysis/view';
import type { Shown } from '../shared/review';
import { CANCELLED } from '../shared/rpc';
import { probePlane, type PlaneName } from '../trace/planes';
import type { Focus } from './focus';
import type { Log } from './log';
import { onView, rowOf, type OnView } from './onView';
import type { Panel } from './panel';
import { writeBytes, writePieces, writeText } from './saving';
import type { TraceEditor } from './traceEditor';
import { working } from './working';

const PLANES_OF_STEP: readonly PlaneName[] = ['lens.topk_id', 'lens.topk_logit', 'lens.lse', 'hidden.resid'];

/** From other extensions and tests: answers in the place of the dialogs. */
interface Answers {
	target?: vscode.Uri;
	steps?: 'all' | 'selected';
}

export class Exporting implements vscode.Disposable {
	private readonly disposables: vscode.Disposable[] = [];

	constructor(
		private readonly focus: Focus,
		private readonly panel: Panel,
		private readonly traces: TraceEditor,
		private readonly log: Log,
	) {
		this.register('exportSteps', (on, row, answers) => this.exportSteps(on, row, answers));
		this.register('exportHeatmap', (on, _, answers) => this.exportHeatmap(on, answers));
		this.register('copyStep', (on, row) => copyStep(on, row));
		this.register('copyPython', (on, row) => copyPython(on, row));
	}

	dispose(): void {
		vscode.Disposable.from(...this.disposables).dispose();
	}

	private register(name: string, run: (on: OnView, row: number | undefined, answers: Answers) => Promise<void>): void {
		const command = async (argument?: unknown) => {
			const on = onView(this.focus, this.panel, this.traces);
			if (!on) {
				const open = { label: vscode.l10n.t('Open Trace…'), run: () => vscode.commands.executeCommand('neuralese.openTrace') };
				return void this.log.tell('information', vscode.l10n.t('There is nothing on view yet: open a trace, or analyze a prompt first.'), open);
			}
			try {
				await run(on, rowOf(argument) ?? on.subject.selection.row, answersOf(argument));
			} catch (error) {
				if ((error as { code?: unknown }).code !== CANCELLED) {
					void this.log.tell('error', (error as Error).message, { label: vscode.l10n.t('Try Again'), run: () => command(argument) });
				}
			}
		};
		this.disposables.push(vscode.commands.registerCommand(`neuralese.${name}`, command));
	}

	private async exportSteps({ view, subject, file }: OnView, row: number | undefined, answers: Answers): Promise<void> {
		const which = row === undefined ? 'all' : (answers.steps ?? (await askWhich(row)));
		const target = which && (answers.target ?? (await askTarget(file, 'steps', { CSV: ['csv'], JSON: ['json'] })));
		if (!which || !target) {
			return;
		}
		const range = which === 'all' ? { start: 0, end: view.lookup.outline.rows } : { start: row!, end: row! + 1 };
		const pieces = { csv: stepsCsv, json: stepsJson }[endingOf(target, ['csv', 'json'])](view, range, subject.review?.notes ?? []);
		await working(vscode.l10n.t('Exporting steps'), undefined, (signal) => writePieces(target, 'The table', until(pieces, signal)));
		this.log.info(`exported ${target.toString(true)}`);
	}

	private async exportHeatmap(on: OnView, answers: Answers): Promise<void> {
		const shown = await pageOf(on).shown();
		const figure = await heatmapOf(on.view, shown);
		const target = answers.target ?? (await askTarget(on.file, 'heatmap', { SVG: ['svg'], PNG: ['png'] }));
		if (!target) {
			return;
		}
		if (endingOf(target, ['svg', 'png']) === 'svg') {
			await writeText(target, 'The figure', figure.svg);
		} else {
			await writeBytes(target, 'The figure', await pageOf(on).rasterize(figure));
		}
		this.log.info(`exported ${target.toString(true)}`);
	}
}

async function copyStep({ view }: OnView, row: number | undefined): Promise<void> {
	const at = chosen(row);
	const [[shown], details] = await Promise.all([view.rows({ start: at, end: at + 1 }, view.source.document.model.layers), view.details(at)]);
	if (!shown) {
		throw new Error(vscode.l10n.t('There is no step {0}.', at + 1));
	}
	await vscode.env.clipboard.writeText(stepMarkdown(shown, details, view.source.document));
	vscode.window.setStatusBarMessage(vscode.l10n.t('Step {0} was copied as Markdown.', at + 1), COPIED_MS);
}

async function copyPython({ view, page, file, subject }: OnView, row: number | undefined): Promise<void> {
	if (!file) {
		throw new Error(vscode.l10n.t('The run on view has not finished, so there is no file to load it from.'));
	}
	const shown = await page?.shown();
	const slices = [...(await stepSlices(view, row, subject.selection.layer)), ...heatmapSlices(view, shown?.probe), ...(await unwordedSlices(view))];
	if (slices.length === 0) {
		throw new Error(vscode.l10n.t('Nothing that is on view stands in a plane of the trace: select a step with a readout first.'));
	}
	await vscode.env.clipboard.writeText(pythonOf(file.path, slices));
	vscode.window.setStatusBarMessage(vscode.l10n.t('The lines that load what is on view were copied.'), COPIED_MS);
}

/** What the selected step reads as, and its hidden state: at the selected layer, or at all of them. */
async function stepSlices(view: TraceView, row: number | undefined, site: number | undefined): Promise<Slice[]> {
	const { latent } = view.lookup.outline;
	const thought = row === undefined ? undefined : latent?.thoughts[row];
	if (!thought) {
		return [];
	}
	const rows = { start: thought.producedAt, end: thought.producedAt + 1 };
	const there = await Promise.all(PLANES_OF_STEP.map((plane) => view.source.read(latent!.name, plane, rows)));
	return PLANES_OF_STEP.filter((_, i) => there[i] && there[i].length > 0).map((plane) => ({ arm: latent!.name, plane, rows, site }));
}

/** All activations of a file that has no step to select. */
async function unwordedSlices({ source, lookup }: TraceView): Promise<Slice[]> {
	const arms = lookup.outline.rows > 0 ? [] : source.document.arms.map(({ name, steps }) => ({ arm: name, rows: { start: 0, end: steps.length } }));
	const there = await Promise.all(arms.map(({ arm }) => source.read(arm, 'hidden.resid', { start: 0, end: 1 })));
	return arms.filter((_, i) => there[i] && there[i].length > 0).map((slice) => ({ ...slice, plane: 'hidden.resid' }));
}

/** The plane that the heatmap is drawn from. */
function heatmapSlices(view: TraceView, probe: string | undefined): Slice[] {
	const { outline, document } = view.lookup;
	const form = probe === undefined ? undefined : patchForm(probe);
	if (form !== undefined && outline.latent) {
		return [{ arm: outline.latent.name, plane: patchPlane(form), rows: { start: 0, end: outline.latent.thoughts.length } }];
	}
	const record = document.probes.find(({ name }) => name === probe);
	const places = record && view.lookup.placesOf(record);
	return places && places.positions.length > 0 ? [{ arm: places.arm.name, plane: probePlane(record.name), rows: places.positions }] : [];
}

async function heatmapOf(view: TraceView, { probe: name, colours }: Shown): Promise<Svg> {
	const { rows, layers, title, probes } = view.run(0);
	const probe = probes.find((one) => one.name === name);
	if (!probe) {
		throw new Error(vscode.l10n.t('There is no heatmap on view to export.'));
	}
	const { values } = await view.tile(probe.name, { start: 0, end: rows });
	const { latent } = view.lookup.outline;
	const record = view.lookup.document.probes.find((one) => one.name === name);
	const ofThoughts = probe.kind === 'patch' || record?.arm === latent?.name;
	return heatmapSvg({
		title,
		measure: probe.kind === 'patch' ? `Patched with ${probe.label}: Δ log-odds of the answer` : `Probe score: ${probe.label} (${probe.name}); no calibrated probability`,
		unit: probe.kind === 'patch' ? 'nats' : '',
		step: ofThoughts ? 'latent thought' : 'step of the chain of thought',
		domain: probe.domain,
		colours,
		sites: layers + 1,
		values,
		spare: (row) => probe.kind === 'probe' && ofThoughts && latent?.thoughts[row]?.spare !== undefined,
		provenance: provenance(view.source.document),
	});
}

/** Long enough to be read. */
const COPIED_MS = 4_000;

function pageOf({ page }: OnView) {
	if (!page) {
		throw new Error(vscode.l10n.t('The panel is closed: Show Trace opens it.'));
	}
	return page;
}

function chosen(row: number | undefined): number {
	if (row === undefined) {
		throw new Error(vscode.l10n.t('Select a step first.'));
	}
	return row;
}

/** Throws once it is cancelled, so that the file that was there stays. */
async function* until(pieces: AsyncIterable<string>, signal: AbortSignal): AsyncGenerator<string> {
	for await (const piece of pieces) {
		signal.throwIfAborted();
		yield piece;
	}
}

async function askWhich(row: number): Promise<'all' | 'selected' | undefined> {
	const picks = [
		{ label: vscode.l10n.t('Step {0}', row + 1), which: 'selected' as const },
		{ label: vscode.l10n.t('All steps'), which: 'all' as const },
	];
	return (await vscode.window.showQuickPick(picks, { placeHolder: vscode.l10n.t('The steps to export') }))?.which;
}

function askTarget(file: OnView['file'], what: string, filters: Record<string, string[]>): Thenable<vscode.Uri | undefined> {
	const folder = vscode.workspace.workspaceFolders?.[0]?.uri ?? vscode.Uri.file('/');
	const stem = (file?.name ?? 'trace').replace(/\.(trace\.safetensors|prompt\.md|prompt|md|txt)$/, '');
	return vscode.window.showSaveDialog({ filters, defaultUri: vscode.Uri.joinPath(folder, `${stem}-${what}.${Object.values(filters)[0]![0]}`) });
}

function endingOf<T extends string>(target: vscode.Uri, endings: readonly T[]): T {
	const found = endings.find((ending) => target.path.toLowerCase().endsWith(`.${ending}`));
	if (!found) {
		throw new Error(vscode.l10n.t('This is saved as .{0}: choose such a name.', endings.join(vscode.l10n.t(' or .'))));
	}
	return found;
}

function answersOf(value: unknown): Answers {
	const { target, steps } = (value ?? {}) as Record<string, unknown>;
	return { ...(target instanceof vscode.Uri ? { target } : {}), ...(steps === 'all' || steps === 'selected' ? { steps } : {}) };
}
