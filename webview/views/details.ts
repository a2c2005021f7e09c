/** Everything known about the selected row. */
import { create } from 'd3';
import type { Details, Reveal } from '../../src/shared/panel';
import { clamp } from '../../src/shared/range';
import { Asking } from '../asking';
import { layerOf, runOf, subjectOf, type AppState } from '../store';
import type { Context, View } from '../view';
import { sections } from './sections';
import type { Unfolded } from './tests';

/** Parts that keep the focus when the details of another step, or newer ones, take their place. */
const KEEPS_FOCUS = ['.graph-frame', '.detail.tests'];

/** Pixels above a section that is brought into view. */
const ABOVE = 8;

export function details({ host, store, selecting, tooltip, report }: Context): View {
	const root = create('aside')
		.attr('class', 'details')
		.attr('tabindex', -1)
		.attr('aria-label', 'Details of the selected step')
		.node() as HTMLElement;
	let shown: { key: string; value: Details } | undefined;
	/** Stays from step to step, as does the focus on the graph. */
	const unfolded: Unfolded = new Set();
	/** What is to be brought into view once it is there; given up as soon as one does something else. */
	let wanted: Extract<Reveal, { section: 'tests' }> | undefined;
	for (const gesture of ['keydown', 'pointerdown', 'wheel']) {
		addEventListener(gesture, () => (wanted = undefined), { capture: true, passive: true });
	}

	function step(by: number): void {
		const { panel, selection } = store.state;
		const last = (runOf(panel)?.rows ?? 1) - 1;
		void selecting.select({ row: clamp((selection.row ?? 0) + by, 0, last), layer: selection.layer });
	}

	root.addEventListener('keydown', (event) => {
		if (event.key === 'Escape') {
			document.querySelector<HTMLElement>('.row[tabindex="0"]')?.focus();
			store.update((state) => ({ ...state, details: false }));
			event.stopPropagation();
		}
	});

	const asking = new Asking<Details>(
		() => {
			const { state } = store;
			const [key, run, row] = [keyOf(state), runOf(state.panel), state.selection.row ?? 0];
			return key !== undefined && run
				? { about: `${subjectOf(state.panel)}\n${row}`, key, due: state.details, call: () => host.call('details', { revision: run.revision, row }) }
				: undefined;
		},
		(value, { key }) => {
			shown = { key, value };
			show(store.state);
		},
		report,
	);

	function show(state: AppState): void {
		root.classList.toggle('old', shown?.key !== keyOf(state));
		if (shown) {
			const focused = KEEPS_FOCUS.find((part) => root.contains(document.activeElement) && document.activeElement?.matches(part));
			root.replaceChildren(...sections(shown.value, state, { step, unfolded, tooltip }));
			if (focused !== undefined) {
				(root.querySelector<HTMLElement>(focused) ?? root).focus({ preventScroll: true });
			}
			bringIntoView(state);
		}
	}

	function bringIntoView(state: AppState): void {
		const section = root.querySelector<HTMLElement>(`.detail.${wanted?.section}`);
		if (!wanted || !section || shown?.key !== keyOf(state)) {
			return;
		}
		const group = section.querySelector(`[data-group="${wanted.of}"]`);
		// Only here: the editor's own frames around the panel would be scrolled too by `scrollIntoView`.
		const above = group?.closest('table')?.tHead?.offsetHeight ?? ABOVE;
		root.scrollTop += (group ?? section).getBoundingClientRect().top - root.getBoundingClientRect().top - above;
		section.focus({ preventScroll: true });
		wanted = undefined;
	}

	return {
		element: root,
		render(state, before) {
			const key = keyOf(state);
			root.hidden = key === undefined || !state.details;
			if (key === undefined || !state.details) {
				return;
			}
			if (before && subjectOf(before.panel) !== subjectOf(state.panel)) {
				shown = undefined;
				root.replaceChildren();
			}
			asking.update();
			if (
				!before ||
				layerOf(before) !== layerOf(state) ||
				keyOf(before) !== key ||
				before.selection.step !== state.selection.step
			) {
				show(state);
			}
		},
		reveal(what) {
			if (what.section !== 'tests') {
				return;
			}
			wanted = what;
			if (what.of) {
				unfolded.add(what.of);
			}
			store.update((state) => ({ ...state, details: true }));
			show(store.state);
		},
	};
}

/** Details are asked for once for each row of each revision. */
function keyOf(state: AppState): string | undefined {
	const run = runOf(state.panel);
	const { row } = state.selection;
	return run && row !== undefined && row < run.rows ? `${subjectOf(state.panel)}\n${run.revision}\n${row}` : undefined;
}
