/** One step of both runs: what either side says, with what the other has differently marked, and how far they are apart. */
import type { CompareRow, StepView, TokensView } from '../../src/shared/compare';
import type { Range } from '../../src/shared/range';
import type { Tooltip } from '../tooltip';
import { tokenText } from './words';

/** Of one side: more does not fit its lines, and is in the details. */
const MAX_SHOWN = 400;

/** What a line was filled with; filling it with the same again costs nothing while the list scrolls. */
const filled = new WeakMap<HTMLElement, CompareRow>();

export function blankLine(): HTMLElement {
	const line = document.createElement('div');
	line.setAttribute('role', 'row');
	for (const name of ['number', 'a', 'b', 'kl']) {
		const cell = document.createElement('div');
		cell.className = `compare-${name}`;
		cell.setAttribute('role', 'gridcell');
		line.append(cell);
	}
	const values = span('visually-hidden', '');
	values.setAttribute('role', 'gridcell');
	line.append(values);
	return line;
}

/** `row`: absent while it has not come. `values`: of the heatmap beside it, in words. */
export function fillLine(line: HTMLElement, index: number, row: CompareRow | undefined, values: string, tooltip: Tooltip): void {
	const cell = (name: string) => line.querySelector<HTMLElement>(`.${name}`)!;
	cell('visually-hidden').textContent = values;
	cell('compare-number').textContent = `${index + 1}`;
	if (filled.has(line) && filled.get(line) === row) {
		return;
	}
	line.className = `compare-row compare-columns ${row ? kindOf(row) : ''}`;
	fill(cell('compare-a'), row?.a, row?.tokens ?? [], 'a', tooltip);
	fill(cell('compare-b'), row?.b, row?.tokens ?? [], 'b', tooltip);
	const highest = row?.tokens.reduce<TokensView['kl']>((most, { kl }) => (kl && kl.atLeast > (most?.atLeast ?? -1) ? kl : most), undefined);
	cell('compare-kl').textContent = highest ? `${highest.exact ? '' : '≥ '}${highest.atLeast.toFixed(2)}` : '';
	if (row) {
		filled.set(line, row);
	}
}

/** A step as its label and its tokens; those that the other side has differently are marked. */
function fill(cell: HTMLElement, step: StepView | undefined, tokens: readonly TokensView[], side: 'a' | 'b', tooltip: Tooltip): void {
	const parts = step?.label ? [span('compare-label', step.label)] : [];
	let room = MAX_SHOWN;
	for (const group of tokens.filter((one) => one[side] !== '')) {
		const isFirst = room === MAX_SHOWN;
		const part = span(isFirst && !step?.label && group[side].startsWith(' ') ? 'token spaced' : 'token', '');
		part.append(...marked(group[side], group.changed?.[side] ?? []));
		tooltip.set(part, tokenText(group));
		parts.push(part);
		room -= group[side].length;
		if (room <= 0) {
			break;
		}
	}
	cell.replaceChildren(...parts);
}

function kindOf({ a, b, same }: CompareRow): string {
	return same ? 'is-same' : !b ? 'is-only-a' : !a ? 'is-only-b' : 'is-changed';
}

/** What the other side has differently stands out. */
function marked(text: string, changed: readonly Range[]): (HTMLElement | string)[] {
	let done = 0;
	const parts = changed.flatMap(({ start, end }) => {
		const before = text.slice(done, start);
		done = end;
		return [before, span('changed', text.slice(start, end))];
	});
	return [...parts, text.slice(done)];
}

function span(className: string, text: string): HTMLElement {
	const element = document.createElement('span');
	element.className = className;
	element.textContent = text;
	return element;
}
