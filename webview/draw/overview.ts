/** The whole step axis on a narrow canvas: a lane for each thing that is known of every step. */
import { OVERVIEW_MARKS, type Lane, type Overview } from '../../src/shared/panel';
import { clamp } from '../../src/shared/range';
import { binBox } from '../lens';
import type { Palette } from '../theme';
import type { Scale } from './colour';

/** Pixels of the page, before the device's ratio. */
export interface LaneBox {
	lane: Lane;
	left: number;
	width: number;
}

export interface Drawn {
	overview: Overview;
	boxes: readonly LaneBox[];
	width: number;
	height: number;
	/** Of the heatmap's lane. */
	scale?: Scale;
	selected?: number;
}

/** Of the marks at the left edge, and between lanes. */
const MARKS_WIDTH = 4;
const GAP = 6;
const EDGE = 5;
/** Of a code; fewer codes get more, so that a lane is not a line. */
const CODE_WIDTH = 5;
const CODES = { least: 24, most: 48 };
const CURVE_WIDTH = 38;
const SCORES_WIDTH = 10;
/** Of what some rows of a bin have and others do not. */
const PALE = 0.4;
/** A mark of an idle thought is broken, one of a spare thought is not. */
const DASH = 2;

/** Lanes from the left, as many as `room` holds, and the width that they take with their margins. */
export function laneBoxes(lanes: readonly Lane[], room: number): { boxes: LaneBox[]; width: number } {
	const boxes: LaneBox[] = [];
	let left = EDGE + MARKS_WIDTH + GAP;
	for (const lane of lanes) {
		const width = laneWidth(lane);
		if (left + width + EDGE <= room) {
			boxes.push({ lane, left, width });
			left += width + GAP;
		}
	}
	return { boxes, width: left - GAP + EDGE };
}

function laneWidth(lane: Lane): number {
	switch (lane.kind) {
		case 'codes':
			return clamp(lane.classes.length * CODE_WIDTH, CODES.least, CODES.most);
		case 'curve':
			return CURVE_WIDTH;
		case 'scores':
			return SCORES_WIDTH;
	}
}

export function drawOverview(canvas: HTMLCanvasElement, drawn: Drawn, palette: Palette, ratio: number): void {
	canvas.width = Math.round(drawn.width * ratio);
	canvas.height = Math.round(drawn.height * ratio);
	const context = canvas.getContext('2d');
	if (!context) {
		return;
	}
	context.scale(ratio, ratio);
	for (const box of drawn.boxes) {
		drawLane(context, box, drawn, palette);
	}
	drawMarks(context, drawn, palette);
	const { selected, overview, width, height } = drawn;
	if (selected !== undefined && selected < overview.rows) {
		context.globalAlpha = 1;
		context.fillStyle = palette.focus;
		context.fillRect(0, Math.round(((selected + 0.5) / overview.rows) * height) - 1, width, 2);
	}
}

function drawLane(
	context: CanvasRenderingContext2D,
	{ lane, left, width }: LaneBox,
	{ overview, height, scale }: Drawn,
	palette: Palette,
): void {
	const most = lane.kind === 'curve' ? greatest(lane) : 1;
	for (let bin = 0; bin < overview.bins; bin++) {
		const { top, bottom } = binBox(bin, overview.bins, height);
		const fill = (alpha: number, from: number, to: number) => {
			context.globalAlpha = alpha;
			context.fillRect(left + from * width, top, Math.max(1, (to - from) * width), bottom - top);
		};
		switch (lane.kind) {
			case 'codes': {
				context.fillStyle = palette.accent;
				const classes = lane.classes.length;
				for (let id = 0; id < classes; id++) {
					const share = lane.share[bin * classes + id]!;
					if (share > 0) {
						fill(PALE + (1 - PALE) * share, id / classes, (id + 1) / classes);
					}
				}
				break;
			}
			case 'curve':
				context.fillStyle = palette.foreground;
				if (!Number.isNaN(lane.most[bin]!)) {
					fill(PALE, 0, lane.most[bin]! / most);
					fill(1 - PALE, 0, lane.least[bin]! / most);
				}
				break;
			case 'scores': {
				const shade = scale?.shade(lane.mean[bin]!);
				if (shade) {
					context.fillStyle = shade[0];
					fill(1, 0, 1);
				}
				break;
			}
		}
	}
	context.globalAlpha = 1;
}

/** What a curve's lane is as wide as; a gate's is 1. */
function greatest({ label, most }: Extract<Lane, { kind: 'curve' }>): number {
	return most.reduce((a, b) => (b > a ? b : a), label === 'gate' ? 1 : 0) || 1;
}

function drawMarks(context: CanvasRenderingContext2D, { overview, width, height }: Drawn, palette: Palette): void {
	for (let bin = 0; bin < overview.bins; bin++) {
		const marks = overview.marks[bin]!;
		const { top, bottom } = binBox(bin, overview.bins, height);
		if (marks & OVERVIEW_MARKS.spare) {
			context.fillStyle = palette.warn;
			context.fillRect(EDGE, top, MARKS_WIDTH / 2, bottom - top);
		}
		if (marks & OVERVIEW_MARKS.idle) {
			context.fillStyle = palette.dim;
			for (let y = top - (top % (2 * DASH)); y < bottom; y += 2 * DASH) {
				context.fillRect(EDGE + MARKS_WIDTH / 2, Math.max(y, top), MARKS_WIDTH / 2, Math.min(DASH, bottom - Math.max(y, top)));
			}
		}
		if (marks & OVERVIEW_MARKS.halted && !(overview.marks[bin - 1]! & OVERVIEW_MARKS.halted)) {
			context.fillStyle = palette.warn;
			context.fillRect(0, bottom - 1, width, 1);
		}
	}
}
