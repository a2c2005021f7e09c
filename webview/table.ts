/** Small tables of figures. */
import { create } from 'd3';
import { signed } from './marks';
import type { Tooltip } from './tooltip';

export interface Column<T> {
	title: string;
	unit?: string;
	/** Monospaced and aligned to the right. */
	figure?: true;
	/** Text from a model: monospaced, signs for what cannot be seen drawn pale. */
	word?: true;
	/** Words of ours, which may be cut where there is no room. */
	label?: true;
	/** Draws a share of 0..100 beside the text; NaN (or `null`, which a message makes of it) draws nothing. */
	bar?(row: T): number | null;
	text(row: T): string;
	tip?(row: T): string | undefined;
}

export function table<T>(
	rows: readonly T[],
	columns: readonly Column<T>[],
	tooltip: Tooltip,
	kind: (row: T) => string = () => '',
): HTMLTableElement {
	const root = create('table').attr('class', 'figures');
	const style = (column: Column<T>) => (column.figure ? 'figure' : column.word ? 'word' : column.label ? 'label' : '');
	const head = root
		.append('thead')
		.append('tr')
		.selectAll('th')
		.data(columns)
		.join('th')
		.attr('scope', 'col')
		.attr('class', style);
	head.text((column) => column.title);
	head
		.filter((column) => column.unit !== undefined)
		.append('span')
		.attr('class', 'unit')
		.text((column) => ` ${column.unit}`);
	const body = root.append('tbody').selectAll('tr').data(rows).join('tr').attr('class', kind);
	for (const column of columns) {
		body
			.append('td')
			.attr('class', style(column))
			.each(function (row) {
				this.append(...(column.word ? signed(column.text(row)) : [column.text(row)]));
				const share = column.bar?.(row);
				if (share !== undefined) {
					this.classList.add('barred');
					this.append(bar(share));
				}
				const tip = column.tip?.(row);
				if (tip !== undefined) {
					tooltip.set(this, tip);
				}
			});
	}
	return root.node() as HTMLTableElement;
}

function bar(share: number | null): HTMLElement {
	const track = create('span').attr('class', 'share').attr('aria-hidden', 'true');
	if (share !== null && !Number.isNaN(share)) {
		track.append('span').attr('class', 'share-fill').style('width', `${Math.min(100, Math.max(0, share))}%`);
	}
	return track.node() as HTMLElement;
}
