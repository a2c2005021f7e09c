/** What a key means on the steps grid. */
import type { Run, Selection } from '../src/shared/panel';
import { clamp } from '../src/shared/range';

export interface Extents {
	rows: number;
	/** Sites 0..layers. */
	layers: number;
	/** The layer that is shown while none is selected. */
	layer: number;
	/** Rows that fit on the screen. */
	page: number;
	/** Positions of the selected row's tokens, ascending. */
	steps: readonly number[];
}

export type ZoomStep = -1 | 0 | 1;

/** With and without Shift, as keyboards have them. */
export const ZOOM_KEYS: ReadonlyMap<string, ZoomStep> = new Map([['+', 1], ['=', 1], ['-', -1], ['_', -1], ['0', 0]]);

export type Intent =
	| { kind: 'select'; selection: Selection }
	| { kind: 'details' }
	| { kind: 'clear' }
	/** How much of a row is shown: more, less, or (0) as the number of rows asks for. */
	| { kind: 'zoom'; by: ZoomStep };

export interface Key {
	key: string;
	shiftKey: boolean;
	ctrlKey: boolean;
	altKey: boolean;
	metaKey: boolean;
}

/** Of the keys that mean something on a run: without steps, loops × tokens are all there is to move in. */
export function keysInWords({ rows, depth, columns }: Pick<Run, 'rows' | 'depth'> & { columns: Pick<Run['columns'], 'sentences'> }): string {
	if (rows === 0) {
		return depth ? '↑↓ token · ←→ loop' : '';
	}
	return ['↑↓ step', '←→ layer', ...(columns.sentences ? ['Shift+←→ token'] : []), '+− zoom', 'Enter details', 'Esc clear'].join(' · ');
}

/** Absent where the key means nothing here and should go on to the browser. */
export function intent(key: Key, selection: Selection, extents: Extents): Intent | undefined {
	if (key.ctrlKey || key.altKey || key.metaKey || extents.rows === 0) {
		return undefined;
	}
	const { row } = selection;
	const toRow = (target: number): Intent => ({
		kind: 'select',
		selection: { row: clamp(target, 0, extents.rows - 1), layer: selection.layer },
	});
	const horizontal = (by: number): Intent =>
		key.shiftKey && row !== undefined
			? { kind: 'select', selection: { ...selection, step: neighbour(extents.steps, selection.step, by) } }
			: { kind: 'select', selection: { ...selection, row: row ?? 0, layer: clamp(extents.layer + by, 0, extents.layers) } };
	switch (key.key) {
		case 'ArrowDown':
			return toRow(row === undefined ? 0 : row + 1);
		case 'ArrowUp':
			return toRow(row === undefined ? 0 : row - 1);
		case 'PageDown':
			return toRow((row ?? 0) + extents.page);
		case 'PageUp':
			return toRow((row ?? 0) - extents.page);
		case 'Home':
			return toRow(0);
		case 'End':
			return toRow(extents.rows - 1);
		case 'ArrowRight':
			return horizontal(1);
		case 'ArrowLeft':
			return horizontal(-1);
		case 'Enter':
			return { kind: 'details' };
		case 'Escape':
			return { kind: 'clear' };
		default:
			return ZOOM_KEYS.has(key.key) ? { kind: 'zoom', by: ZOOM_KEYS.get(key.key)! } : undefined;
	}
}

function neighbour(steps: readonly number[], step: number | undefined, by: number): number | undefined {
	if (steps.length === 0) {
		return undefined;
	}
	const at = step === undefined ? -1 : steps.indexOf(step);
	return steps[at < 0 ? (by > 0 ? 0 : steps.length - 1) : clamp(at + by, 0, steps.length - 1)];
}
