/** What is going on: a page of its own while there is nothing to show, one line above the results where there is. */
import { create } from 'd3';
import { button, progressRing } from '../controls';
import { decimals } from '../../src/shared/decimals';
import { messageFor, type Message } from '../message';
import { runOf, type AppState } from '../store';
import type { Context, View } from '../view';

export function status({ act, store }: Context): View {
	const root = create('section').attr('class', 'status').attr('aria-label', 'Status');
	const bar = root.append('div').attr('class', 'progress').attr('role', 'progressbar').attr('aria-label', 'Progress');
	const fill = bar.append('div').attr('class', 'progress-fill');
	const body = root.append('div').attr('class', 'status-body');
	body.append(progressRing);
	const words = body.append('div').attr('class', 'status-words');
	const heading = words.append('h2');
	const text = words.append('p');
	const actions = body.append('div').attr('class', 'status-actions');
	const dismiss = button('Dismiss', 'secondary', () => store.update((state) => ({ ...state, problem: undefined })));
	let shown = '';

	return {
		element: root.node() as HTMLElement,
		render(state) {
			const { panel } = state;
			const message = withProblem(state);
			const element = root.node() as HTMLElement;
			element.hidden = message === undefined;
			if (!message) {
				return;
			}
			element.dataset['kind'] = panel?.kind ?? 'connecting';
			element.dataset['tone'] = message.tone ?? '';
			root.classed('page', runOf(panel) === undefined).classed('busy', message.busy !== undefined);
			heading.text(message.heading ?? '').attr('hidden', message.heading === undefined ? '' : null);
			text.text(message.text);
			showFraction(bar.node() as HTMLElement, fill.node() as HTMLElement, message.busy);
			const signature = JSON.stringify([message.actions, state.problem !== undefined]);
			if (signature !== shown) {
				shown = signature;
				const buttons = message.actions.map((action, i) =>
					button(action.label, i === 0 ? 'primary' : 'secondary', () => act(action.act)),
				);
				(actions.node() as HTMLElement).replaceChildren(...buttons, ...(state.problem === undefined ? [] : [dismiss]));
			}
		},
	};
}

function withProblem({ panel, problem }: AppState): Message | undefined {
	return problem === undefined
		? messageFor(panel)
		: { text: problem, actions: [{ label: 'Show Log', act: 'showLog' }], tone: 'bad' };
}

function showFraction(bar: HTMLElement, fill: HTMLElement, busy: Message['busy']): void {
	bar.hidden = busy === undefined;
	const fraction = busy?.fraction;
	bar.classList.toggle('unknown', fraction === undefined);
	fill.style.width = fraction === undefined ? '' : `${decimals(fraction * 100, 1)}%`;
	if (fraction === undefined) {
		bar.removeAttribute('aria-valuenow');
	} else {
		bar.setAttribute('aria-valuenow', String(Math.round(fraction * 100)));
	}
}
