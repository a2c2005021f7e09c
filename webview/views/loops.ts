/** Loops × tokens, of a model that loops over depth: a row for each position, a column for each loop. Only the rows in view exist. */
import { create, range, select } from 'd3';
import { decimals } from '../../src/shared/decimals';
import type { DepthView, LoopMeasure, LoopRow, Run } from '../../src/shared/panel';
import { formatProbability } from '../../src/shared/probability';
import { clamp } from '../../src/shared/range';
import { choice } from '../controls';
import { measured } from '../draw/colour';
import { cellAt, drawHeatmap, type Heatmap } from '../draw/heatmap';
import { gradient, hatched } from '../draw/key';
import { layerAxis } from '../draw/axis';
import { Pages } from '../pages';
import { runOf, subjectOf } from '../store';
import { onThemeChange, readPalette } from '../theme';
import type { Context, View } from '../view';
import { reveal, visible } from '../viewport';

const ROW_HEIGHT = 20;
const OVERSCAN = 16;
/** Of a column, in pixels: a word of a small vocabulary, and a strip of colours. */
const CELL = { most: 56, least: 6 };
/** Beside the cells: the token, and when it halted. */
const LABEL_WIDTH = 196;

interface Cell {
	row: number;
	/** From 0. */
	loop: number;
}

export function loops({ host, store, tooltip, report }: Context): View {
	const root = create('section').attr('class', 'loops').attr('aria-label', 'Loops × tokens');
	const head = root.append('header').attr('class', 'loops-head');
	const title = head.append('h2').text('Loops × tokens').node() as HTMLElement;
	tooltip.set(title, 'Each cell is what the model would say next if this position alone halted after the loop: the coda from its state, final norm and unembedding (the coda lens).');
	head.append('span').text('by the coda lens');
	let chosen: { arm?: string; measure?: string } = {};
	const arms = choice('Arm', (arm) => {
		chosen = { ...chosen, arm };
		cell = undefined;
		pages.clear();
		show();
	});
	const measures = choice('Colour', (measure) => {
		chosen = { ...chosen, measure };
		show();
	});
	head.append(() => arms.element);
	head.append(() => measures.element);
	const key = head.append('span').attr('class', 'loops-key');
	const low = key.append('span').attr('class', 'figure');
	const bar = key.append('canvas').attr('aria-hidden', 'true').node() as HTMLCanvasElement;
	const high = key.append('span').attr('class', 'figure');
	const hatch = key.append('canvas').attr('aria-hidden', 'true').node() as HTMLCanvasElement;
	key.append('span').text('halted');
	const summary = head.append('span').attr('class', 'loops-summary');

	const axis = layerAxis();
	root.append('div').attr('class', 'loops-axis').append(() => axis.element);
	const scroll = root.append('div').attr('class', 'loops-scroll').attr('tabindex', 0).attr('role', 'grid').node() as HTMLElement;
	const body = select(scroll).append('div').attr('class', 'loops-body').attr('role', 'rowgroup').node() as HTMLElement;
	const canvas = select(body).append('canvas').attr('aria-hidden', 'true').node() as HTMLCanvasElement;
	const reading = root.append('p').attr('class', 'loops-reading').attr('aria-live', 'polite').node() as HTMLElement;
	let palette = readPalette();
	let cell: Cell | undefined;
	let map: Heatmap | undefined;

	const pages = new Pages<LoopRow>(
		(rows, signal) => host.call('loops', { revision: run()?.revision ?? 0, arm: shown()?.arm.name ?? '', rows }, { signal }),
		() => draw(),
		report,
	);
	const run = (): Run | undefined => runOf(store.state.panel);
	const shown = () => {
		const depth = run()?.depth;
		const arm = depth?.arms.find(({ name }) => name === chosen.arm) ?? depth?.arms[0];
		const measure = depth?.measures.find(({ name }) => name === chosen.measure) ?? depth?.measures[0];
		return depth && arm && measure && { depth, arm, measure };
	};

	/** What depends on the run and the choices, and then the cells. */
	function show(): void {
		const what = shown();
		if (what) {
			const { depth, arm, measure } = what;
			arms.element.hidden = depth.arms.length < 2;
			arms.set(depth.arms.map(({ name, label }) => ({ value: name, label })), arm.name);
			measures.set(depth.measures.map(({ name, label }) => ({ value: name, label })), measure.name);
			tooltip.set(key.node() as HTMLElement, measure.definition);
			low.text(decimals(measure.domain[0], 0));
			high.text(`${decimals(measure.domain[1], 1)} ${measure.unit}`.trim());
			summary.text(arm.summary ?? '');
			paint();
			draw();
		}
	}

	function draw(): void {
		const what = shown();
		if (!what || scroll.clientWidth === 0) {
			return;
		}
		const { depth, arm, measure } = what;
		const rows = arm.tokens;
		const width = depth.loops * clamp(Math.floor((scroll.clientWidth - LABEL_WIDTH) / depth.loops), CELL.least, CELL.most);
		const window = visible(scroll.scrollTop, scroll.clientHeight, ROW_HEIGHT, rows, OVERSCAN);
		pages.show(window, rows);
		map = {
			scale: measured(measure.domain),
			rows: window,
			sites: depth.loops,
			width,
			rowHeight: ROW_HEIGHT,
			cellTop: 0,
			cellHeight: ROW_HEIGHT,
			scores: (row) => pages.get(row)?.values[measure.name],
			text: (row, loop) => pages.get(row)?.top[loop]?.[0]?.text ?? '',
			spare: () => false,
			selected: cell && { row: cell.row, layer: cell.loop },
		};
		body.style.height = `${rows * ROW_HEIGHT}px`;
		canvas.style.top = `${window.start * ROW_HEIGHT}px`;
		drawHeatmap(canvas, map, palette, devicePixelRatio);
		axis.draw(depth.loops, width, cell?.loop ?? depth.loops - 1, 1);
		labels(range(window.start, window.end), measure);
		scroll.setAttribute('aria-rowcount', String(rows));
		reading.textContent = cell ? inWords(cell, pages.get(cell.row), depth) : 'Click a cell, or move with the arrow keys, to read what the model would say there.';
	}

	/** The token of each row in view; for a screen reader also what its cells say. */
	function labels(indices: number[], { name, label }: LoopMeasure): void {
		select(body)
			.selectAll<HTMLElement, number>('.loops-row')
			.data(indices, (index) => index)
			.join((enter) => enter.append('div').attr('class', 'loops-row').attr('role', 'row'))
			.style('top', (index) => `${index * ROW_HEIGHT}px`)
			.attr('aria-rowindex', (index) => index + 1)
			.attr('aria-selected', (index) => String(index === cell?.row))
			.each(function (index) {
				const row = pages.get(index);
				this.className = `loops-row of-${row?.kind ?? 'prompt'}`;
				const parts = [['token', row?.text ?? '…'], ['loops-halt', row?.halted ? `⊣ ${row.halted.loop}` : '']] as const;
				const spans = select(this).selectAll<HTMLElement, readonly [string, string]>('span.part').data(parts).join('span');
				spans.attr('class', ([kind]) => `part ${kind}`).attr('role', 'rowheader').text(([, text]) => text);
				tooltip.set(this, row?.halted ? `Halted after loop ${row.halted.loop}, because ${row.halted.why}. Later loops were not computed for it; those after it see what it left in its last one.` : '');
				const said = row ? row.top.map((top, i) => `loop ${i + 1}: ${top[0]?.text ?? 'halted'}, ${label} ${print(row.values[name]?.[i])}`).join('; ') : '';
				select(this).selectAll('span.visually-hidden').data([said]).join('span').attr('class', 'visually-hidden').attr('role', 'gridcell').text((text) => text);
			});
	}

	function choose(next: Cell): void {
		cell = next;
		scroll.scrollTop = reveal(next.row, ROW_HEIGHT, scroll.scrollTop, scroll.clientHeight);
		draw();
	}

	scroll.addEventListener('scroll', draw, { passive: true });
	canvas.addEventListener('click', (event) => {
		const box = canvas.getBoundingClientRect();
		const at = map && cellAt(map, event.clientX - box.left, event.clientY - box.top);
		if (at) {
			choose({ row: at.row, loop: at.layer });
		}
	});
	scroll.addEventListener('keydown', (event) => {
		const what = shown();
		const move = MOVES[event.key];
		if (what && move) {
			event.preventDefault();
			event.stopPropagation();
			const from = cell ?? { row: what.arm.answer ?? 0, loop: what.depth.loops - 1 };
			const [by, along] = cell ? move : [0, 0];
			choose({ row: clamp(from.row + by, 0, what.arm.tokens - 1), loop: clamp(from.loop + along, 0, what.depth.loops - 1) });
		}
	});
	new ResizeObserver(() => draw()).observe(scroll);
	const paint = () => {
		palette = readPalette();
		const measure = shown()?.measure;
		if (measure) {
			gradient(bar, measured(measure.domain));
		}
		hatched(hatch, palette);
	};
	onThemeChange(() => {
		paint();
		draw();
	});

	return {
		element: root.node() as HTMLElement,
		render({ panel }, before) {
			const what = shown();
			(root.node() as HTMLElement).hidden = what === undefined;
			if (!what || (before && panel === before.panel)) {
				return;
			}
			if (subjectOf(panel) !== subjectOf(before?.panel)) {
				pages.clear();
				cell = undefined;
			} else {
				pages.refresh();
			}
			show();
		},
	};
}

const MOVES: Readonly<Record<string, readonly [row: number, loop: number]>> = {
	ArrowUp: [-1, 0],
	ArrowDown: [1, 0],
	ArrowLeft: [0, -1],
	ArrowRight: [0, 1],
};

function inWords({ loop }: Cell, row: LoopRow | undefined, { loops: count, measures }: DepthView): string {
	if (!row) {
		return '…';
	}
	const where = `“${row.text}” after loop ${loop + 1} of ${count}`;
	const top = row.top[loop] ?? [];
	if (top.length === 0) {
		return row.halted ? `${where}: not computed, because it halted after loop ${row.halted.loop} (${row.halted.why}).` : `${where}: not measured.`;
	}
	const words = top.map(({ text, prob }) => `${text} ${formatProbability(prob)}`).join(' · ');
	return `${where} it would say ${words} — ${measures.map(({ name, label, unit }) => `${label} ${print(row.values[name]?.[loop])} ${unit}`.trim()).join(', ')}`;
}

function print(value: number | undefined): string {
	return value === undefined || Number.isNaN(value) ? 'not measured' : decimals(value, 2);
}
