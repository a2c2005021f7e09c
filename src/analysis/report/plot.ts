/** Plots as SVG text: dots with whiskers, and curves over a count. Colours and fonts are classes of the page's style. */
import type { Dot, Plot } from './content';
import { html } from './escape';
import { NONE, percent } from './format';

type Dots = Extract<Plot, { kind: 'dots' }>;
type Curve = Extract<Plot, { kind: 'curve' }>;

const WIDTH = 760;
/** For the labels of rows. */
const GUTTER = 200;
/** For the numbers at the right, one column a series. */
const NUMBERS = 64;
const TICKS = [0, 0.2, 0.4, 0.6, 0.8, 1] as const;
const KEY_HEIGHT = 30;
const AXIS_HEIGHT = 28;
const MAX_LABEL = 32;

export function renderPlot(plot: Plot, id: string): string {
	return plot.kind === 'dots' ? dotPlot(plot, id) : curvePlot(plot, id);
}

function dotPlot({ caption, series, rows, lines }: Dots, id: string): string {
	const rowHeight = series.length > 1 ? 34 : 28;
	const right = WIDTH - 12 - NUMBERS * series.length;
	const x = (value: number) => GUTTER + value * (right - GUTTER);
	const top = KEY_HEIGHT + (lines ? 20 : 0);
	const bottom = top + rows.length * rowHeight;
	const body = rows.map(({ label, dots }, row) => {
		const centre = top + (row + 0.5) * rowHeight;
		return [
			text(GUTTER - 14, centre, shortened(label), 'end label'),
			...dots.map((dot, i) => {
				const y = centre + (series.length > 1 ? (i - 0.5) * 13 : 0);
				const column = right + NUMBERS * (i + 1);
				return `${text(column, centre, dot ? percent(dot.value) : NONE, `end number s${i}`)}${dot ? whisker(dot, x, y, i) : ''}`;
			}),
		].join('');
	});
	const reference = lines?.values.map((value, i) =>
		value === null ? '' : `<line class="reference s${i}" x1="${n(x(value))}" x2="${n(x(value))}" y1="${top - 4}" y2="${bottom}"/>`,
	);
	const referenceLabel = lines ? text(GUTTER - 14, top - 10, shortened(lines.label), 'end quiet') : '';
	const numbers = lines
		? lines.values.map((value, i) => text(right + NUMBERS * (i + 1), top - 10, percent(value), `end number quiet s${i}`))
		: [];
	return svg(id, caption, bottom + AXIS_HEIGHT, [
		key(series, GUTTER),
		grid(x, top, bottom),
		...(reference ?? []),
		referenceLabel,
		...numbers,
		...body,
	]);
}

function curvePlot({ caption, xLabel, series, mark }: Curve, id: string): string {
	const all = series.flatMap(({ points }) => points.map((point) => point.x));
	const [low, high] = [Math.min(...all), Math.max(...all)];
	const left = 56;
	const right = WIDTH - 24;
	const top = KEY_HEIGHT + 14;
	const bottom = top + 220;
	const place = (value: number) => (high > low ? left + 14 + ((value - low) / (high - low)) * (right - left - 28) : (left + right) / 2);
	const y = (value: number) => bottom - value * (bottom - top);
	const ticks = TICKS.map(
		(tick) =>
			`<line class="grid" x1="${left}" x2="${right}" y1="${n(y(tick))}" y2="${n(y(tick))}"/>${text(left - 10, y(tick), percent(tick, 0), 'end tick')}`,
	);
	const xs = [...new Set(all)].sort((a, b) => a - b);
	// Enough room for each label, however many there are.
	const every = Math.ceil(xs.length / 24);
	const below = xs.map((value, i) => (i % every === 0 ? text(place(value), bottom + 18, String(value), 'middle tick') : ''));
	const marked = mark
		? `<line class="mark" x1="${n(place(mark.x))}" x2="${n(place(mark.x))}" y1="${top - 6}" y2="${bottom}"/>${text(place(mark.x), top - 14, mark.label, place(mark.x) > WIDTH - 120 ? 'end quiet' : 'middle quiet')}`
		: '';
	const curves = series.map(({ points }, i) => {
		const known = points.filter((point) => point.value !== null).sort((a, b) => a.x - b.x);
		// Beside each other, so that equal values do not hide one another.
		const x = (value: number) => place(value) + (series.length > 1 ? (i - 0.5) * 7 : 0);
		const path = known.map((point, at) => `${at === 0 ? 'M' : 'L'}${n(x(point.x))} ${n(y(point.value!))}`).join('');
		const whiskers = known.map(({ x: at, value, ci: [from, to] }) => {
			const bar =
				from === null || to === null
					? ''
					: `<line class="whisker s${i}" x1="${n(x(at))}" x2="${n(x(at))}" y1="${n(y(from))}" y2="${n(y(to))}"/>`;
			return `${bar}${symbol(x(at), y(value!), i)}`;
		});
		return `<path class="curve s${i}" d="${path}"/>${whiskers.join('')}`;
	});
	return svg(id, caption, bottom + AXIS_HEIGHT + 22, [
		key(series.map(({ name }) => name), left),
		...ticks,
		marked,
		...curves,
		...below,
		text((left + right) / 2, bottom + 38, xLabel, 'middle quiet'),
		text(left - 10, top - 14, '% right', 'end quiet'),
	]);
}

function whisker({ value, ci: [low, high] }: Dot, x: (value: number) => number, y: number, series: number): string {
	const bar =
		low === null || high === null
			? ''
			: `<line class="whisker s${series}" x1="${n(x(low))}" x2="${n(x(high))}" y1="${n(y)}" y2="${n(y)}"/>`;
	return value === null ? '' : `${bar}${symbol(x(value), y, series)}`;
}

/** Told apart by form as well as by colour: a full circle, an open square. */
function symbol(x: number, y: number, series: number): string {
	return series === 0
		? `<circle class="dot s0" cx="${n(x)}" cy="${n(y)}" r="4.5"/>`
		: `<rect class="dot s${series}" x="${n(x - 4)}" y="${n(y - 4)}" width="8" height="8"/>`;
}

function key(series: readonly string[], left: number): string {
	let at = left;
	return series.map((name, i) => {
		const label = shortened(name);
		const entry = `${symbol(at + 5, 10, i)}${text(at + 16, 10, label, 'key')}`;
		at += 16 + label.length * 7.2 + 24;
		return entry;
	}).join('');
}

function grid(x: (value: number) => number, top: number, bottom: number): string {
	return TICKS.map(
		(tick) =>
			`<line class="grid" x1="${n(x(tick))}" x2="${n(x(tick))}" y1="${top}" y2="${bottom}"/>${text(x(tick), bottom + 16, `${percent(tick, 0)}${tick === 1 ? ' %' : ''}`, 'middle tick')}`,
	).join('');
}

function svg(id: string, caption: string, height: number, body: readonly string[]): string {
	return `<svg role="img" aria-labelledby="${id}" viewBox="0 0 ${WIDTH} ${height}"><title id="${id}">${html(caption)}</title>${body.join('')}</svg>`;
}

/** Centred on `y`. */
function text(x: number, y: number, content: string, classes: string): string {
	return `<text class="${classes}" x="${n(x)}" y="${n(y + 4)}">${html(content)}</text>`;
}

function shortened(label: string): string {
	return label.length > MAX_LABEL ? `${label.slice(0, MAX_LABEL - 1)}…` : label;
}

/** A tenth of a pixel is more than a screen shows. */
function n(value: number): string {
	return String(Math.round(value * 10) / 10);
}
