/** A thought on the candidates that the prompt has: the graph of its facts, or a list without a structure. */
import { decimals } from '../shared/decimals';
import type { GraphView } from '../shared/panel';
import type { ReadingRecord } from '../trace/evidence';
import { withInterval } from './estimates';
import type { Task } from './task';
import { printable } from './text';

type Candidate = ReadingRecord['candidates'][number];

/** Of a list without a structure: more are not compared at a glance, and those that hold the most are shown. */
const MAX_LISTED = 20;

/** `weighty`: labels that hold something in at least one thought, so that all thoughts of an arm have the same nodes. */
export function graphView(reading: ReadingRecord, task: Task | undefined, weighty: ReadonlySet<string>): GraphView {
	const structured = task !== undefined && reading.candidates.some(({ group }) => group !== 'candidate');
	const { nodes, edges } = structured ? graph(reading.candidates, task, weighty) : list(reading.candidates);
	return {
		nodes: nodes.map((node) => ({ ...node, label: printable(node.label) })),
		edges,
		live: reading.live,
		control: controlOf(reading),
	};
}

function graph(candidates: readonly Candidate[], task: Task, weighty: ReadonlySet<string>): Pick<GraphView, 'nodes' | 'edges'> {
	const farthest = candidates.reduce((most, { label }) => Math.max(most, task.distance(label) ?? 0), 0);
	const named = ({ label }: Candidate) => task.distance(label) !== undefined || task.options.includes(label) || weighty.has(label);
	const nodes = candidates
		.filter(named)
		.map(({ label, group, mass, rank }): GraphView['nodes'][number] => ({
			label,
			group,
			distance: task.distance(label) ?? farthest + 1,
			mass,
			rank,
			...(label === task.root ? { asked: true } : {}),
			...(task.options.includes(label) ? { option: true } : {}),
			...(label === task.answer ? { answer: true } : {}),
		}))
		.sort((a, b) => a.distance - b.distance);
	const place = new Map(nodes.map(({ label }, i) => [label, i]));
	const edges = task.edges.flatMap(([from, to]): [number, number][] => {
		const [start, end] = [place.get(from), place.get(to)];
		return start === undefined || end === undefined ? [] : [[start, end]];
	});
	return { nodes: [...nodes, ...together(candidates.filter((one) => !named(one)), farthest + 1)], edges };
}

function list(candidates: readonly Candidate[]): Pick<GraphView, 'nodes' | 'edges'> {
	const kept = new Set([...candidates].sort((a, b) => b.mass - a.mass).slice(0, MAX_LISTED));
	const nodes = candidates.filter((one) => kept.has(one)).map((one) => ({ ...one, distance: 0 }));
	return { nodes: [...nodes, ...together(candidates.filter((one) => !kept.has(one)), 0)], edges: [] };
}

/** What is not named one by one, in one node. */
function together(candidates: readonly Candidate[], distance: number): GraphView['nodes'] {
	const [first] = candidates;
	return first === undefined
		? []
		: [
				{
					label: `${candidates.length} other${candidates.length === 1 ? '' : 's'}`,
					group: first.group,
					distance,
					mass: candidates.reduce((sum, { mass }) => sum + mass, 0),
					rank: candidates.reduce((best, { rank }) => Math.min(best, rank), Infinity),
				},
			];
}

function controlOf({ shuffled, twin, random }: ReadingRecord): string {
	const found = [
		...(shuffled ? [`other questions ${withInterval(shuffled)}, n = ${shuffled.n}, p = ${decimals(shuffled.p, 3)}`] : []),
		...(twin === undefined ? [] : [`twin ${decimals(twin)}`]),
		...(random === undefined ? [] : [`random weights ${decimals(random)}`]),
	];
	return found.length > 0 ? found.join(' · ') : 'no control was measured';
}
