/** The layer axis above the heatmap. */
import { axisTop, create, range, scaleBand, select } from 'd3';

const HEIGHT = 16;
/** Pixels that a label needs. */
const LABEL = 20;

export interface LayerAxis {
	element: SVGSVGElement;
	/** `first`: the number of the first site. */
	draw(sites: number, width: number, selected: number, first?: number): void;
}

export function layerAxis(): LayerAxis {
	const svg = create('svg').attr('class', 'layer-axis').attr('aria-hidden', 'true').attr('height', HEIGHT);
	const group = svg.append('g').attr('transform', `translate(0,${HEIGHT})`);
	return {
		element: svg.node() as SVGSVGElement,
		draw(sites, width, selected, first = 0) {
			const every = Math.ceil(LABEL / (width / sites));
			const ticks = range(sites).filter((site) => site % every === 0 || site === selected);
			const band = scaleBand<number>(range(sites), [0, width]);
			svg.attr('width', width);
			group.call(axisTop(band).tickValues(ticks).tickFormat((site) => String(site + first)).tickSize(0).tickPadding(4));
			group.selectAll<SVGGElement, number>('.tick').classed('selected', (site) => site === selected);
			const near = (site: number) => site !== selected && Math.abs(site - selected) < every;
			group.selectAll<SVGGElement, number>('.tick text').each(function (site) {
				select(this).attr('visibility', near(site) ? 'hidden' : null);
			});
		},
	};
}
