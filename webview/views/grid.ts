/** The fixed parts of the steps grid: its head, and an empty row. */
import { create } from 'd3';
import * as glossary from '../glossary';
import type { Tooltip } from '../tooltip';

/** `underline` chooses what is underlined, `layers` the layer of the latent column, `picker` the probe of the heatmap. */
export function makeHead(underline: HTMLElement, layers: HTMLElement, picker: HTMLElement, tooltip: Tooltip): HTMLElement {
	const head = create('div').attr('class', 'columns head').attr('role', 'row').attr('aria-rowindex', 1);
	const column = (name: string) => head.append('div').attr('class', name).attr('role', 'columnheader');
	column('number').append('span').attr('class', 'visually-hidden').text('Step');
	const sentence = column('sentence-cell');
	sentence.append('span').attr('class', 'sentence-title').text('Chain of thought');
	sentence.append(() => underline);
	const thought = column('thought-cell');
	const title = thought.append('span').text('Latent thoughts');
	title.append('span').attr('class', 'more').text(', nearest tokens after the final norm');
	tooltip.set(title.node() as HTMLElement, glossary.LATENT_COLUMN);
	thought.append(() => layers);
	column('scores-cell').append(() => picker);
	return head.node() as HTMLElement;
}

/** The head is the grid's first row, so row 0 is its second. */
export function makeRow(index: number): HTMLElement {
	const row = create('div').attr('class', 'columns row').attr('role', 'row').attr('data-row', index);
	row.attr('aria-rowindex', index + 2);
	// What the commands of the editor's context menu are about.
	row.attr('data-vscode-context', JSON.stringify({ webviewSection: 'step', row: index }));
	const number = row.append('div').attr('class', 'number').attr('role', 'rowheader');
	number.text(index + 1);
	row.append('div').attr('class', 'sentence-cell').attr('role', 'gridcell');
	row.append('div').attr('class', 'thought-cell').attr('role', 'gridcell');
	return row.node() as HTMLElement;
}
