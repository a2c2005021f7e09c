/** How many directions the thoughts take: numbers with their controls, and the spectrum of their variance. */
import { create, scaleLinear } from 'd3';
import type { Course } from '../../src/shared/panel';
import { percent } from '../course';
import type { Tooltip } from '../tooltip';
import type { CoursePart } from './course';

const SPECTRUM = { width: 168, height: 44 };

export function capacity(tooltip: Tooltip): CoursePart {
	const root = create('div').attr('class', 'course-capacity');
	const list = root.append('dl');
	const figure = root.append('div').attr('class', 'spectrum');
	let told: Course | undefined;
	return {
		element: root.node() as HTMLElement,
		draw({ course }) {
			if (course === told) {
				return;
			}
			told = course;
			const lines = list.selectAll('div').data(course.capacity).join('div');
			lines.selectAll('*').remove();
			lines.append('dt').text(({ label }) => label);
			lines.append('dd').attr('class', 'figure').text(({ value }) => value);
			lines.append('dd').attr('class', 'course-control').text(({ control }) => control);
			lines.each(function ({ definition }) {
				(this as HTMLElement).tabIndex = 0;
				tooltip.set(this as HTMLElement, definition);
			});
			drawSpectrum(figure.node() as HTMLElement, course.path?.shares ?? [], course.path?.rest ?? 0, tooltip);
		},
	};
}

/** Bars of shares: the two that are drawn, the others, and the rest together. */
function drawSpectrum(root: HTMLElement, shares: readonly number[], rest: number, tooltip: Tooltip): void {
	root.hidden = shares.length === 0;
	const bars = [...shares, ...(rest > 0 ? [rest] : [])];
	const { width, height } = SPECTRUM;
	const y = scaleLinear([0, Math.max(...bars, Number.MIN_VALUE)], [0, height - 1]);
	const step = width / bars.length;
	const svg = create('svg').attr('viewBox', `0 0 ${width} ${height}`).attr('width', width).attr('height', height).attr('role', 'img');
	svg.attr('aria-label', `Share of the variance by component: ${bars.map(percent).join(', ')}${rest > 0 ? ', the last for all others' : ''}`);
	svg
		.selectAll('rect')
		.data(bars)
		.join('rect')
		.attr('class', (_, i) => (i === shares.length ? 'others' : i < 2 ? 'drawn' : ''))
		.attr('x', (_, i) => i * step)
		.attr('width', Math.max(1, step - 2))
		.attr('y', (share) => height - y(share))
		.attr('height', y);
	const title = create('p').text('variance by component');
	const sums = shares.map((_, i) => shares.slice(0, i + 1).reduce((sum, share) => sum + share, 0));
	const listed = shares.map((share, i) => `${i + 1}: ${percent(share)}, together ${percent(sums[i]!)}`);
	root.replaceChildren(title.node() as HTMLElement, svg.node() as SVGSVGElement);
	const others = rest > 0 ? [`all others: ${percent(rest)}`] : [];
	tooltip.set(root, ['Share of the variance of this run’s thoughts along each principal component.', ...listed, ...others].join('\n'));
}
