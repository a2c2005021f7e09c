/** The key to the colours, and to the keyboard. */
import { create } from 'd3';
import { decimals, difference } from '../../src/shared/decimals';
import { scaleOf, SCORES, type Scale } from '../draw/colour';
import { cutCorner } from '../draw/heatmap';
import { gradient, hatched, sized, SWATCH } from '../draw/key';
import { PATCH } from '../evidence';
import * as glossary from '../glossary';
import { keysInWords } from '../keys';
import { runOf, shownProbe } from '../store';
import { onThemeChange, readPalette } from '../theme';
import type { Context, View } from '../view';
import { underlineKey } from './underline';

/** Also where there is no room for the word beside the swatch. */
const NO_SCORE = 'Hatched cells were not measured.';

export function legend(context: Context): View {
	const { store, tooltip } = context;
	const root = create('footer').attr('class', 'legend');
	const underline = underlineKey(context);
	root.append(() => underline.element);
	const scores = root.append('div').attr('class', 'legend-scores');
	const title = scores.append('span').attr('class', 'legend-title');
	const low = scores.append('span').attr('class', 'figure');
	const bar = scores.append('canvas').attr('aria-hidden', 'true').node() as HTMLCanvasElement;
	const high = scores.append('span').attr('class', 'figure');
	const unit = scores.append('span').attr('class', 'legend-unit');
	const hatch = scores.append('canvas').attr('aria-hidden', 'true').node() as HTMLCanvasElement;
	scores.append('span').attr('class', 'legend-name').text('not measured');
	tooltip.set(hatch, NO_SCORE);
	const corner = scores.append('canvas').attr('class', 'legend-spare').attr('aria-hidden', 'true').node() as HTMLCanvasElement;
	const cornerName = scores.append('span').attr('class', 'legend-name').text('spare').node() as HTMLElement;
	for (const element of [corner, cornerName]) {
		tooltip.set(element, glossary.SPARE_CELL);
	}
	let scale: Scale = SCORES;
	let shown = '';
	const keys = root.append('div').attr('class', 'legend-keys');
	const hints = keys.append('span');
	const toggle = keys
		.append('button')
		.attr('class', 'link')
		.on('click', () => store.update((state) => ({ ...state, details: !state.details })));

	const paint = () => {
		gradient(bar, scale);
		hatched(hatch, readPalette());
		spare(corner);
	};
	onThemeChange(paint);
	paint();
	return {
		element: root.node() as HTMLElement,
		render(state) {
			const probe = shownProbe(state);
			const run = runOf(state.panel);
			(root.node() as HTMLElement).hidden = run === undefined;
			hints.text(run ? keysInWords(run) : '');
			underline.render(state);
			(scores.node() as HTMLElement).hidden = probe === undefined;
			const key = JSON.stringify([probe?.kind, probe?.domain]);
			if (probe && key !== shown) {
				shown = key;
				scale = scaleOf(probe);
				const patch = probe.kind === 'patch';
				title.text(patch ? 'Δ log-odds of the answer' : 'probe score');
				low.text(decimals(scale.domain[0], digitsOf(scale)));
				high.text(patch ? difference(scale.domain[1], digitsOf(scale)) : decimals(scale.domain[1], 0));
				unit.text(patch ? 'nats' : '');
				corner.hidden = cornerName.hidden = patch;
				tooltip.set(scores.node() as HTMLElement, patch ? PATCH : glossary.SCORE_SCALE);
				gradient(bar, scale);
			}
			toggle.text(state.details ? 'Hide details' : 'Show details').attr('aria-expanded', String(state.details));
			(toggle.node() as HTMLElement).hidden = state.selection.row === undefined;
		},
	};
}

/** The ends of a scale are 1, 2 or 5 times a power of ten. */
function digitsOf({ domain }: Scale): number {
	return Math.max(0, -Math.floor(Math.log10(domain[1])));
}

function spare(canvas: HTMLCanvasElement): void {
	const context = sized(canvas, SWATCH);
	const palette = readPalette();
	if (context) {
		context.fillStyle = palette.dim;
		context.fillRect(0, 0, SWATCH.width, SWATCH.height);
		cutCorner(context, SWATCH.width, 0, palette);
	}
}
