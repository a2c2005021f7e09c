/** The head of the heatmap column: which probe is shown, how well it was fitted, and the layer axis. */
import { create, select } from 'd3';
import type { ProbeView } from '../../src/shared/panel';
import { choice } from '../controls';
import { layerAxis } from '../draw/axis';
import { families, spoken } from '../families';
import { exact, proportion } from '../figures';
import * as glossary from '../glossary';
import { layerOf, probeOf, runOf, type AppState } from '../store';
import type { Context } from '../view';

export interface Picker {
	element: HTMLElement;
	render(state: AppState, width: number): void;
}

export function picker({ store, tooltip }: Context): Picker {
	const pick = (probe: string | undefined) => store.update((state) => ({ ...state, probe }));
	const known = () => families(runOf(store.state.panel)?.probes ?? []);
	const family = choice('Probe', (name) => pick(known().find((candidate) => candidate.name === name)?.members[0]?.probe.name));
	const member = choice('Class of the probe', pick);
	const root = create('div').attr('class', 'picker');
	const name = root.append('div').attr('class', 'picker-name');
	const single = name.append('span').attr('class', 'picker-single');
	name.append(() => family.element);
	name.append(() => member.element);
	const metrics = root.append('div').attr('class', 'picker-metrics');
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
				.text(group ? `Probe: ${spoken(group.name)}` : 'No probe scores')
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
					group.members.map((one) => ({ value: one.probe.name, label: one.member })),
					chosen,
				);
			}
			if (probe) {
				tooltip.set(name.node() as HTMLElement, glossary.claim(probe.label));
			}
			showMetrics(metrics.node() as HTMLElement, probe, tooltip);
			(axis.element as SVGElement).toggleAttribute('hidden', probe === undefined);
			axis.draw((run?.layers ?? 0) + 1, width, layerOf(state));
		},
	};
}

function showMetrics(element: HTMLElement, probe: ProbeView | undefined, tooltip: Context['tooltip']): void {
	const { metrics } = probe ?? {};
	element.textContent = '';
	if (!probe) {
		return;
	}
	tooltip.set(element, metrics ? '' : glossary.NO_FIGURES);
	if (!metrics) {
		element.textContent = 'no held-out figures';
		return;
	}
	for (const { label, value, meaning } of glossary.metrics(metrics)) {
		const item = select(element).append('span').text(`${label} `);
		item.append('span').attr('class', 'figure').text(proportion(value));
		tooltip.set(item.node() as HTMLElement, `${label} ${exact(value)}. ${meaning}`);
	}
}
