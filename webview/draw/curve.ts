/** One curve on the step axis: a line with its range, or stems with intervals where single thoughts were changed; and its control. */
import { scaleLinear } from 'd3';
import type { CurveView, Series } from '../../src/shared/panel';
import type { Palette } from '../theme';
import { prepared, type Size } from './canvas';
import { scaleOf } from './colour';
import { hatching } from './heatmap';

/** A line with its range, or stems of what was measured at single thoughts. */
export type CurveKind = 'line' | 'stems';

export interface CurveDrawing extends Size {
	view: CurveView;
	kind: CurveKind;
	/** Bin that is marked. */
	selected?: number;
	/** An end of its scale, as printed. */
	print(value: number): string;
}

/** Pixels beside the axis: half a mark, and the numbers of the scale. */
const LEFT = 5;
const RIGHT = 38;
const PADDING = 3;
const FONT_SIZE = 10;
/** Of the hatched strip at the foot, where nothing was measured. */
const STRIP = 5;
const MARK = 2.5;
/** Denser marks would run into each other. */
const MARKED_FROM = 5;

/** Pixels of the middle of a bin. */
export function binPlace(bin: number, bins: number, width: number): number {
	return bins > 1 ? LEFT + (bin / (bins - 1)) * (width - LEFT - RIGHT) : (width - RIGHT) / 2;
}

/** The bin whose middle is nearest. */
export function binAt(left: number, bins: number, width: number): number {
	const place = bins > 1 ? Math.round(((left - LEFT) / (width - LEFT - RIGHT)) * (bins - 1)) : 0;
	return Math.min(Math.max(place, 0), bins - 1);
}

export function drawCurve(canvas: HTMLCanvasElement, drawing: CurveDrawing, palette: Palette, ratio: number): void {
	const { view, width, height, selected, kind } = drawing;
	const context = prepared(canvas, drawing, ratio);
	if (!context) {
		return;
	}
	const bins = view.series.mean.length;
	const x = (bin: number) => binPlace(bin, bins, width);
	const y = scaleLinear(view.domain, [height - PADDING - (kind === 'stems' ? STRIP + 1 : 0), PADDING]);
	drawBase(context, y(0), width - RIGHT, palette);
	if (selected !== undefined) {
		context.fillStyle = palette.focus;
		context.globalAlpha = palette.contrastBorder ? 1 : 0.55;
		context.fillRect(Math.round(x(selected)), 0, 1, height);
		context.globalAlpha = 1;
	}
	if (kind === 'stems') {
		drawUnmeasured(context, view.series, x, drawing, palette);
		drawStems(context, view, x, y, palette);
	} else {
		drawControl(context, view, x, y, width - RIGHT, palette);
		drawBand(context, view.series, x, y, palette);
		drawLine(context, view.series.mean, x, y, palette.accent);
	}
	drawSelected(context, view.series.mean[selected ?? -1], x(selected ?? 0), y, palette);
	drawEnds(context, drawing, y, palette);
}

type Place = (value: number) => number;

function drawBase(context: CanvasRenderingContext2D, zero: number, width: number, palette: Palette): void {
	context.fillStyle = palette.dim;
	context.globalAlpha = palette.contrastBorder ? 1 : 0.35;
	context.fillRect(0, Math.round(zero), width, 1);
	context.globalAlpha = 1;
}

/** One value for all steps with the middle of its range, or a second curve. */
function drawControl(context: CanvasRenderingContext2D, { control }: CurveView, x: Place, y: Place, width: number, palette: Palette): void {
	if (!control) {
		return;
	}
	context.setLineDash([4, 3]);
	if (control.kind === 'curve') {
		drawLine(context, control.series.mean, x, y, palette.dim);
	} else {
		context.fillStyle = palette.dim;
		context.globalAlpha = 0.13;
		context.fillRect(0, y(control.ci[1]), width, y(control.ci[0]) - y(control.ci[1]));
		context.globalAlpha = 1;
		drawLine(context, Float32Array.of(control.value, control.value), (i) => i * width, y, palette.dim);
	}
	context.setLineDash([]);
}

function drawLine(context: CanvasRenderingContext2D, values: Float32Array, x: Place, y: Place, colour: string): void {
	context.strokeStyle = colour;
	context.lineWidth = 1.25;
	context.lineJoin = 'round';
	context.beginPath();
	let open = false;
	values.forEach((value, i) => {
		if (Number.isNaN(value)) {
			open = false;
			return;
		}
		if (open) {
			context.lineTo(x(i), y(value));
		} else {
			context.moveTo(x(i), y(value));
		}
		open = true;
	});
	context.stroke();
}

/** From the lowest to the highest value of each bin. */
function drawBand(context: CanvasRenderingContext2D, { low, high }: Series, x: Place, y: Place, palette: Palette): void {
	context.fillStyle = palette.accent;
	context.globalAlpha = 0.35;
	low.forEach((least, i) => {
		const most = high[i]!;
		if (most > least) {
			context.fillRect(x(i) - 0.5, y(most), 1, y(least) - y(most));
		}
	});
	context.globalAlpha = 1;
}

function drawUnmeasured(context: CanvasRenderingContext2D, { mean }: Series, x: Place, { width, height }: Size, palette: Palette): void {
	context.fillStyle = hatching(context, palette.dim);
	const half = (x(1) - x(0)) / 2 || width / 2;
	mean.forEach((value, i) => {
		if (Number.isNaN(value)) {
			context.fillRect(x(i) - half, height - STRIP, 2 * half, STRIP);
		}
	});
}

/** Stems from 0 with their intervals: purple where the answer lost, orange where it gained. Open squares are the control. */
function drawStems(context: CanvasRenderingContext2D, { series, control, domain }: CurveView, x: Place, y: Place, palette: Palette): void {
	const most = Math.max(-domain[0], domain[1]);
	const { shade } = scaleOf({ kind: 'patch', domain: [-most, most] });
	const marked = x(1) - x(0) >= MARKED_FROM || series.mean.filter((value) => !Number.isNaN(value)).length * MARKED_FROM < x(series.mean.length - 1);
	series.mean.forEach((value, i) => {
		if (Number.isNaN(value)) {
			return;
		}
		const left = x(i);
		const [low, high] = [series.low[i]!, series.high[i]!];
		context.fillStyle = palette.accent;
		context.fillRect(left - 0.75, Math.min(y(0), y(value)), 1.5, Math.abs(y(value) - y(0)));
		if (high > low) {
			whisker(context, left, y(low), y(high), palette.foreground);
		}
		if (marked) {
			context.beginPath();
			context.arc(left, y(value), MARK, 0, 2 * Math.PI);
			context.fillStyle = shade(value)![0];
			context.fill();
			context.strokeStyle = palette.foreground;
			context.lineWidth = 1;
			context.stroke();
		}
	});
	if (control?.kind === 'curve') {
		control.series.mean.forEach((value, i) => {
			if (!Number.isNaN(value)) {
				context.strokeStyle = palette.dim;
				context.lineWidth = 1;
				context.strokeRect(x(i) - MARK + 0.5, y(value) - MARK + 0.5, 2 * MARK - 1, 2 * MARK - 1);
			}
		});
	}
}

function whisker(context: CanvasRenderingContext2D, left: number, from: number, to: number, colour: string): void {
	context.strokeStyle = colour;
	context.lineWidth = 1;
	context.beginPath();
	for (const end of [from, to]) {
		context.moveTo(left - 2, end);
		context.lineTo(left + 2, end);
	}
	context.moveTo(left, from);
	context.lineTo(left, to);
	context.stroke();
}

function drawSelected(context: CanvasRenderingContext2D, value: number | undefined, left: number, y: Place, palette: Palette): void {
	if (value === undefined || Number.isNaN(value)) {
		return;
	}
	for (const [colour, radius] of [[palette.background, 4.5], [palette.focus, 3]] as const) {
		context.fillStyle = colour;
		context.beginPath();
		context.arc(left, y(value), radius, 0, 2 * Math.PI);
		context.fill();
	}
}

/** The ends of the scale, beside the plot. */
function drawEnds(context: CanvasRenderingContext2D, { print, width, height, view: { domain } }: CurveDrawing, y: Place, palette: Palette): void {
	context.font = `${FONT_SIZE}px ${palette.mono}`;
	context.textBaseline = 'middle';
	context.fillStyle = palette.dim;
	const ends = domain[0] < 0 && domain[1] > 0 ? [domain[0], 0, domain[1]] : domain;
	let free = height + FONT_SIZE / 2;
	for (const value of ends) {
		const place = Math.min(Math.max(y(value), FONT_SIZE / 2), height - FONT_SIZE / 2);
		if (place <= free - FONT_SIZE) {
			context.fillText(print(value), width - RIGHT + 7, place);
			free = place;
		}
	}
}
