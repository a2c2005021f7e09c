/** Everything known about the selected row: every layer, the nearest embeddings, the tokens, every probe. */
import { create } from 'd3';
import type { Details } from '../../src/shared/panel';
import { isCancelled } from '../../src/shared/rpc';
import { layerOf, runOf, subjectOf, type AppState } from '../store';
import type { Context, View } from '../view';
import { layerTable, neighbourTable, rankTable, probeTable, tokenTable } from './tables';

export function details({ host, store, tooltip, report }: Context): View {
	const root = create('aside')
		.attr('class', 'details')
		.attr('tabindex', -1)
		.attr('aria-label', 'Details of the selected step')
		.node() as HTMLElement;
	let shown: { key: string; value: Details } | undefined;
	/** One call at a time. It may finish, so that a run that changes faster than it is answered still shows something. */
	let asking: string | undefined;
	/** What the last call was about: after a failure the same is not asked again. */
	let asked: string | undefined;

	root.addEventListener('keydown', (event) => {
		if (event.key === 'Escape') {
			document.querySelector<HTMLElement>('.row[tabindex="0"]')?.focus();
			store.update((state) => ({ ...state, details: false }));
			event.stopPropagation();
		}
	});

	async function ask(key: string, revision: number, row: number): Promise<void> {
		asking = asked = key;
		try {
			const value = await host.call('details', { revision, row });
			const { panel, selection } = store.state;
			if (selection.row === row && key.startsWith(`${subjectOf(panel)}\n`)) {
				shown = { key, value };
				show(store.state);
			}
		} catch (error) {
			if (key === keyOf(store.state) && !isCancelled(error)) {
				report(error);
			}
		} finally {
			asking = undefined;
		}
		askAgain(store.state);
	}

	function askAgain(state: AppState): void {
		const [key, run] = [keyOf(state), runOf(state.panel)];
		if (key !== undefined && run && state.details && asking === undefined && asked !== key) {
			void ask(key, run.revision, state.selection.row ?? 0);
		}
	}

	function show(state: AppState): void {
		root.classList.toggle('old', shown?.key !== keyOf(state));
		if (shown) {
			root.replaceChildren(...sections(shown.value, state, tooltip));
		}
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
			askAgain(state);
			if (
				!before ||
				layerOf(before) !== layerOf(state) ||
				keyOf(before) !== key ||
				before.selection.step !== state.selection.step
			) {
				show(state);
			}
		},
	};
}

/** Details are asked for once for each row of each revision. */
function keyOf(state: AppState): string | undefined {
	const run = runOf(state.panel);
	const { row } = state.selection;
	return run && row !== undefined && row < run.rows ? `${subjectOf(state.panel)}\n${run.revision}\n${row}` : undefined;
}

function sections(found: Details, state: AppState, tooltip: Context['tooltip']): HTMLElement[] {
	const section = (title: string, content: HTMLElement, kind: string) => {
		const element = create('section').attr('class', `detail ${kind}`);
		element.append('h2').text(title);
		element.append(() => content);
		return element.node() as HTMLElement;
	};
	const step = found.row + 1;
	const layer = found.layers.find((one) => one.layer === layerOf(state));
	const probes = runOf(state.panel)?.probes ?? [];
	const fit = (name: string) => runOf(state.panel)?.fits[probes.find((probe) => probe.name === name)?.fit ?? -1] ?? [];
	const made = [
		found.layers.length > 0 &&
			section(`Step ${step} at every layer of the residual stream`, layerTable(found, layerOf(state), tooltip), 'layers'),
		layer && section(`All ranks at layer ${layer.layer}`, rankTable(layer, tooltip), 'ranks'),
		found.neighbours.length > 0 && section('Nearest embeddings', neighbourTable(found, tooltip), 'neighbours'),
		found.tokens.length > 0 &&
			section('Tokens of the chain of thought', tokenTable(found, state.selection.step, runOf(state.panel)?.legibility, tooltip), 'tokens'),
		found.probes.length > 0 && section('Probe scores', probeTable(found, layerOf(state), fit, tooltip), 'probes'),
	];
	const present = made.filter((one): one is HTMLElement => one instanceof HTMLElement);
	return present.length > 0
		? present
		: [create('p').attr('class', 'nothing').text('Nothing was measured at this step.').node() as HTMLElement];
}
