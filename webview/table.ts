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
	const style = (column: Column<T>) => (column.figure ? 'figure' : column.word ? 'word' : '');
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
				const tip = column.tip?.(row);
				if (tip !== undefined) {
					tooltip.set(this, tip);
				}
			});
	}
	return root.node() as HTMLTableElement;
}
