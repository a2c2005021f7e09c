/** Places of a graph's nodes: a column for each distance from the root. They depend on labels and edges only, and so stay from thought to thought. */
import type { GraphView } from '../../src/shared/panel';

export interface Place {
	x: number;
	y: number;
}

export interface Layout {
	width: number;
	height: number;
	/** Of each node, in the order of the view's. */
	places: Place[];
	/** Middle of each column that has nodes. */
	columns: { distance: number; x: number; unreachable: boolean }[];
	/** Indices of edges that lie on a shortest way from the asked-about node to the answer. */
	way: Set<number>;
}

type Shape = Pick<GraphView, 'edges'> & { nodes: readonly Pick<GraphView['nodes'][number], 'label' | 'distance' | 'group' | 'asked' | 'answer'>[] };

/** Pixels of a character of a label, at 11 px in a monospaced face. */
const CHARACTER = 6.7;
/** Between the labels of neighbouring columns: room for an edge to be seen. */
const GAP = 13;
const LEAST_COLUMN = 44;
/** A label above a node of the largest size. */
const ROW = 36;
const TOP = 46;
const BOTTOM = 14;
const SIDE = 6;
/** Longer labels are cut; they stand in full in the tooltip and the table. */
export const MAX_LABEL = 14;
const SWEEPS = 4;

export function layOutGraph(view: Shape): Layout {
	const { nodes, edges } = view;
	const distances = [...new Set(nodes.map(({ distance }) => distance))].sort((a, b) => a - b);
	const columns = distances.map((distance) => nodes.flatMap((node, i) => (node.distance === distance ? [i] : [])));
	untangle(columns, nodes, edges);
	const places: Place[] = nodes.map(() => ({ x: 0, y: 0 }));
	const rows = columns.reduce((most, column) => Math.max(most, column.length), 1);
	let left = SIDE;
	const middles = columns.map((column, c) => {
		const width = Math.max(LEAST_COLUMN, ...column.map((i) => Math.min(MAX_LABEL, nodes[i]!.label.length) * CHARACTER + GAP));
		const x = left + width / 2;
		left += width;
		column.forEach((i, row) => {
			places[i] = { x, y: TOP + ((rows - column.length) / 2 + row) * ROW };
		});
		return { distance: distances[c]!, x, unreachable: column.every((i) => nodes[i]!.group === 'unreachable') };
	});
	return { width: Math.ceil(left + SIDE), height: TOP + (rows - 1) * ROW + BOTTOM, places, columns: middles, way: wayOf(view) };
}

/** Orders each column by the mean place of the neighbours in the column beside it, from the left and from the right by turns. */
function untangle(columns: number[][], nodes: Shape['nodes'], edges: Shape['edges']): void {
	for (let sweep = 0; sweep < SWEEPS; sweep++) {
		const forward = sweep % 2 === 0;
		for (const column of forward ? columns.slice(1) : columns.slice(0, -1).reverse()) {
			const beside = columns[columns.indexOf(column) + (forward ? -1 : 1)]!;
			const height = (i: number) => {
				const near = edges.flatMap(([from, to]) => (forward && to === i ? [from] : !forward && from === i ? [to] : []));
				const rows = near.map((other) => beside.indexOf(other)).filter((row) => row >= 0);
				const share = (row: number) => (row + 0.5) / beside.length;
				return rows.length > 0 ? rows.reduce((sum, row) => sum + share(row), 0) / rows.length : (column.indexOf(i) + 0.5) / column.length;
			};
			const heights = new Map(column.map((i) => [i, height(i)]));
			column.sort((a, b) => heights.get(a)! - heights.get(b)! || nodes[a]!.label.localeCompare(nodes[b]!.label, 'en'));
		}
	}
}

function wayOf({ nodes, edges }: Shape): Set<number> {
	const way = new Set<number>();
	const reached = new Set(nodes.flatMap(({ answer }, i) => (answer ? [i] : [])));
	for (const node of reached) {
		edges.forEach(([from, to], i) => {
			if (to === node && nodes[from]!.distance + 1 === nodes[to]!.distance) {
				way.add(i);
				reached.add(from);
			}
		});
	}
	return way;
}
