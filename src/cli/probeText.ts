/** What was measured of a probe, for people. */
import { printable } from '../analysis/text';
import type { ProbeCellReport, ProbeReport } from '../engine/api';

const COLUMNS = ['step', 'site', 'AUROC', '95 %', 'control', 'selectivity', '95 %', 'shuffled', 'random', 'ECE', 'recall@1%FPR', '95 %', 'n', 'penalty'];

export function probeTable({ name, label, arm, at, model, prompts, groups, cells, unfitted, notes, seconds }: ProbeReport): string {
	const rows = cells.map((cell) => [String(cell.step), String(cell.layer), ...numbers(cell)]);
	const widths = COLUMNS.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
	const line = (row: readonly string[]) => `  ${row.map((one, i) => one.padStart(widths[i]!)).join('  ')}`;
	const split = groups.training > 0 ? `${groups.training} groups fitted, ${groups.heldOut} held out` : `${groups.heldOut} groups`;
	const where = at === 'thoughts' ? 'thoughts' : 'ends of written sentences';
	return [
		`Probe ${name}: ${printable(label)}`,
		`  ${model.id}, arm ${arm}, ${where}; ${prompts} prompts, ${split}; ${seconds.reading.toFixed(1)} s reading, ${seconds.fitting.toFixed(1)} s fitting`,
		'',
		line(COLUMNS),
		...rows.map(line),
		'',
		'AUROC of prompts that the fit has not seen; intervals by a bootstrap over groups. control: the same fit and test on a coin for each',
		'word; selectivity: AUROC less control; shuffled: the same fit on shuffled labels; random: random directions, turned on the training',
		'groups. ECE: expected calibration error. recall@1%FPR: share of positives found where at most 1 % of the negatives are. –: not measured.',
		...(unfitted.length > 0 ? [`Not fitted or not measured, for want of both labels (step/site): ${unfitted.map((one) => one.join('/')).join(' ')}`] : []),
		...notes.map((note) => `Note: ${printable(note)}`),
		'',
	].join('\n');
}

function numbers({ auroc, ci, control, selectivity, selectivityCi, shuffled, random, ece, recallAt1Fpr, recallCi, n, penalty }: ProbeCellReport): string[] {
	const shown = (value: number) => (Number.isNaN(value) ? '–' : value.toFixed(3));
	const interval = ([low, high]: [number, number]) => (Number.isNaN(low) ? '–' : `${low.toFixed(2)}–${high.toFixed(2)}`);
	return [
		...[shown(auroc), interval(ci), shown(control), shown(selectivity), interval(selectivityCi), shown(shuffled), shown(random)],
		...[shown(ece), shown(recallAt1Fpr), interval(recallCi), String(n), Number.isNaN(penalty) ? '–' : String(penalty)],
	];
}
