/** A thought on the prompt's candidates: their graph with the thought's mass on its nodes, or a list; and the same as tables. */
import { create, type Selection } from 'd3';
import { decimals } from '../../src/shared/decimals';
import type { GraphView } from '../../src/shared/panel';
import { formatProbability } from '../../src/shared/probability';
import { layOutGraph, MAX_LABEL, type Layout } from '../draw/graphLayout';
import * as evidence from '../evidence';
import { table, type Column } from '../table';
import type { Tooltip } from '../tooltip';

type Node = GraphView['nodes'][number];
type Group = { name: string; mass: number; rank: number };
type Svg = Selection<SVGSVGElement, undefined, null, undefined>;

/** Radius in pixels of a node without mass, and what a mass of 1 adds: the area grows with the mass. */
const EMPTY_RADIUS = 3.5;
const FULL_RADIUS = 10;
/** Of the mass; what is less is drawn as empty. */
const SEEN = 0.005;
const HEAD = 12;
/** Where there is less room the drawing is as small as can still be read, and scrolls. */
const LEAST_SCALE = 0.76;

/** `step` moves the selection by a number of steps. */
export function graph(view: GraphView, thought: number, step: (by: number) => void, tooltip: Tooltip): HTMLElement {
	const root = create('div').attr('class', 'graph');
	const listed = view.nodes.every(({ group }) => group === 'candidate');
	const live = root.append('p').attr('class', 'graph-live').text(listed ? 'mass on the list ' : 'mass on live candidates ');
	live.append('span').attr('class', 'figure').text(formatProbability(view.live));
	live.append('span').attr('class', 'graph-control').text(view.control);
	tooltip.set(live.node() as HTMLElement, evidence.LIVE);
	if (listed) {
		root.append(() => list(view.nodes, tooltip));
		return root.node() as HTMLElement;
	}
	const frame = root
		.append('div')
		.attr('class', 'graph-frame')
		.attr('tabindex', 0)
		.attr('role', 'img')
		.attr('aria-label', `Thought ${thought + 1} on the prompt’s graph; the same stands in the table after it. Arrow keys step through the thoughts.`)
		.on('keydown', (event: KeyboardEvent) => {
			const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
			if (by !== undefined) {
				event.preventDefault();
				event.stopPropagation();
				step(by);
			}
		});
	frame.append(() => drawing(view, tooltip));
	root.append(() => groups(view.nodes, tooltip));
	root.append(() => mirror(view.nodes, tooltip));
	return root.node() as HTMLElement;
}

function drawing(view: GraphView, tooltip: Tooltip): SVGSVGElement {
	const layout = layOutGraph(view);
	const svg: Svg = create('svg').attr('viewBox', `0 0 ${layout.width} ${layout.height}`).style('width', `${layout.width}px`).style('min-width', `${Math.round(layout.width * LEAST_SCALE)}px`);
	const here = new Set(view.nodes.filter(({ group }) => group === 'path' || group === 'frontier').map(({ distance }) => distance));
	const heads = svg.append('g').selectAll('text').data(layout.columns).join('text').attr('class', 'graph-head');
	heads.classed('here', ({ distance }) => here.has(distance)).attr('x', ({ x }) => x).attr('y', HEAD);
	heads.text(({ distance, unreachable }, i) => (unreachable ? 'unreachable' : i === 0 ? `${distance} facts` : String(distance)));
	drawEdges(svg, view, layout);
	const nodes = svg.append('g').selectAll<SVGGElement, Node>('g').data(view.nodes).join('g').attr('class', nodeClass);
	nodes.attr('transform', (_, i) => `translate(${layout.places[i]!.x},${layout.places[i]!.y})`);
	nodes.append('circle').attr('r', radius);
	nodes
		.filter(({ answer }) => answer === true)
		.append('circle')
		.attr('class', 'ring')
		.attr('r', (one) => radius(one) + 3);
	nodes
		.append('text')
		.attr('y', (one) => -radius(one) - (one.answer ? 7 : 4))
		.text(({ label, answer }) => `${label.length > MAX_LABEL ? `${label.slice(0, MAX_LABEL - 1)}…` : label}${answer ? ' ✓' : ''}`);
	nodes.each(function (one) {
		tooltip.set(this, evidence.node(one));
	});
	return svg.node() as SVGSVGElement;
}

/** Only ways from the asked-about node: facts about what it does not reach say nothing here. Those that do not lead on are curved. */
function drawEdges(svg: Svg, { nodes, edges }: GraphView, { places, way }: Layout): void {
	const drawn = edges.map(([from, to], i) => ({ from, to, i })).filter(({ from }) => nodes[from]!.group !== 'unreachable');
	svg
		.append('g')
		.selectAll('path')
		.data(drawn)
		.join('path')
		.attr('class', ({ from, to, i }) => (way.has(i) ? 'edge way' : nodes[to]!.distance > nodes[from]!.distance ? 'edge' : 'edge back'))
		.attr('d', ({ from, to }) => {
			const [a, b] = [places[from]!, places[to]!];
			return b.x > a.x ? `M${a.x},${a.y}L${b.x},${b.y}` : `M${a.x},${a.y}Q${(a.x + b.x) / 2},${Math.min(a.y, b.y) - 22} ${b.x},${b.y}`;
		});
}

function nodeClass({ group, mass, asked, option }: Node): string {
	const names = ['node', evidence.isLive(group) ? 'live' : '', mass >= SEEN ? 'held' : '', asked ? 'asked' : '', option ? 'option' : ''];
	return names.filter(Boolean).join(' ');
}

function radius({ mass }: Node): number {
	return EMPTY_RADIUS + (mass >= SEEN ? FULL_RADIUS * Math.sqrt(Math.min(1, mass)) : 0);
}

/** Mass and best rank of each group that the candidates have. */
function groups(nodes: readonly Node[], tooltip: Tooltip): HTMLElement {
	const lines = [...evidence.GROUPS].flatMap(([group, name]): Group[] => {
		const inside = nodes.filter((one) => one.group === group);
		return inside.length === 0 ? [] : [{ name, mass: sum(inside), rank: Math.min(...inside.map(({ rank }) => rank)) }];
	});
	const columns: Column<Group>[] = [
		{ title: 'candidates', label: true, text: ({ name }) => name },
		{ title: 'mass', figure: true, text: ({ mass }) => formatProbability(mass), tip: () => evidence.LIVE },
		{ title: 'best rank', figure: true, text: ({ rank }) => decimals(rank, 0) },
	];
	return table(lines, columns, tooltip);
}

function list(nodes: readonly Node[], tooltip: Tooltip): HTMLElement {
	const columns: Column<Node>[] = [
		{ title: 'candidate', word: true, text: ({ label }) => label, tip: evidence.node },
		{ title: 'mass', figure: true, text: ({ mass }) => formatProbability(mass), bar: ({ mass }) => 100 * mass },
		{ title: 'rank', figure: true, text: ({ rank }) => decimals(rank, 0) },
	];
	const root = table(nodes, columns, tooltip);
	root.classList.add('candidates');
	return root;
}

/** For assistive technology. */
function mirror(nodes: readonly Node[], tooltip: Tooltip): HTMLElement {
	const columns: Column<Node>[] = [
		{ title: 'candidate', text: ({ label }) => label },
		{ title: 'facts away', text: ({ distance, group }) => (group === 'unreachable' ? 'not reachable' : String(distance)) },
		{ title: 'group', text: ({ group }) => evidence.GROUPS.get(group) ?? group },
		{ title: 'mass', text: ({ mass }) => formatProbability(mass) },
		{ title: 'rank', text: ({ rank }) => decimals(rank, 0) },
	];
	const root = create('div').attr('class', 'visually-hidden graph-mirror');
	root.append(() => table(nodes, columns, tooltip));
	return root.node() as HTMLElement;
}

function sum(nodes: readonly Node[]): number {
	return nodes.reduce((total, { mass }) => total + mass, 0);
}
