/** The panel's one state. Views read snapshots of it and never each other; what changes it are pure functions. */
import type { PanelState, ProbeCell, ProbeView, Run, Selection } from '../src/shared/panel';
import type { ReviewView } from '../src/shared/review';
import { clamp } from '../src/shared/range';
import { FULL, type Underline } from './draw/surprise';
import { families } from './families';
import { ZOOMS, type Room, type Zoom } from './viewport';

export interface AppState {
	/** The host's last snapshot; absent until the first one. */
	panel?: PanelState;
	selection: Selection;
	/** Notes of the trace on view; absent where there can be none. */
	review?: ReviewView;
	/** The layer chosen last: it stays when the selection is cleared. */
	layer?: number;
	/** The probe chosen last. */
	probe?: string;
	/** What the tokens' underline shows, as chosen last. */
	underline?: Underline;
	/** How much of a row is shown, where that was chosen. */
	zoom?: Zoom;
	/** Of the steps, in pixels. */
	scroll: number;
	/** Whether the details of the selected row are shown. */
	details: boolean;
	/** Whether all thoughts at once are shown, as chosen last; see `isCourseOpen`. */
	course?: boolean;
	/** The model whose card is over the panel: that of what is shown where it has no name. */
	card?: { model?: string };
	/** What the panel has room for. */
	room: Room;
	/** A call to the host that failed, in one sentence. */
	problem?: string;
}

/** What outlives the webview: where one was, never what one saw. */
export interface Saved {
	subject: string;
	selection: Selection;
	layer?: number;
	probe?: string;
	underline?: Underline;
	zoom?: Zoom;
	scroll: number;
	details: boolean;
	course?: boolean;
}

export const INITIAL: AppState = { selection: {}, scroll: 0, details: true, room: 'ample' };

export function runOf(panel: PanelState | undefined): Run | undefined {
	return panel && 'run' in panel ? panel.run : undefined;
}

/** Which prompt a snapshot is about: positions in one mean nothing in another. */
export function subjectOf(panel: PanelState | undefined): string {
	return panel && 'name' in panel && panel.name !== undefined ? `${panel.name}\n${runOf(panel)?.title ?? ''}` : '';
}

/** The layer that the latent column shows: the chosen one, else the last. */
export function layerOf(state: AppState): number {
	const layers = runOf(state.panel)?.layers ?? 0;
	return clamp(state.selection.layer ?? state.layer ?? layers, 0, layers);
}

/** The probe that the heatmap shows: the chosen one where the run has it, else another class of it, else the run's first. */
export function probeOf(state: AppState): string | undefined {
	const probes = runOf(state.panel)?.probes ?? [];
	if (probes.some((probe) => probe.name === state.probe)) {
		return state.probe;
	}
	const family = families(probes).find((candidate) => candidate.name === state.probe?.split(':')[0]);
	return (family?.members[0]?.probe ?? probes[0])?.name;
}

/** Measures that the run's tokens have, the default one first, with their names. */
export function underlines(run: Run | undefined): { value: Underline; label: string }[] {
	const { reference, base } = run?.legibility ?? {};
	return [
		{ value: 'own', label: 'own surprisal' },
		...(reference === undefined ? [] : [{ value: 'reference' as const, label: `surprisal under ${reference}` }]),
		...(base === undefined ? [] : [{ value: 'kl' as const, label: `KL to ${base}` }]),
	];
}

/** The chosen measure where the run has it. */
export function underlineOf(state: AppState): Underline {
	return underlines(runOf(state.panel)).find(({ value }) => value === state.underline)?.value ?? 'own';
}

/** Fewer thoughts are read row by row: in little room the rows come first. */
const COURSE_FIRST_FROM = 32;

/** Whether all thoughts at once are shown: as chosen, else where they do not push away what says more. */
export function isCourseOpen({ panel, room, course }: AppState): boolean {
	const thoughts = runOf(panel)?.course?.thoughts ?? 0;
	return thoughts > 0 && (course ?? (room === 'ample' || thoughts >= COURSE_FIRST_FROM));
}

/** The heatmap that is shown. */
export function shownProbe(state: AppState): ProbeView | undefined {
	const name = probeOf(state);
	return runOf(state.panel)?.probes.find((probe) => probe.name === name);
}

/** Held-out figures of what was fitted for one cell of the heatmap; row k is thought k. */
export function heldOut(
	run: Run | undefined,
	probe: ProbeView,
	{ row, layer }: { row: number; layer: number },
): ProbeCell | undefined {
	return run?.fits[probe.fit ?? -1]?.find((cell) => cell.step === row && cell.layer === layer);
}

export function withPanel(state: AppState, panel: PanelState): AppState {
	const moved = runOf(state.panel) !== undefined && runOf(panel) !== undefined && subjectOf(state.panel) !== subjectOf(panel);
	return { ...state, panel, problem: undefined, scroll: moved ? 0 : state.scroll, selection: moved ? {} : state.selection, zoom: moved ? undefined : state.zoom };
}

export function withRoom(state: AppState, room: Room): AppState {
	return state.room === room ? state : { ...state, room };
}

export function withSelection(state: AppState, selection: Selection): AppState {
	return { ...state, selection, layer: selection.layer ?? state.layer };
}

export function saved(state: AppState): Saved {
	const { selection, layer, probe, underline, zoom, scroll, details, course } = state;
	return { subject: subjectOf(state.panel), selection, layer, probe, underline, zoom, scroll, details, course };
}

/** What an older panel saved is taken as far as it can be understood. */
export function restored(value: unknown): { state: AppState; saved?: Saved } {
	const from = (typeof value === 'object' && value !== null ? value : {}) as Partial<Record<keyof Saved, unknown>>;
	const count = (field: unknown) => (Number.isSafeInteger(field) && (field as number) >= 0 ? (field as number) : undefined);
	if (typeof from.subject !== 'string') {
		return { state: INITIAL };
	}
	const before = (from.selection ?? {}) as Record<keyof Selection, unknown>;
	const navigation = {
		selection: { row: count(before.row), layer: count(before.layer), step: count(before.step) },
		layer: count(from.layer),
		probe: typeof from.probe === 'string' ? from.probe : undefined,
		underline: isUnderline(from.underline) ? from.underline : undefined,
		zoom: ZOOMS.find((zoom) => zoom === from.zoom),
		scroll: typeof from.scroll === 'number' && from.scroll >= 0 ? from.scroll : 0,
		details: from.details !== false,
		course: typeof from.course === 'boolean' ? from.course : undefined,
	};
	return { state: { ...INITIAL, ...navigation, selection: {} }, saved: { subject: from.subject, ...navigation } };
}

function isUnderline(value: unknown): value is Underline {
	return typeof value === 'string' && Object.hasOwn(FULL, value);
}

export class Store {
	private readonly listeners = new Set<(state: AppState, before: AppState) => void>();

	constructor(
		private current: AppState,
		private readonly save: (navigation: Saved) => void,
	) {}

	get state(): AppState {
		return this.current;
	}

	update(change: (state: AppState) => AppState): void {
		const before = this.current;
		this.current = change(before);
		if (this.current !== before) {
			for (const listener of this.listeners) {
				listener(this.current, before);
			}
			if (this.current.panel !== undefined) {
				this.save(saved(this.current));
			}
		}
	}

	subscribe(listener: (state: AppState, before: AppState) => void): void {
		this.listeners.add(listener);
	}
}
