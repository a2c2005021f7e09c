/** The heatmap column: a canvas behind the rows' window, and the same values as a table for assistive technology. */
import { create } from 'd3';
import type { Run } from '../../src/shared/panel';
import type { Range } from '../../src/shared/range';
import { scaleOf } from '../draw/colour';
import { cellAt, cellBox, drawHeatmap, type Heatmap } from '../draw/heatmap';
import { patchEffect } from '../evidence';
import * as glossary from '../glossary';
import { Pages } from '../pages';
import { heldOut, layerOf, probeOf, runOf, shownProbe, subjectOf, type AppState } from '../store';
import { onThemeChange, readPalette } from '../theme';
import type { Context } from '../view';
import type { Metrics } from '../viewport';

/** The table is filled when the scrolling rests: nobody hears it while it flies by. */
const MIRROR_REST_MS = 150;

/** Values of one row's sites, and the control model's. */
interface Line {
	values: Float32Array;
	control?: Float32Array;
}

export interface Heat {
	/** To be placed at the top of the window, in the heatmap's column. */
	canvas: HTMLCanvasElement;
	mirror: HTMLElement;
	/** The state has changed. */
	update(state: AppState, before?: AppState): void;
	/** `spare`: whether the thought of a row is. */
	draw(state: AppState, run: Run, window: Range, metrics: Metrics, spare: (row: number) => boolean): void;
}

export function heat({ host, store, selecting, tooltip, report }: Context): Heat {
	const canvas = create('canvas').attr('class', 'scores-cell heatmap').attr('aria-hidden', 'true').node() as HTMLCanvasElement;
	const hidden = create('div').attr('class', 'visually-hidden');
	const mirror = hidden.append('table').attr('role', 'grid').node() as HTMLTableElement;
	let palette = readPalette();
	let last: Parameters<Heat['draw']> | undefined;
	let map: Heatmap | undefined;

	const pages = new Pages<Line>(
		async (rows, signal) => {
			const { state } = store;
			const [run, probe] = [runOf(state.panel), probeOf(state)];
			if (!run || probe === undefined) {
				return [];
			}
			const tile = await host.call('tile', { revision: run.revision, probe, rows }, { signal });
			const sites = run.layers + 1;
			const line = (values: Float32Array, i: number) => values.subarray(i * sites, (i + 1) * sites);
			return Array.from({ length: Math.floor(tile.values.length / sites) }, (_, i) => ({
				values: line(tile.values, i),
				control: tile.control && line(tile.control, i),
			}));
		},
		() => redraw(),
		report,
	);

	function redraw(): void {
		if (last) {
			draw(...last);
		}
	}

	function draw(...[state, run, window, metrics, spare]: Parameters<Heat['draw']>): void {
		last = [state, run, window, metrics, spare];
		const { row, layer } = state.selection;
		const probe = shownProbe(state);
		canvas.hidden = probe === undefined;
		if (probe === undefined) {
			map = undefined;
			return;
		}
		map = {
			scale: scaleOf(probe),
			rows: window,
			sites: run.layers + 1,
			width: metrics.heatWidth,
			rowHeight: metrics.rowHeight,
			cellTop: metrics.cellTop,
			cellHeight: metrics.cellHeight,
			scores: (index) => pages.get(index)?.values,
			// What a spare thought does to the answer is evidence; what a probe reads in it is not.
			spare: (index) => probe.kind === 'probe' && spare(index),
			selected: row === undefined ? undefined : { row, layer: layer ?? layerOf(state) },
		};
		pages.show(window, run.rows);
		drawHeatmap(canvas, map, palette, devicePixelRatio);
		mirrorSoon(map, run.rows, glossary.heatmap(probe), row);
	}

	let mirroring: number | undefined;
	function mirrorSoon(map: Heatmap, rows: number, label: string, selected: number | undefined): void {
		clearTimeout(mirroring);
		mirroring = window.setTimeout(() => mirrorTable(mirror, map, rows, label, selected), MIRROR_REST_MS);
	}

	const cellUnder = (event: PointerEvent | MouseEvent) => {
		const box = canvas.getBoundingClientRect();
		return map && cellAt(map, event.clientX - box.left, event.clientY - box.top);
	};
	let hovered = '';
	canvas.addEventListener('pointermove', (event) => {
		const cell = cellUnder(event);
		const key = cell ? `${cell.row},${cell.layer}` : '';
		if (key !== hovered) {
			hovered = key;
			const text = cell && explain(store.state, cell, pages.get(cell.row));
			if (!cell || !map || !text) {
				tooltip.hide();
				return;
			}
			const [origin, box] = [canvas.getBoundingClientRect(), cellBox(map, cell.row, cell.layer)];
			const [left, top] = [origin.left + box.x, origin.top + box.y];
			tooltip.show(canvas, text, { left, right: left + box.width, top, bottom: top + box.height });
		}
	});
	canvas.addEventListener('pointerleave', () => {
		hovered = '';
		tooltip.hide();
	});
	canvas.addEventListener('click', (event) => {
		const cell = cellUnder(event);
		if (cell) {
			event.stopPropagation();
			void selecting.select(cell);
		}
	});
	onThemeChange(() => {
		palette = readPalette();
		redraw();
	});

	return {
		canvas,
		mirror: hidden.node() as HTMLElement,
		draw,
		update(state, before) {
			if (subjectOf(state.panel) !== subjectOf(before?.panel)) {
				pages.clear();
			} else if (probeOf(state) !== (before && probeOf(before))) {
				pages.clear();
			} else if (runOf(state.panel)?.revision !== runOf(before?.panel)?.revision) {
				pages.refresh();
			}
		},
	};
}

function explain(state: AppState, cell: { row: number; layer: number }, line: Line | undefined): string | undefined {
	const score = line?.values[cell.layer];
	const probe = shownProbe(state);
	const where = `Step ${cell.row + 1}, layer ${cell.layer}`;
	if (probe?.kind === 'patch') {
		return score === undefined ? undefined : patchEffect(probe.label, score, line?.control?.[cell.layer], where);
	}
	const run = runOf(state.panel);
	return probe && score !== undefined ? glossary.score(probe.label, score, where, heldOut(run, probe, cell)) : undefined;
}

function mirrorTable(table: HTMLTableElement, map: Heatmap, rows: number, label: string, selected: number | undefined): void {
	table.setAttribute('aria-label', label);
	table.setAttribute('aria-rowcount', String(rows + 1));
	const head = table.createTHead();
	head.replaceChildren();
	const titles = head.insertRow();
	titles.setAttribute('aria-rowindex', '1');
	cellOf(titles, 'th', 'step').scope = 'col';
	for (let site = 0; site < map.sites; site++) {
		cellOf(titles, 'th', `layer ${site}`).scope = 'col';
	}
	const body = table.tBodies[0] ?? table.createTBody();
	body.replaceChildren();
	for (let index = map.rows.start; index < map.rows.end; index++) {
		const row = body.insertRow();
		row.setAttribute('aria-rowindex', String(index + 2));
		row.setAttribute('aria-selected', String(index === selected));
		cellOf(row, 'th', String(index + 1)).scope = 'row';
		const scores = map.scores(index);
		for (let site = 0; site < map.sites; site++) {
			const score = scores?.[site];
			cellOf(row, 'td', score === undefined ? '' : Number.isNaN(score) ? 'not measured' : map.scale.print(score));
		}
	}
}

function cellOf(row: HTMLTableRowElement, tag: 'th' | 'td', text: string): HTMLTableCellElement {
	const cell = document.createElement(tag);
	cell.textContent = text;
	row.append(cell);
	return cell;
}
