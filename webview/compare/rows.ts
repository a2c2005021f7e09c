/** The steps of both runs, row by row, and the heatmap of a plane's differences beside them. */
import { create } from 'd3';
import type { CompareRow, PlaneView } from '../../src/shared/compare';
import { clamp, type Range } from '../../src/shared/range';
import { decimals } from '../../src/shared/decimals';
import { scaleOf } from '../draw/colour';
import { cellAt, cellBox, drawHeatmap, type Heatmap } from '../draw/heatmap';
import { Pages } from '../pages';
import { onThemeChange, readPalette } from '../theme';
import { reveal, visible } from '../viewport';
import { cellText } from './words';
import { blankLine, fillLine } from './line';
import { planeOf, rowOf, scaleOfPlane, viewOf, type CompareContext, type CompareViewPart, type PageState } from './state';

/** Two lines of text beside each other, or a line of A above one of B where there is no room for that. */
const ROW_HEIGHT = { wide: 48, narrow: 54 };
const WIDE_FROM = 620;
/** Room for figures in the cells of a few layers, a strip of colours of many. */
const HEAT_WIDTH = { wide: 210, narrow: 96 };
const FEW_COLUMNS = 3;
const OVERSCAN = 8;

export function rows(context: CompareContext): CompareViewPart {
	const { host, tooltip, report, update } = context;
	const root = create('div').attr('class', 'compare-rows').attr('role', 'grid').attr('tabindex', '0').attr('aria-label', 'Steps of both traces');
	const titles = root.append('div').attr('class', 'compare-columns compare-titles').attr('role', 'row');
	for (const [name, text] of [['number', ''], ['a', 'A'], ['b', 'B'], ['kl', 'KL'], ['heat', '']] as const) {
		titles.append('div').attr('class', `compare-${name}`).attr('role', 'columnheader').text(text);
	}
	const heatTitle = titles.select<HTMLElement>('.compare-heat');
	tooltip.set(titles.select<HTMLElement>('.compare-kl').node()!, 'The largest KL(A || B) of a token of this step, in nats. With ≥ it is the least that it can be: a trace holds the likeliest tokens only.');
	const body = root.append('div').attr('class', 'compare-body');
	const list = body.append('div').attr('role', 'presentation');
	const canvas = body.append('canvas').attr('class', 'compare-canvas').attr('aria-hidden', 'true').node() as HTMLCanvasElement;
	const element = root.node() as HTMLElement;
	let palette = readPalette();
	let map: Heatmap | undefined;

	const texts = new Pages<CompareRow>(
		(range, signal) => host.call('rows', { revision: viewOf(context.state)!.revision, rows: range }, { signal }),
		() => update({}),
		report,
	);
	const tiles = new Pages<Float32Array>(
		async (range, signal) => {
			const [view, plane] = [viewOf(context.state)!, planeOf(context.state)!];
			const { values, largest, limit } = await host.call('tile', { revision: view.revision, plane: plane.name, rows: range }, { signal });
			context.update({ scale: { plane: plane.name, revision: view.revision, largest, limit } });
			const width = plane.columns.length;
			return Array.from({ length: values.length / width }, (_, i) => values.subarray(i * width, (i + 1) * width));
		},
		() => update({}),
		report,
	);

	const layout = (): keyof typeof ROW_HEIGHT => (element.clientWidth < WIDE_FROM ? 'narrow' : 'wide');
	const rowHeight = () => ROW_HEIGHT[layout()];
	const titleHeight = () => (titles.node() as HTMLElement).offsetHeight;
	const select = (row: number) => {
		const count = viewOf(context.state)?.rows ?? 0;
		const target = clamp(row, 0, count - 1);
		element.scrollTop = reveal(target, rowHeight(), element.scrollTop, element.clientHeight - titleHeight());
		update({ row: target });
	};
	element.addEventListener('scroll', () => draw(context.state), { passive: true });
	element.addEventListener('keydown', (event) => {
		const now = rowOf(context.state);
		const { rows: count = 0, differing = [] } = viewOf(context.state) ?? {};
		const page = Math.max(1, Math.floor(element.clientHeight / rowHeight()) - 1);
		const to: Record<string, () => number | undefined> = {
			ArrowDown: () => (now ?? -1) + 1,
			ArrowUp: () => (now ?? 1) - 1,
			PageDown: () => (now ?? 0) + page,
			PageUp: () => (now ?? 0) - page,
			Home: () => 0,
			End: () => count - 1,
			n: () => differing.find((row) => row > (now ?? -1)),
			p: () => differing.findLast((row) => row < (now ?? count)),
		};
		const target = event.ctrlKey || event.metaKey || event.altKey || count === 0 ? undefined : to[event.key]?.();
		if (target !== undefined) {
			event.preventDefault();
			select(target);
		}
	});
	canvas.addEventListener('pointermove', (event) => {
		const [origin, plane] = [canvas.getBoundingClientRect(), planeOf(context.state)];
		const cell = map && plane && cellAt(map, event.clientX - origin.left, event.clientY - origin.top);
		const value = cell && tiles.get(cell.row)?.[cell.layer];
		if (!cell || value === undefined || !map) {
			return tooltip.hide();
		}
		const box = cellBox(map, cell.row, cell.layer);
		const [left, top] = [origin.left + box.x, origin.top + box.y];
		tooltip.show(canvas, cellText(plane!, cell.row, cell.layer, value), { left, right: left + box.width, top, bottom: top + box.height });
	});
	canvas.addEventListener('pointerleave', () => tooltip.hide());
	canvas.addEventListener('click', (event) => {
		const row = Math.floor((event.clientY - canvas.getBoundingClientRect().top) / rowHeight());
		select((map?.rows.start ?? 0) + row);
	});
	onThemeChange(() => {
		palette = readPalette();
		draw(context.state);
	});

	function draw(state: PageState): void {
		const view = viewOf(state);
		root.attr('hidden', view && view.rows > 0 ? null : '');
		if (!view || view.rows === 0) {
			return;
		}
		const [mode, height] = [layout(), rowHeight()];
		element.dataset['layout'] = mode;
		element.dataset['planes'] = view.planes.length > 0 ? 'some' : 'none';
		titles.select('.compare-a').text(mode === 'wide' ? 'A' : 'A above B');
		root.attr('aria-rowcount', view.rows + 1);
		body.style('height', `${view.rows * height}px`);
		const range = visible(element.scrollTop, element.clientHeight, height, view.rows, OVERSCAN);
		texts.show(range, view.rows);
		drawRows(range, height, state);
		const plane = planeOf(state);
		heatTitle.text(plane ? `${plane.label}${layersOf(plane)}` : '');
		if (plane) {
			tooltip.set(heatTitle.node()!, plane.definition);
			tiles.show(range, view.rows);
		}
		canvas.hidden = plane === undefined;
		map = undefined;
		const scale = scaleOfPlane(state);
		if (plane && scale) {
			const width = Math.min(HEAT_WIDTH[mode], Math.max(HEAT_WIDTH.narrow, plane.columns.length * (HEAT_WIDTH[mode] / FEW_COLUMNS)));
			const paint = scaleOf({ kind: 'patch', domain: [-scale.limit, scale.limit] });
			map = {
				scale: { ...paint, ...(plane.signed ? {} : { print: (value: number) => decimals(value), sample: '0.00' }) },
				rows: range,
				sites: plane.columns.length,
				width,
				rowHeight: height,
				cellTop: 9,
				cellHeight: 22,
				scores: (row) => tiles.get(row),
				spare: () => false,
			};
			canvas.style.top = `${range.start * height}px`;
			drawHeatmap(canvas, map, palette, devicePixelRatio);
		}
	}

	function drawRows(range: Range, height: number, state: PageState): void {
		const selected = rowOf(state);
		const indices = Array.from({ length: range.end - range.start }, (_, i) => range.start + i);
		const lines = list
			.selectAll<HTMLElement, number>('.compare-row')
			.data(indices, (index) => index)
			.join((enter) => {
				const row = enter.append(() => blankLine());
				row.on('click', (_, index) => select(index));
				return row;
			})
			.style('top', (index) => `${index * height}px`)
			.attr('aria-rowindex', (index) => index + 2)
			.attr('aria-selected', (index) => String(index === selected));
		const plane = planeOf(state);
		lines.each(function (index) {
			const values = tiles.get(index);
			fillLine(this, index, texts.get(index), plane && values ? [...values].map((value, column) => cellText(plane, index, column, value)).join('; ') : '', tooltip);
		});
	}

	let subject: string | undefined;
	return {
		element,
		render(state) {
			const [view, plane] = [viewOf(state), planeOf(state)];
			const now = view && `${view.revision}`;
			if (now !== subject?.split(' ')[0]) {
				texts.clear();
			}
			if (`${now} ${plane?.name}` !== subject) {
				tiles.clear();
				subject = `${now} ${plane?.name}`;
			}
			draw(state);
		},
	};
}

/** Of a plane with a column for each layer. */
function layersOf({ columns }: PlaneView): string {
	return columns.length > 1 && columns[0] === '0' ? `, layers 0–${columns.at(-1)}` : '';
}
