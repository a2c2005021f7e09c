/** A heatmap as an SVG file of its own: steps along, layers up, its key, and where the numbers are from. */
import { decimals } from '../../shared/decimals';
import { printable } from '../text';
import { html } from './escape';

/** Row-major [rows, sites]; NaN where not measured. */
export interface HeatmapFigure {
	title: string;
	/** What the colours are: `score of a linear probe`. */
	measure: string;
	/** Of the colours' numbers; empty where they have none. */
	unit: string;
	/** What one of the rows is: `latent thought`. */
	step: string;
	/** Ends of the colours, which are fixed. */
	domain: readonly [number, number];
	/** From the lowest to the highest value, `#rrggbb`. */
	colours: readonly string[];
	sites: number;
	values: Float32Array;
	/** Of rows that are no evidence about the answer. */
	spare: (row: number) => boolean;
	/** Which run: one line. */
	provenance: string;
}

export interface Svg {
	svg: string;
	width: number;
	height: number;
}

const [WIDTH, LEFT, RIGHT, LINE, FONT] = [860, 64, 24, 17, 'system-ui,-apple-system,"Segoe UI",sans-serif'];
const PLOT = WIDTH - LEFT - RIGHT;
/** More would be thinner than a pixel. */
const MAX_COLUMNS = 388;
const MAX_CELL = 64;
const [TICKS, KEY_STEPS, KEY_WIDTH] = [12, 64, 160];
/** Characters of a line that fit the picture in the widest of the usual fonts: of the title, the text, the small text. */
const [TITLE, TEXT, SMALL] = [78, 104, 118];
/** A prompt's first line may be a page. */
const MAX_LINES = 3;
/** The key stands on a page of its own, where no style reaches it. */
const COLOUR = /^#[0-9a-f]{6}$/i;

export function heatmapSvg(figure: HeatmapFigure): Svg {
	const { sites, domain, unit } = figure;
	const { values, every, columns } = binned(figure.values, sites);
	const cell = Math.min(PLOT / Math.max(1, columns), MAX_CELL);
	const height = Math.min(28, Math.max(6, 300 / sites));
	const [title, measure, provenance] = [wrapped(figure.title, TITLE), wrapped(figure.measure, TEXT), wrapped(figure.provenance, SMALL)];
	const top = 40 + (title.length + measure.length) * LINE;
	const bottom = top + sites * height;
	const right = LEFT + columns * cell;
	const at = (column: number, site: number) => `M${n(LEFT + column * cell)} ${n(bottom - (site + 1) * height)}h${n(cell)}v${n(height)}h-${n(cell)}z`;
	const cells = new Map<string, string[]>();
	values.forEach((value, i) => {
		const fill = colourOf(value, figure);
		const paths = cells.get(fill) ?? [];
		paths.push(at(Math.floor(i / sites), i % sites));
		cells.set(fill, paths);
	});
	const spare = Array.from({ length: columns }, (_, column) => column).filter((column) => every === 1 && figure.spare(column));
	const keyTop = Math.ceil(bottom) + 62;
	const key = Array.from({ length: KEY_STEPS }, (_, i) => {
		const fill = colourOf(domain[0] + ((domain[1] - domain[0]) * i) / (KEY_STEPS - 1), figure);
		return `<rect x="${n(LEFT + 30 + (i * KEY_WIDTH) / KEY_STEPS)}" y="${keyTop}" width="${n(KEY_WIDTH / KEY_STEPS + 0.4)}" height="10" fill="${fill}"/>`;
	});
	const keyEnd = LEFT + 30 + KEY_WIDTH;
	const digits = Math.max(0, -Math.floor(Math.log10(domain[1] || 1)));
	const along = every === 1 ? figure.step : `${figure.step}; a column is the mean of up to ${every}`;
	const total = keyTop + 26 + (provenance.length + 1) * LINE;
	const body = [
		...title.map((line, i) => text(LEFT, 26 + i * LINE, line, 'title')),
		...measure.map((line, i) => text(LEFT, 28 + (title.length + i) * LINE, line)),
		...[...cells].map(([fill, paths]) => `<path fill="${fill}" shape-rendering="crispEdges" d="${paths.join('')}"/>`),
		`<rect x="${LEFT}" y="${top}" width="${n(columns * cell)}" height="${n(sites * height)}" fill="none" stroke="#8a929a"/>`,
		...spare.map((column) => `<rect x="${n(LEFT + column * cell)}" y="${n(top - 6)}" width="${n(cell)}" height="4" fill="url(#unmeasured)"/>`),
		...ticks(columns).map((column) => text(LEFT + (column + 0.5) * cell, bottom + 16, String(column * every + 1), 'middle')),
		...ticks(sites).map((site) => text(LEFT - 8, bottom - (site + 0.5) * height + 4, String(site), 'end')),
		text((LEFT + right) / 2, bottom + 36, along, columns * cell > 240 ? 'middle' : ''),
		`<text transform="translate(20 ${n((top + bottom) / 2)}) rotate(-90)" class="middle">layer</text>`,
		text(LEFT + 24, keyTop + 9, decimals(domain[0], domain[0] === 0 ? 0 : digits), 'end'),
		...key,
		text(keyEnd + 6, keyTop + 9, `${decimals(domain[1], digits)}${unit === '' ? '' : ` ${unit}`}`),
		`<rect x="${keyEnd + 96}" y="${keyTop}" width="18" height="10" fill="url(#unmeasured)"/>`,
		text(keyEnd + 120, keyTop + 9, `not measured${spare.length > 0 ? '; above the plot: spare thoughts' : ''}`),
		...provenance.map((line, i) => text(LEFT, keyTop + 38 + i * LINE, line, 'small')),
	];
	const style = `text{font:12px ${FONT};fill:#3b4248}.title{font-size:15px;font-weight:600;fill:#1f2328}.middle{text-anchor:middle}.end{text-anchor:end}.small{font-size:10.5px;fill:#59636e}`;
	const hatch =
		'<pattern id="unmeasured" width="6" height="6" patternUnits="userSpaceOnUse"><rect width="6" height="6" fill="#f2f4f6"/><path d="M0 6L6 0" stroke="#8a929a"/></pattern>';
	const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${total}" viewBox="0 0 ${WIDTH} ${total}" role="img"><title>${html(figure.title)}</title><desc>${html(`${figure.measure}. ${figure.provenance}`)}</desc><style>${style}</style><defs>${hatch}</defs><rect width="100%" height="100%" fill="#ffffff"/>${body.join('')}</svg>\n`;
	return { svg, width: WIDTH, height: total };
}

/** Means of equally many steps, where there are more than columns; of what was measured of them. */
function binned(values: Float32Array, sites: number): { values: Float32Array; every: number; columns: number } {
	const rows = values.length / sites;
	const every = Math.max(1, Math.ceil(rows / MAX_COLUMNS));
	if (every === 1) {
		return { values, every, columns: rows };
	}
	const columns = Math.ceil(rows / every);
	const means = Float32Array.from({ length: columns * sites }, (_, i) => {
		const [column, site] = [Math.floor(i / sites), i % sites];
		const some = Array.from({ length: Math.min(every, rows - column * every) }, (_, k) => values[(column * every + k) * sites + site]!).filter((value) => !Number.isNaN(value));
		return some.reduce((sum, value) => sum + value, 0) / some.length;
	});
	return { values: means, every, columns };
}

function colourOf(value: number, { domain: [low, high], colours }: HeatmapFigure): string {
	const place = Math.min(Math.max((value - low) / (high - low), 0), 1);
	const colour = colours[Math.round(place * (colours.length - 1))];
	return Number.isNaN(value) || colour === undefined || !COLOUR.test(colour) ? 'url(#unmeasured)' : colour;
}

/** Every one, or as many at equal distances as have room. */
function ticks(count: number): number[] {
	const every = Math.ceil(count / TICKS);
	return Array.from({ length: Math.ceil(count / every) || 0 }, (_, i) => i * every);
}

function text(x: number, y: number, content: string, classes = ''): string {
	return `<text x="${n(x)}" y="${n(y)}"${classes === '' ? '' : ` class="${classes}"`}>${html(content)}</text>`;
}

/** Lines of at most `length` characters, broken at spaces where there are some; what is left of a longer text is cut. */
function wrapped(content: string, length: number): string[] {
	const lines: string[] = [];
	for (let rest = printable(content).trim(); rest !== ''; ) {
		if (lines.length === MAX_LINES - 1 && rest.length > length) {
			return [...lines, `${rest.slice(0, length - 1)}…`];
		}
		const space = rest.length > length ? rest.lastIndexOf(' ', length) : -1;
		const end = rest.length <= length ? rest.length : space > 0 ? space : length;
		lines.push(rest.slice(0, end));
		rest = rest.slice(end).trim();
	}
	return lines;
}

/** A tenth of a pixel is more than a screen shows. */
function n(value: number): string {
	return String(Math.round(value * 10) / 10);
}
