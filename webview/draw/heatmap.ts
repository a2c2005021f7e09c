/** The heatmap of a probe or patch: one cell for each row and layer, on a canvas. */
import type { Range } from '../../src/shared/range';
import type { Palette } from '../theme';
import type { Scale } from './colour';

/** Pixels of the page, before the device's ratio. */
export interface Geometry {
	rows: Range;
	sites: number;
	width: number;
	rowHeight: number;
	cellTop: number;
	cellHeight: number;
}

export interface Heatmap extends Geometry {
	scale: Scale;
	/** Scores of the row's sites; undefined where they have not come yet. */
	scores(row: number): ArrayLike<number> | undefined;
	/** Printed in a cell in the place of its score, where it fits. */
	text?(row: number, site: number): string;
	/** Whether the row's thought is spare: a corner of its cells is cut off. */
	spare(row: number): boolean;
	selected?: { row: number; layer: number };
}

const FONT_SIZE = 11;
/** Air on both sides of a printed value. */
const PADDING = 6;
const HATCH = 6;
/** Side of the corner that is cut off a cell; narrower cells keep theirs. */
const CORNER = 7;
/** Narrower cells would be all edge. */
const EDGED_FROM = 4;
const EDGE_ALPHA = 0.45;

export function drawHeatmap(canvas: HTMLCanvasElement, map: Heatmap, palette: Palette, ratio: number): void {
	const height = (map.rows.end - map.rows.start) * map.rowHeight;
	canvas.width = Math.round(map.width * ratio);
	canvas.height = Math.round(height * ratio);
	canvas.style.width = `${map.width}px`;
	canvas.style.height = `${height}px`;
	const context = canvas.getContext('2d');
	if (!context) {
		return;
	}
	context.scale(ratio, ratio);
	context.font = `${FONT_SIZE}px ${palette.mono}`;
	context.textAlign = 'center';
	context.textBaseline = 'middle';
	const hatch = hatching(context, palette.dim);
	const { scale } = map;
	const prints = map.cellHeight >= FONT_SIZE + 4 && context.measureText(scale.sample).width + PADDING <= map.width / map.sites;
	for (let row = map.rows.start; row < map.rows.end; row++) {
		const scores = map.scores(row);
		const spare = map.spare(row);
		for (let site = 0; scores && site < map.sites; site++) {
			const { x, y, width, height: cell } = cellBox(map, row, site);
			const score = scores[site] ?? Number.NaN;
			const shaded = scale.shade(score);
			context.fillStyle = shaded?.[0] ?? hatch;
			context.fillRect(x, y, width, cell);
			const text = map.text ? map.text(row, site) : prints ? scale.print(score) : '';
			if (shaded && text !== '' && (!map.text || fits(context, text, map))) {
				context.fillStyle = shaded[1];
				context.fillText(text, x + width / 2, y + cell / 2 + 0.5);
			}
			const edge = palette.contrastBorder ?? (scale.edged && shaded ? palette.dim : undefined);
			if (edge !== undefined && width > EDGED_FROM) {
				context.globalAlpha = palette.contrastBorder ? 1 : EDGE_ALPHA;
				context.strokeStyle = edge;
				context.lineWidth = 1;
				context.strokeRect(x + 0.5, y + 0.5, width - 1, cell - 1);
				context.globalAlpha = 1;
			}
			if (spare && width > CORNER) {
				cutCorner(context, x + width, y, palette);
			}
		}
	}
	if (map.selected && map.selected.row >= map.rows.start && map.selected.row < map.rows.end) {
		outline(context, cellBox(map, map.selected.row, map.selected.layer), palette);
	}
}

function fits(context: CanvasRenderingContext2D, text: string, { cellHeight, width, sites }: Geometry): boolean {
	return cellHeight >= FONT_SIZE + 4 && context.measureText(text).width + PADDING / 2 <= width / sites;
}

/** Of the cell whose upper right corner is at (x, y). */
export function cutCorner(context: CanvasRenderingContext2D, x: number, y: number, palette: Palette): void {
	context.fillStyle = palette.background;
	context.beginPath();
	context.moveTo(x - CORNER, y - 1);
	context.lineTo(x + 1, y - 1);
	context.lineTo(x + 1, y + CORNER);
	context.fill();
	context.strokeStyle = palette.contrastBorder || palette.dim;
	context.lineWidth = 1;
	context.beginPath();
	context.moveTo(x - CORNER, y);
	context.lineTo(x, y + CORNER);
	context.stroke();
}

/** The cell under a point of the canvas; undefined between cells' rows. */
export function cellAt(map: Geometry, x: number, y: number): { row: number; layer: number } | undefined {
	const row = map.rows.start + Math.floor(y / map.rowHeight);
	const inRow = y - Math.floor(y / map.rowHeight) * map.rowHeight - map.cellTop;
	const layer = Math.floor((x / map.width) * map.sites);
	const inside =
		row < map.rows.end && row >= map.rows.start && layer >= 0 && layer < map.sites && inRow >= 0 && inRow < map.cellHeight;
	return inside ? { row, layer } : undefined;
}

/** Cells are parted by a gap where they are wide enough to be told apart, and touch where they are not. */
export function cellBox(map: Geometry, row: number, layer: number): { x: number; y: number; width: number; height: number } {
	const pitch = map.width / map.sites;
	const gap = pitch >= 16 ? 2 : pitch >= 5 ? 1 : 0;
	const x = Math.round(layer * pitch);
	const rowGap = map.cellHeight === map.rowHeight ? 1 : 0;
	return {
		x,
		y: (row - map.rows.start) * map.rowHeight + map.cellTop,
		width: Math.round((layer + 1) * pitch) - x - gap,
		height: map.cellHeight - rowGap,
	};
}

/** Not measured: neither a low nor a high colour. */
export function hatching(context: CanvasRenderingContext2D, stroke: string): CanvasPattern | string {
	const tile = document.createElement('canvas');
	tile.width = tile.height = HATCH;
	const lines = tile.getContext('2d');
	if (!lines) {
		return 'transparent';
	}
	lines.strokeStyle = stroke;
	lines.globalAlpha = 0.55;
	lines.beginPath();
	for (const shift of [-HATCH, 0, HATCH]) {
		lines.moveTo(shift - 1, HATCH + 1);
		lines.lineTo(shift + HATCH + 1, -1);
	}
	lines.stroke();
	return context.createPattern(tile, 'repeat') ?? 'transparent';
}

/** Two rings, so that one of them stands out on any cell. */
function outline(
	context: CanvasRenderingContext2D,
	box: { x: number; y: number; width: number; height: number },
	palette: Palette,
): void {
	const rings: [string, number][] = [
		[palette.background, 2],
		[palette.focus, 0],
	];
	for (const [colour, inset] of rings) {
		context.strokeStyle = colour;
		context.lineWidth = 2;
		context.strokeRect(box.x + inset, box.y + inset, box.width - 2 * inset, box.height - 2 * inset);
	}
}
