/** The key to the colours, and to the keyboard. */
import { create } from 'd3';
import { SCORE_DOMAIN, shade } from '../draw/colour';
import { cutCorner, hatching } from '../draw/heatmap';
import * as glossary from '../glossary';
import { probeOf, runOf } from '../store';
import { onThemeChange, readPalette } from '../theme';
import type { Context, View } from '../view';
import { underlineKey } from './underline';

const SCALE = { width: 120, height: 10 };
const SWATCH = { width: 18, height: 10 };

export function legend(context: Context): View {
	const { store, tooltip } = context;
	const root = create('footer').attr('class', 'legend');
	const underline = underlineKey(context);
	root.append(() => underline.element);
	const scores = root.append('div').attr('class', 'legend-scores');
	scores.append('span').text('probe score');
	scores.append('span').attr('class', 'figure').text(String(SCORE_DOMAIN[0]));
	const scale = scores.append('canvas').attr('aria-hidden', 'true').node() as HTMLCanvasElement;
	scores.append('span').attr('class', 'figure').text(String(SCORE_DOMAIN[1]));
	const hatch = scores.append('canvas').attr('aria-hidden', 'true').node() as HTMLCanvasElement;
	scores.append('span').text('not measured');
	const corner = scores.append('canvas').attr('aria-hidden', 'true').node() as HTMLCanvasElement;
	tooltip.set(scores.append('span').text('spare').node() as HTMLElement, glossary.SPARE_CELL);
	tooltip.set(scores.node() as HTMLElement, glossary.SCORE_SCALE);
	const keys = root.append('div').attr('class', 'legend-keys');
	keys.append('span').text('↑↓ step · ←→ layer · Shift+←→ token · Enter details · Esc clear');
	const toggle = keys
		.append('button')
		.attr('class', 'link')
		.on('click', () => store.update((state) => ({ ...state, details: !state.details })));

	const paint = () => {
		gradient(scale);
		swatch(hatch);
		spare(corner);
	};
	onThemeChange(paint);
	paint();
	return {
		element: root.node() as HTMLElement,
		render(state) {
			(root.node() as HTMLElement).hidden = runOf(state.panel) === undefined;
			(scores.node() as HTMLElement).hidden = probeOf(state) === undefined;
			underline.render(state);
			toggle.text(state.details ? 'Hide details' : 'Show details').attr('aria-expanded', String(state.details));
			(toggle.node() as HTMLElement).hidden = state.selection.row === undefined;
		},
	};
}

function size(canvas: HTMLCanvasElement, { width, height }: typeof SCALE): CanvasRenderingContext2D | null {
	canvas.width = width * devicePixelRatio;
	canvas.height = height * devicePixelRatio;
	canvas.style.width = `${width}px`;
	canvas.style.height = `${height}px`;
	const context = canvas.getContext('2d');
	context?.scale(devicePixelRatio, devicePixelRatio);
	return context;
}

function gradient(canvas: HTMLCanvasElement): void {
	const context = size(canvas, SCALE);
	const [low, high] = SCORE_DOMAIN;
	for (let x = 0; context && x < SCALE.width; x++) {
		context.fillStyle = shade(low + ((high - low) * x) / (SCALE.width - 1))?.[0] ?? 'transparent';
		context.fillRect(x, 0, 1, SCALE.height);
	}
}

function swatch(canvas: HTMLCanvasElement): void {
	const context = size(canvas, SWATCH);
	if (context) {
		context.fillStyle = hatching(context, readPalette().dim);
		context.fillRect(0, 0, SWATCH.width, SWATCH.height);
	}
}

function spare(canvas: HTMLCanvasElement): void {
	const context = size(canvas, SWATCH);
	const palette = readPalette();
	if (context) {
		context.fillStyle = palette.dim;
		context.fillRect(0, 0, SWATCH.width, SWATCH.height);
		cutCorner(context, SWATCH.width, 0, palette);
	}
}
