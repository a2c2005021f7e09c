/** What the panel says about each state, and what it offers to do. */
import type { Action, PanelState, Run } from '../src/shared/panel';
import { plural } from './figures';

export interface Message {
	heading?: string;
	text: string;
	/** The first is the one to take. */
	actions: { label: string; act: Action }[];
	busy?: { fraction?: number };
	tone?: 'bad' | 'warn';
}

const ANALYZE = { label: 'Analyze Prompt', act: 'analyze' } as const;
const AGAIN = { label: 'Analyze Again', act: 'analyze' } as const;
const CANCEL = { label: 'Cancel', act: 'cancel' } as const;
const ADD = { label: 'Add Model…', act: 'addModel' } as const;
const EXAMPLE = { label: 'Open an Example', act: 'openExample' } as const;

const CHANGED = 'The prompt or the settings have changed since this analysis.';

/** Absent where the results speak for themselves. */
export function messageFor(panel: PanelState | undefined): Message | undefined {
	switch (panel?.kind) {
		case undefined:
			return { text: 'Waiting for the extension…', actions: [], busy: {} };
		case 'empty':
			return {
				heading: 'Read a model’s reasoning',
				text:
					'Open a prompt file and analyse it. Its chain of thought, its latent thoughts as their nearest tokens, and what ' +
					'probes read in them appear here, side by side. A trace or a log that is dropped here opens: hold Shift, as VS Code asks.',
				actions: [EXAMPLE, ADD],
			};
		case 'idle':
			return {
				heading: panel.name,
				text: `Not analysed yet. The model ${panel.model} will run on this machine.`,
				actions: [ANALYZE, { label: 'Choose Model…', act: 'chooseModel' }],
			};
		case 'untrusted':
			return {
				heading: 'This workspace is not trusted',
				text:
					'In Restricted Mode saved traces can be viewed and no model is run, because the workspace may choose the model. ' +
					'Trust the workspace to analyse prompts in it.',
				actions: [{ label: 'Manage Workspace Trust', act: 'manageTrust' }],
			};
		case 'unavailable':
			return {
				heading: 'Models cannot run here',
				text: `${panel.reason} Saved traces can still be opened and read.`,
				actions: [EXAMPLE, { label: 'Show Log', act: 'showLog' }],
			};
		case 'failed':
			return {
				heading: `${panel.name} could not be ${panel.source === 'file' ? 'opened' : 'analysed'}`,
				text: [panel.message, shownOf(panel)].filter(Boolean).join(' '),
				actions: [panel.action],
				tone: 'bad',
			};
		case 'running':
			return { heading: panel.name, text: panel.message, actions: [CANCEL], busy: { fraction: panel.fraction } };
		case 'cancelled':
			return {
				heading: panel.name,
				text: ['Cancelled.', shownOf(panel)].filter(Boolean).join(' '),
				actions: [AGAIN],
				tone: 'warn',
			};
		case 'ready':
			return panel.stale ? { text: CHANGED, actions: [AGAIN], tone: 'warn' } : unworded(panel.run);
	}
}

/** There is no step to show: what there is instead, and what can be done with it. */
function unworded({ unworded: states, layers }: Run): Message | undefined {
	return (
		states && {
			text:
				`Activations without text: ${plural(states.positions, 'position')} × ${plural(layers + 1, 'site')}, ${states.width} wide. ` +
				'There are no steps to read. Hold them against another trace, or load them in Python.',
			actions: [
				{ label: 'Compare with…', act: 'compareWith' },
				{ label: 'Copy as Python', act: 'copyPython' },
			],
		}
	);
}

/** What the results below are, where they are not those of a finished run of this prompt as it is. */
function shownOf({ run, shows, stale }: Extract<PanelState, { kind: 'failed' | 'cancelled' }>): string {
	if (!run || !shows) {
		return '';
	}
	return shows === 'partial'
		? 'What had been computed by then is shown.'
		: `The analysis before it is shown.${stale ? ` ${CHANGED}` : ''}`;
}
