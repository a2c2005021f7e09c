/** Tells assistive technology what changes on the screen: the progress of a run, its answers, and what was selected. */
import { create, type Selection } from 'd3';
import { messageFor } from '../message';
import { layerOf, runOf, type AppState } from '../store';
import type { Context, View } from '../view';

export function announcer(_context: Context): View {
	const root = create('div').attr('class', 'visually-hidden announcer').attr('aria-live', 'polite').attr('role', 'status');
	const progress = root.append('p');
	const selected = root.append('p');
	return {
		element: root.node() as HTMLElement,
		render(state) {
			say(progress, summary(state));
			say(selected, position(state));
		},
	};
}

/** The same words written again would be read again. */
function say(element: Selection<HTMLParagraphElement, undefined, null, undefined>, words: string): void {
	if (element.text() !== words) {
		element.text(words);
	}
}

/** Without the fraction: a percentage read aloud every tenth of a second helps nobody. */
export function summary({ panel }: AppState): string {
	const run = runOf(panel);
	const answers = (run?.arms ?? []).filter((arm) => arm.answer !== undefined).map((arm) => `${arm.label}: ${arm.answer}`);
	const agreement = run?.agree === undefined ? '' : run.agree ? 'The arms agree.' : 'The arms disagree.';
	const { heading = '', text = '' } = messageFor(panel) ?? {};
	return [heading && `${heading}.`, text, answers.length > 0 ? `${answers.join(', ')}.` : '', agreement]
		.filter(Boolean)
		.join(' ');
}

function position(state: AppState): string {
	const run = runOf(state.panel);
	const { row } = state.selection;
	return run && row !== undefined ? `Step ${row + 1} of ${run.rows}, layer ${layerOf(state)}.` : '';
}
