/** The head of the heatmap column: which probe or patch is shown, how well it was fitted, and the layer axis. */
import { create, select } from 'd3';
import type { ProbeView } from '../../src/shared/panel';
import { choice } from '../controls';
import { layerAxis } from '../draw/axis';
import { families, spoken } from '../families';
import { exact, interval, proportion } from '../figures';
import { PATCH, PATCH_UNIT } from '../evidence';
import * as glossary from '../glossary';
import { heldOut, layerOf, probeOf, runOf, type AppState } from '../store';
import type { Context } from '../view';

/** Of a cell at which the probe was not fitted. */
const NOT_FITTED = { auroc: Number.NaN, shuffled: Number.NaN, random: Number.NaN };

export interface Picker {
	element: HTMLElement;
	render(state: AppState, width: number): void;
}

export function picker({ store, tooltip }: Context): Picker {
	const pick = (probe: string | undefined) => store.update((state) => ({ ...state, probe }));
	const known = () => families(runOf(store.state.panel)?.probes ?? []);
	const family = choice('Heatmap', (name) => pick(known().find((candidate) => candidate.name === name)?.members[0]?.probe.name));
	const member = choice('Class of the probe, or what is patched in', pick);
	const root = create('div').attr('class', 'picker');
	const bar = root.append('div').attr('class', 'picker-bar');
	const name = bar.append('div').attr('class', 'picker-name');
	const single = name.append('span').attr('class', 'picker-single');
	name.append(() => family.element);
	name.append(() => member.element);
	const metrics = bar.append('div').attr('class', 'picker-metrics');
	const axis = layerAxis();
	root.append(() => axis.element);

	return {
		element: root.node() as HTMLElement,
		render(state, width) {
			const run = runOf(state.panel);
			const chosen = probeOf(state);
			const groups = known();
			const group = groups.find((candidate) => candidate.members.some((one) => one.probe.name === chosen));
			const probe = group?.members.find((one) => one.probe.name === chosen)?.probe;
			single
				.text(group ? `${probe?.kind === 'patch' ? 'Effect of a' : 'Probe:'} ${spoken(group.name)}` : 'No probe scores')
				.attr('hidden', groups.length > 1 ? '' : null);
			family.element.hidden = groups.length < 2;
			member.element.hidden = (group?.members.length ?? 0) < 2;
			if (group && groups.length > 1) {
				family.set(
					groups.map((one) => ({ value: one.name, label: spoken(one.name) })),
					group.name,
				);
			}
			if (group && chosen && group.members.length > 1) {
				member.set(
					group.members.map(({ probe: one, member }) => ({ value: one.name, label: one.kind === 'patch' ? one.label : member })),
					chosen,
				);
			}
			if (probe) {
				tooltip.set(name.node() as HTMLElement, probe.kind === 'patch' ? PATCH : glossary.claim(probe.label));
			}
			showMetrics(metrics.node() as HTMLElement, state, probe, tooltip);
			(axis.element as SVGElement).toggleAttribute('hidden', probe === undefined);
			axis.draw((run?.layers ?? 0) + 1, width, layerOf(state));
		},
	};
}

/** Of the selected cell; while none is, the mean over the steps at the last layer. */
function showMetrics(element: HTMLElement, state: AppState, probe: ProbeView | undefined, tooltip: Context['tooltip']): void {
	const run = runOf(state.panel);
	const { row, layer = layerOf(state) } = state.selection;
	element.textContent = '';
	if (probe?.kind === 'patch') {
		element.textContent = PATCH_UNIT;
		tooltip.set(element, PATCH);
		return;
	}
	tooltip.set(element, probe && !probe.metrics ? glossary.NO_FIGURES : '');
	if (!probe?.metrics) {
		element.textContent = probe ? 'no held-out figures' : '';
		return;
	}
	const cell = row === undefined ? undefined : heldOut(run, probe, { row, layer });
	const { auroc, shuffled, random } = row === undefined ? probe.metrics : (cell ?? NOT_FITTED);
	const figures = [
		{ label: 'AUROC', text: `${proportion(auroc)}${cell ? ` [${interval(cell.ci)}]` : ''}`, value: auroc, meaning: glossary.AUROC },
		{ label: 'shuffled', text: proportion(shuffled), value: shuffled, meaning: glossary.SHUFFLED },
		{ label: 'random', text: proportion(random), value: random, meaning: glossary.RANDOM },
	];
	const where = row === undefined ? 'mean over steps, last layer' : `step ${row + 1}, layer ${layer}`;
	for (const { label, text, value, meaning } of figures) {
		if (label === 'shuffled') {
			select(element).append('span').attr('class', 'picker-controls').text('controls');
		}
		const item = select(element).append('span');
		item.append('span').attr('class', label === 'AUROC' ? 'picker-label' : 'picker-label of-control').text(`${label} `);
		item.append('span').attr('class', 'figure').text(text);
		tooltip.set(item.node() as HTMLElement, `${label} ${exact(value)}, ${where}. ${meaning}`);
		if (label === 'AUROC') {
			select(element).append('span').attr('class', 'picker-where').text(where);
		}
	}
}
