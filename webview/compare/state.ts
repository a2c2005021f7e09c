/** What the page shows, and what a view of it is. */
import type { CompareHostApi, CompareState, CompareView, PlaneView } from '../../src/shared/compare';
import { clamp } from '../../src/shared/range';
import type { Remote } from '../../src/shared/rpc';
import type { Tooltip } from '../tooltip';

export interface PageState {
	/** Absent until the host has answered. */
	shown?: CompareState;
	/** Name of the plane in the heatmap; the first one where absent. */
	plane?: string;
	/** The selected row. */
	row?: number;
	/** Largest absolute value of that plane and the end of its scale, once they have come. */
	scale?: { plane: string; revision: number; largest: number; limit: number };
	/** Of a call that failed. */
	problem?: string;
}

export interface CompareContext {
	readonly host: Remote<CompareHostApi>;
	readonly tooltip: Tooltip;
	readonly state: PageState;
	update(change: Partial<PageState>): void;
	report(error: unknown): void;
}

export interface CompareViewPart {
	readonly element: HTMLElement;
	render(state: PageState, before: PageState): void;
}

export function viewOf({ shown }: PageState): CompareView | undefined {
	return shown?.kind === 'ready' ? shown.view : undefined;
}

export function planeOf(state: PageState): PlaneView | undefined {
	const planes = viewOf(state)?.planes ?? [];
	return planes.find(({ name }) => name === state.plane) ?? planes[0];
}

/** Undefined until its values have come. */
export function scaleOfPlane(state: PageState): { largest: number; limit: number } | undefined {
	const { scale } = state;
	return scale && scale.plane === planeOf(state)?.name && scale.revision === viewOf(state)?.revision ? scale : undefined;
}

/** The selected row, where there still is such a row. */
export function rowOf(state: PageState): number | undefined {
	const rows = viewOf(state)?.rows ?? 0;
	return state.row === undefined || rows === 0 ? undefined : clamp(state.row, 0, rows - 1);
}

/** What was kept when the page was closed; it may be anything. */
export function restored(kept: unknown): PageState {
	const { plane, row } = (kept ?? {}) as { plane?: unknown; row?: unknown };
	return {
		...(typeof plane === 'string' ? { plane } : {}),
		...(Number.isSafeInteger(row) ? { row: row as number } : {}),
	};
}
