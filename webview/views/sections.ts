/** The sections of the details pane, those that answer most first. */
import { create } from 'd3';
import type { Details } from '../../src/shared/panel';
import { layerOf, runOf, type AppState } from '../store';
import type { Tooltip } from '../tooltip';
import { graph } from './graph';
import { levelRungs } from './level';
import { codeTable, fedTable, madeList } from './made';
import { layerTable, neighbourTable, probeTable, rankTable, tokenTable } from './tables';
import { oodTable, testsTable, type Unfolded } from './tests';

export interface SectionTools {
	/** Moves the selection by a number of steps. */
	step(by: number): void;
	unfolded: Unfolded;
	tooltip: Tooltip;
}

export function sections(found: Details, state: AppState, { step, unfolded, tooltip }: SectionTools): HTMLElement[] {
	const section = (title: string, content: HTMLElement, kind: string) => {
		const element = create('section').attr('class', `detail ${kind}`).attr('tabindex', -1).attr('aria-label', title);
		element.append('h2').text(title);
		element.append(() => content);
		return element.node() as HTMLElement;
	};
	const number = found.row + 1;
	const { layers, level, graph: candidates, ood } = found;
	const layer = layers.find((one) => one.layer === layerOf(state));
	const probes = runOf(state.panel)?.probes ?? [];
	const fit = (name: string) => runOf(state.panel)?.fits[probes.find((probe) => probe.name === name)?.fit ?? -1] ?? [];
	const thought = found.tests.filter((test) => test.of !== 'sentence');
	const sentence = found.tests.filter((test) => test.of === 'sentence');
	const place = candidates?.edges.length ? `Thought ${number} on the prompt’s graph` : `Thought ${number} on the candidates`;
	const made = [
		candidates && section(place, graph(candidates, found.row, step, tooltip), 'candidates-of'),
		found.codes.length > 0 && section(`Thought ${number} by learnt codes`, codeTable(found, tooltip), 'codes'),
		layers.length > 0 && section(`Step ${number} at every layer of the residual stream`, layerTable(found, layerOf(state), tooltip), 'layers'),
		found.made?.fed && section('What was fed back reads as', fedTable(found, tooltip), 'fed'),
		thought.length > 0 && section('What if this thought were …', testsTable(thought, unfolded, tooltip), 'tests'),
		level && section(`Evidence level L${level.level}`, levelRungs(level), 'evidence'),
		ood.length > 0 && section('Is it language?', oodTable(ood, tooltip), 'ood'),
		found.made && section(`How thought ${number} was made`, madeList(found, tooltip), 'made'),
		sentence.length > 0 && section('What if the chain of thought …', testsTable(sentence, unfolded, tooltip), 'tests'),
		layer && section(`All ranks at layer ${layer.layer}`, rankTable(layer, tooltip), 'ranks'),
		found.neighbours.length > 0 && section('Nearest embeddings', neighbourTable(found, tooltip), 'neighbours'),
		found.tokens.length > 0 &&
			section(runOf(state.panel)?.reasoning ? 'What was written' : 'Tokens of the chain of thought', tokenTable(found, state.selection.step, runOf(state.panel)?.legibility, tooltip), 'tokens'),
		found.probes.length > 0 && section('Probe scores', probeTable(found, layerOf(state), fit, tooltip), 'probes'),
	];
	const present = made.filter((one): one is HTMLElement => one instanceof HTMLElement);
	return present.length > 0
		? present
		: [create('p').attr('class', 'nothing').text('Nothing was measured at this step.').node() as HTMLElement];
}
