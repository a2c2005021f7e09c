/** What the underline of written tokens shows: a choice above them where there is one, and its key below the steps. */
import { create, range } from 'd3';
import { choice } from '../controls';
import { FULL, strength, type Underline } from '../draw/surprise';
import * as glossary from '../glossary';
import { runOf, underlineOf, underlines, type AppState } from '../store';
import type { Context } from '../view';

/** Samples of the line in the key, from nothing to full. */
const SAMPLES = 5;

export interface Part {
	element: HTMLElement;
	render(state: AppState): void;
}

/** Beside the heading of the chain of thought. */
export function underlineChoice({ store, tooltip }: Context): Part {
	const root = create('span').attr('class', 'underline-choice');
	const hint = root.append('span').attr('class', 'hint').node() as HTMLElement;
	const measures = choice('What the underline shows', (value) =>
		store.update((state) => ({ ...state, underline: value as Underline })),
	);
	root.append(() => measures.element);
	return {
		element: root.node() as HTMLElement,
		render(state) {
			const run = runOf(state.panel);
			const options = underlines(run);
			const measure = underlineOf(state);
			const only = options.length === 1;
			(root.node() as HTMLElement).hidden = run?.columns.surprise === false;
			root.classed('only', only);
			hint.textContent = only ? 'underline = surprisal' : 'underline';
			tooltip.set(hint, glossary.underline(measure, run?.legibility));
			measures.element.hidden = only;
			tooltip.set(measures.element, only ? '' : glossary.underline(measure, run?.legibility));
			if (!only) {
				measures.set(options, measure);
			}
		},
	};
}

/** What is underlined, with its unit and range. */
export function underlineKey({ tooltip }: Context): Part {
	const root = create('div').attr('class', 'legend-underline');
	root.append('span').attr('class', 'underline-name').text('underline:');
	const measured = root.append('span').attr('class', 'legend-measure');
	root.append('span').attr('class', 'figure').text('0');
	const lines = root.append('span').attr('class', 'underline-samples').attr('aria-hidden', 'true');
	const samples = lines.selectAll<HTMLElement, number>('span').data(range(SAMPLES)).join('span');
	const end = root.append('span').attr('class', 'figure');
	return {
		element: root.node() as HTMLElement,
		render(state) {
			const run = runOf(state.panel);
			const measure = underlineOf(state);
			const { value, unit } = FULL[measure];
			root.attr('hidden', run?.columns.sentences === false || run?.columns.surprise === false ? '' : null);
			const label = underlines(run).find((one) => one.value === measure)!.label;
			measured.text(label);
			samples.style('--surprise', (i) => `${strength((value * i) / (SAMPLES - 1), measure)}%`);
			end.text(`≥ ${value} ${unit}`);
			tooltip.set(root.node() as HTMLElement, glossary.underline(measure, run?.legibility));
		},
	};
}
