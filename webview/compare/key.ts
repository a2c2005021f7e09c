/** The key to the colours, to the marks, and to the keyboard. */
import { create } from 'd3';
import { decimals, difference } from '../../src/shared/decimals';
import { scaleOf, type Scale } from '../draw/colour';
import { hatching } from '../draw/heatmap';
import { onThemeChange, readPalette } from '../theme';
import { planeOf, scaleOfPlane, viewOf, type CompareContext, type CompareViewPart } from './state';

const BAR = { width: 120, height: 10 };
const SWATCH = { width: 18, height: 10 };

export function key({ tooltip }: CompareContext): CompareViewPart {
	const root = create('footer').attr('class', 'legend');
	const scores = root.append('div').attr('class', 'legend-scores');
	const title = scores.append('span').attr('class', 'legend-title');
	const low = scores.append('span').attr('class', 'figure');
	const bar = scores.append('canvas').attr('aria-hidden', 'true').node() as HTMLCanvasElement;
	const high = scores.append('span').attr('class', 'figure');
	const unit = scores.append('span').attr('class', 'legend-unit');
	const hatch = scores.append('canvas').attr('aria-hidden', 'true').node() as HTMLCanvasElement;
	scores.append('span').attr('class', 'legend-name').text('not measured on both sides');
	const keys = root.append('div').attr('class', 'legend-keys');
	keys.append('span').text('↑↓ step · N P next and previous difference');
	let scale: Scale | undefined;
	let signed = true;
	const paint = () => {
		const hatched = sized(hatch, SWATCH);
		if (hatched) {
			hatched.fillStyle = hatching(hatched, readPalette().dim);
			hatched.fillRect(0, 0, SWATCH.width, SWATCH.height);
		}
		const gradient = sized(bar, BAR);
		for (let x = 0; gradient && scale && x < BAR.width; x++) {
			const [from, to] = signed ? scale.domain : [0, scale.domain[1]];
			gradient.fillStyle = scale.shade(from + ((to - from) * x) / (BAR.width - 1))?.[0] ?? 'transparent';
			gradient.fillRect(x, 0, 1, BAR.height);
		}
	};
	onThemeChange(paint);
	return {
		element: root.node() as HTMLElement,
		render(state) {
			const [plane, ends] = [planeOf(state), scaleOfPlane(state)];
			root.attr('hidden', viewOf(state)?.rows ? null : '');
			scores.attr('hidden', plane && ends ? null : '');
			if (plane && ends) {
				const digits = Math.max(0, -Math.floor(Math.log10(ends.limit)));
				title.text(ends.largest === 0 ? `${plane.label}: 0 everywhere` : plane.label);
				low.text(plane.signed ? decimals(-ends.limit, digits) : '0');
				high.text(plane.signed ? difference(ends.limit, digits) : decimals(ends.limit, digits));
				unit.text(plane.unit);
				tooltip.set(scores.node()!, plane.definition);
				signed = plane.signed;
				scale = scaleOf({ kind: 'patch', domain: [-ends.limit, ends.limit] });
				paint();
			}
		},
	};
}

function sized(canvas: HTMLCanvasElement, { width, height }: typeof BAR): CanvasRenderingContext2D | null {
	canvas.width = width * devicePixelRatio;
	canvas.height = height * devicePixelRatio;
	canvas.style.width = `${width}px`;
	canvas.style.height = `${height}px`;
	const context = canvas.getContext('2d');
	context?.scale(devicePixelRatio, devicePixelRatio);
	return context;
}
