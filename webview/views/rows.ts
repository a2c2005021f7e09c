/** The rows of the steps: elements of those in the window, filled with what has come of them. */
import { range as counted, select } from 'd3';
import type { Row, Run } from '../../src/shared/panel';
import type { Range } from '../../src/shared/range';
import type { Pages } from '../pages';
import { markOf, notesOf } from '../review';
import { layerOf, underlineOf, type AppState } from '../store';
import type { Tooltip } from '../tooltip';
import type { Metrics } from '../viewport';
import { makeRow } from './grid';
import { showSentence, type Told } from './sentence';
import { showThought } from './thought';

/** What an element was filled with. */
interface Filled {
	row?: Row;
	layer: number;
	metrics: string;
	told: string;
}

export class Rows {
	private readonly filled = new WeakMap<HTMLElement, Filled>();

	constructor(
		private readonly body: HTMLElement,
		private readonly pages: Pages<Row>,
		private readonly tooltip: Tooltip,
	) {}

	draw(state: AppState, run: Run, window: Range, metrics: Metrics): void {
		const { row: selected, step } = state.selection;
		const tabbable = (selected ?? 0) < run.rows ? (selected ?? 0) : 0;
		const inWindow = counted(window.start, window.end);
		// The row that Tab leads to stays, wherever one has scrolled to: the focus would be lost with it.
		const indices = inWindow.includes(tabbable) || inWindow.length === 0 ? inWindow : [...inWindow, tabbable].sort((a, b) => a - b);
		const told = { underline: underlineOf(state), legibility: run.legibility };
		const now = {
			layer: layerOf(state),
			metrics: JSON.stringify([metrics, run.columns]),
			told: JSON.stringify([told.underline, told.legibility?.reference, told.legibility?.base]),
		};
		const fill = (element: HTMLElement, index: number) => this.fill(element, { ...now, row: this.pages.get(index) }, told, run, metrics);
		select(this.body)
			.selectAll<HTMLElement, number>('.row')
			.data(indices, (index) => index)
			.join((enter) => enter.append(makeRow))
			.order()
			.style('top', (index) => `${index * metrics.rowHeight}px`)
			.attr('aria-selected', (index) => String(index === selected))
			.attr('data-note', (index) => markOf(notesOf(state.review, index)) ?? null)
			.attr('aria-description', (index) => markOf(notesOf(state.review, index)) ?? null)
			.attr('tabindex', (index) => (index === tabbable ? 0 : -1))
			.each(function (index) {
				fill(this, index);
				for (const explained of this.querySelectorAll('.tag, .level')) {
					explained.setAttribute('tabindex', index === tabbable ? '0' : '-1');
				}
				for (const token of this.querySelectorAll<HTMLElement>('.token')) {
					token.classList.toggle('here', index === selected && Number(token.dataset['step']) === step);
				}
			});
	}

	private fill(element: HTMLElement, now: Filled, told: Told, { columns }: Run, { tall, top }: Metrics): void {
		const was = this.filled.get(element);
		if (was && was.row === now.row && was.layer === now.layer && was.metrics === now.metrics && was.told === now.told) {
			return;
		}
		this.filled.set(element, now);
		const [, sentence, thought] = element.children as unknown as HTMLElement[];
		element.setAttribute('aria-busy', String(now.row === undefined));
		element.classList.toggle('of-spare', now.row?.thought?.spare !== undefined);
		// The same sentence stays as it is: one of its tokens may have the focus.
		if (!was || was.told !== now.told || JSON.stringify(was.row?.sentence) !== JSON.stringify(now.row?.sentence)) {
			showSentence(sentence as HTMLElement, now.row?.sentence, told, this.tooltip);
		}
		showThought(thought as HTMLElement, now.row?.thought, { layer: now.layer, tall, top, columns }, this.tooltip);
	}
}
