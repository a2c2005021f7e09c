/** The way of the thoughts through a plane: points coloured by step, a line between neighbours, names at their middle. */
import { interpolateViridis, scaleLinear, tickStep } from 'd3';
import type { Palette } from '../theme';
import { prepared, type Size } from './canvas';

/** Components of `PathView.places`: how many there are, and which two are drawn. */
export const COMPONENTS = 3;
export type Axes = readonly [number, number];

export interface PathLayout extends Size {
	/** Of each point, in pixels. */
	x: Float32Array;
	y: Float32Array;
	/** Pixels of one unit of the thoughts' space; the same on both axes, so that distances can be compared. */
	scale: number;
	/** Pixels of a place in the space. */
	at(place: ArrayLike<number>): [number, number];
}

export interface PathDrawing {
	layout: PathLayout;
	spare: Uint8Array;
	names: { name: string; place: readonly number[] }[];
	selected?: number;
}

/** Room for a point and its ring, and for the scale's length at the foot. */
const MARGIN = { side: 10, top: 10, bottom: 24 };
const FONT_SIZE = 11;
/** More points are drawn smaller, and the lines between them paler. */
const FEW = 64;
const MANY = 512;

export function layOutPath(places: Float32Array, [first, second]: Axes, { width, height }: Size): PathLayout {
	const count = places.length / COMPONENTS;
	const extent = (axis: number) => {
		let [low, high] = [Infinity, -Infinity];
		for (let i = axis; i < places.length; i += COMPONENTS) {
			low = Math.min(low, places[i]!);
			high = Math.max(high, places[i]!);
		}
		return { middle: (low + high) / 2, span: high - low };
	};
	const [across, up] = [extent(first), extent(second)];
	const room = { width: width - 2 * MARGIN.side, height: height - MARGIN.top - MARGIN.bottom };
	const fit = Math.min(room.width / across.span, room.height / up.span);
	const scale = Number.isFinite(fit) && fit > 0 ? fit : 1;
	const at = (place: ArrayLike<number>): [number, number] => [
		width / 2 + (place[first]! - across.middle) * scale,
		MARGIN.top + room.height / 2 - (place[second]! - up.middle) * scale,
	];
	const [x, y] = [new Float32Array(count), new Float32Array(count)];
	for (let i = 0; i < count; i++) {
		[x[i], y[i]] = at(places.subarray(i * COMPONENTS, (i + 1) * COMPONENTS));
	}
	return { width, height, x, y, scale, at };
}

/** Colour of point `i` of `count`. */
export function stepColour(i: number, count: number): string {
	return interpolateViridis(count > 1 ? i / (count - 1) : 0);
}

/** The nearest point within `reach` pixels; of several the last, which is drawn on top. */
export function pointAt({ x, y }: PathLayout, left: number, top: number, reach: number): number | undefined {
	let best: number | undefined;
	let least = reach ** 2;
	for (let i = 0; i < x.length; i++) {
		const square = (x[i]! - left) ** 2 + (y[i]! - top) ** 2;
		if (square <= least) {
			[best, least] = [i, square];
		}
	}
	return best;
}

export function drawPath(canvas: HTMLCanvasElement, { layout, spare, names, selected }: PathDrawing, palette: Palette, ratio: number): void {
	const context = prepared(canvas, layout, ratio);
	if (!context) {
		return;
	}
	const count = layout.x.length;
	const radius = count <= FEW ? 4 : count <= MANY ? 3 : 1.75;
	drawLine(context, layout, palette, count <= FEW ? 0.5 : count <= MANY ? 0.22 : 0.1);
	for (let i = 0; i < count; i++) {
		drawPoint(context, [layout.x[i]!, layout.y[i]!], radius, stepColour(i, count), spare[i] === 1, palette);
	}
	drawNames(context, layout, names, radius + FONT_SIZE / 2 + 1, palette);
	drawScale(context, layout, palette);
	if (selected !== undefined && selected < count) {
		drawSelected(context, layout, selected, radius, palette);
	}
}

function drawLine(context: CanvasRenderingContext2D, { x, y }: PathLayout, palette: Palette, alpha: number): void {
	context.strokeStyle = palette.foreground;
	context.lineWidth = 1;
	context.globalAlpha = palette.contrastBorder ? Math.min(1, 1.5 * alpha) : alpha;
	context.beginPath();
	x.forEach((left, i) => (i === 0 ? context.moveTo(left, y[i]!) : context.lineTo(left, y[i]!)));
	context.stroke();
	context.globalAlpha = 1;
}

/** A spare thought is hollow. The rim keeps the darkest and the lightest colour off the page. */
function drawPoint(
	context: CanvasRenderingContext2D,
	[x, y]: [number, number],
	radius: number,
	colour: string,
	hollow: boolean,
	palette: Palette,
): void {
	context.beginPath();
	context.arc(x, y, radius, 0, 2 * Math.PI);
	context.fillStyle = hollow ? palette.background : colour;
	context.fill();
	context.strokeStyle = hollow ? colour : palette.foreground;
	context.globalAlpha = hollow || palette.contrastBorder ? 1 : 0.45;
	context.lineWidth = hollow ? 1.5 : 0.75;
	context.stroke();
	context.globalAlpha = 1;
}

/** `above` the middle of what they name. The commonest first; a name that would lie on another is left out. */
function drawNames(context: CanvasRenderingContext2D, layout: PathLayout, names: PathDrawing['names'], above: number, palette: Palette): void {
	context.font = `600 ${FONT_SIZE}px ${palette.mono}`;
	context.textAlign = 'center';
	context.textBaseline = 'middle';
	context.lineJoin = 'round';
	const taken: { left: number; right: number; top: number; bottom: number }[] = [];
	for (const { name, place } of names) {
		const [x, middleOf] = layout.at(place);
		const y = Math.max(middleOf - above, FONT_SIZE / 2 + 2);
		const half = context.measureText(name).width / 2 + 2;
		const middle = Math.min(Math.max(x, half), layout.width - half);
		const box = { left: middle - half, right: middle + half, top: y - FONT_SIZE / 2 - 2, bottom: y + FONT_SIZE / 2 + 2 };
		if (taken.some((other) => box.left < other.right && box.right > other.left && box.top < other.bottom && box.bottom > other.top)) {
			continue;
		}
		taken.push(box);
		context.strokeStyle = palette.background;
		context.lineWidth = 4;
		context.strokeText(name, middle, y);
		context.fillStyle = palette.foreground;
		context.fillText(name, middle, y);
	}
}

/** A round length in the lower left corner. */
function drawScale(context: CanvasRenderingContext2D, { width, height, scale }: PathLayout, palette: Palette): void {
	const length = tickStep(0, width / scale / 4, 1);
	const [left, right, foot] = [MARGIN.side, MARGIN.side + length * scale, height - 7];
	context.strokeStyle = context.fillStyle = palette.dim;
	context.lineWidth = 1;
	context.beginPath();
	context.moveTo(left + 0.5, foot - 4);
	context.lineTo(left + 0.5, foot + 0.5);
	context.lineTo(right + 0.5, foot + 0.5);
	context.lineTo(right + 0.5, foot - 4);
	context.stroke();
	context.font = `${FONT_SIZE - 1}px ${palette.mono}`;
	context.textAlign = 'left';
	context.textBaseline = 'alphabetic';
	context.fillText(scaleLinear([0, length], [0, 1]).tickFormat(1)(length), right + 5, foot + 2);
}

/** The ways to it and from it, and two rings. */
function drawSelected(context: CanvasRenderingContext2D, { x, y }: PathLayout, at: number, radius: number, palette: Palette): void {
	context.strokeStyle = palette.focus;
	context.lineWidth = 1.5;
	context.beginPath();
	for (const other of [at - 1, at + 1]) {
		if (other >= 0 && other < x.length) {
			context.moveTo(x[other]!, y[other]!);
			context.lineTo(x[at]!, y[at]!);
		}
	}
	context.stroke();
	for (const [colour, more] of [[palette.background, 2], [palette.focus, 4]] as const) {
		context.strokeStyle = colour;
		context.lineWidth = 2;
		context.beginPath();
		context.arc(x[at]!, y[at]!, radius + more, 0, 2 * Math.PI);
		context.stroke();
	}
	context.fillStyle = stepColour(at, x.length);
	context.beginPath();
	context.arc(x[at]!, y[at]!, radius + 1, 0, 2 * Math.PI);
	context.fill();
}
