/** The tables of what was changed, and of how far a thought is from language. */
import { select } from 'd3';
import { decimals, difference } from '../../src/shared/decimals';
import type { OodView, TestView } from '../../src/shared/panel';
import * as evidence from '../evidence';
import { exact } from '../figures';
import { table, type Column } from '../table';
import type { Tooltip } from '../tooltip';

/** A test, or the heading above a group of them. */
type Line = { group: string; title: string } | { group: string; test: TestView };

/** Groups that are unfolded; the first of a table always is. */
export type Unfolded = Set<string>;

const TITLES: Readonly<Record<string, string>> = {
	recomputed: 'later thoughts computed again',
	frozen: 'later thoughts as they were',
	'all thoughts': 'every thought at once',
};

export function testsTable(tests: readonly TestView[], unfolded: Unfolded, tooltip: Tooltip): HTMLElement {
	const all: Line[] = [];
	for (const test of tests) {
		const group = test.of === 'thought' ? (test.later === 'frozen' ? 'frozen' : 'recomputed') : test.of;
		const first = all.every((line) => line.group !== group);
		if (first && (all.length > 0 || test.later !== 'none')) {
			all.push({ group, title: TITLES[group] ?? '' });
		}
		all.push({ group, test });
	}
	const lines = all.filter((line) => !('title' in line) || line.title !== '');
	const of = <T>(read: (test: TestView) => T, none: T) => (line: Line) => ('test' in line ? read(line.test) : none);
	const columns: Column<Line>[] = [
		{ title: '', label: true, text: (line) => ('test' in line ? line.test.label : line.title), tip: of<string | undefined>(evidence.test, undefined) },
		{
			title: 'answer',
			word: true,
			text: of(({ answer, changed }) => `${answer}${changed ? ' *' : ''}`, ''),
			tip: of<string | undefined>(({ changed }) => (changed ? evidence.CHANGED : undefined), undefined),
		},
		{
			title: 'Δ log-odds',
			unit: 'nats',
			figure: true,
			text: of(({ deltaLogOdds }) => difference(deltaLogOdds), ''),
			tip: of<string | undefined>(({ deltaLogOdds }) => `${exact(deltaLogOdds)} nats. ${evidence.DELTA}`, undefined),
		},
		{ title: 'KL', unit: 'nats', figure: true, text: of(({ kl }) => decimals(kl), ''), tip: of<string | undefined>(({ kl }) => `${exact(kl)} nats. ${evidence.KL}`, undefined) },
		{
			title: 'control',
			unit: 'Δ, twin',
			figure: true,
			text: of(({ control }) => `${difference(control?.deltaLogOdds)}${control?.changed ? ' *' : ''}`, ''),
			tip: of<string | undefined>(() => evidence.CONTROL, undefined),
		},
	];
	const kind = (line: Line) => ('test' in line ? (line.test.changed ? 'changed' : '') : 'group');
	const root = table(lines, columns, tooltip, kind);
	root.classList.add('tests-table');
	fold(root, lines, unfolded);
	return root;
}

/** Later groups are opened by their headings. */
function fold(root: HTMLTableElement, lines: readonly Line[], unfolded: Unfolded): void {
	const rows = [...(root.tBodies[0]?.rows ?? [])];
	const [first] = lines;
	lines.forEach((line, i) => {
		if ('test' in line) {
			rows[i]!.hidden = line.group !== first?.group && !unfolded.has(line.group);
			return;
		}
		const cell = rows[i]!.cells[0]!;
		for (const other of [...rows[i]!.cells].slice(1)) {
			other.remove();
		}
		rows[i]!.dataset['group'] = line.group;
		cell.colSpan = root.tHead?.rows[0]?.cells.length ?? 1;
		if (line.group === first?.group) {
			return;
		}
		const count = lines.filter((other) => 'test' in other && other.group === line.group).length;
		cell.replaceChildren();
		const button = select(cell).append('button').attr('class', 'link fold').text(`${line.title} (${count})`);
		const show = (open: boolean) => {
			button.attr('aria-expanded', String(open));
			lines.forEach((other, j) => {
				if ('test' in other && other.group === line.group) {
					rows[j]!.hidden = !open;
				}
			});
		};
		button.on('click', () => {
			const open = !unfolded.delete(line.group);
			if (open) {
				unfolded.add(line.group);
			}
			show(open);
		});
		show(unfolded.has(line.group));
	});
}

export function oodTable(views: readonly OodView[], tooltip: Tooltip): HTMLElement {
	const percentile = (of: 'tokens' | 'text'): Column<OodView> => ({
		title: `% ${of}`,
		figure: true,
		text: (one) => decimals(one[of], 0),
		bar: (one) => one[of] ?? Number.NaN,
		tip: () => evidence.PERCENTILE[of],
	});
	const columns: Column<OodView>[] = [
		{ title: 'measure', label: true, text: ({ label }) => label, tip: evidence.ood },
		{ title: 'value', figure: true, text: ({ value }) => decimals(value), tip: evidence.ood },
		percentile('tokens'),
		percentile('text'),
	];
	const root = table(views, columns, tooltip);
	root.classList.add('ood-table');
	return root;
}
