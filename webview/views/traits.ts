/** A thought in one line: traits of fixed widths, under their names in the head. What does not fit is left out by CSS, in both alike. */
import type { CodeReading, Columns, ThoughtView } from '../../src/shared/panel';
import { decimals } from '../../src/shared/decimals';
import { formatProbability, isKnown } from '../../src/shared/probability';
import { nearness } from '../codes';
import * as glossary from '../glossary';
import { signed } from '../marks';
import type { Tooltip } from '../tooltip';
import { add, badge, tags, wordLine } from './words';

/** Names of what stands below. */
export function traitNames({ codes, gate, readout }: Columns, tooltip: Tooltip): HTMLElement {
	const names = document.createElement('div');
	names.className = 'traits names';
	for (const { part, state } of codes) {
		tooltip.set(add(names, 'trait code', part), glossary.codePart(part, state));
	}
	add(names, 'trait lead', codes.length > 0 ? 'lens' : '');
	tooltip.set(add(names, 'trait entropy', 'H'), glossary.ENTROPY);
	if (gate) {
		tooltip.set(add(names, 'trait gate', 'gate'), glossary.GATE);
	}
	if (readout) {
		tooltip.set(add(names, 'trait readout', 'trained readout'), `This ${glossary.READOUT}`);
	}
	add(names, 'trait tags');
	return names;
}

export function showTraits(cell: HTMLElement, thought: ThoughtView, columns: Columns, layer: number, count: number, tooltip: Tooltip): void {
	const traits = document.createElement('div');
	traits.className = 'traits';
	columns.codes.forEach((_, i) => codeTrait(traits, thought.codes?.[i], tooltip));
	const lead = add(traits, 'trait lead');
	const [first, ...others] = thought.top.slice(0, count);
	if (first) {
		lead.append(wordLine(first, layer, tooltip));
	}
	if (columns.codes.length === 0) {
		runners(lead, others, layer, tooltip);
	}
	const entropy = add(traits, 'trait entropy figure', first ? decimals(thought.entropy) : '');
	tooltip.set(entropy, first ? glossary.entropy(thought.entropy, layer) : '');
	if (columns.gate) {
		const gate = add(traits, 'trait gate figure', thought.gate === undefined ? '' : formatProbability(thought.gate));
		tooltip.set(gate, glossary.GATE);
	}
	if (columns.readout) {
		readoutTrait(traits, thought.readout ?? '', tooltip);
	}
	const end = add(traits, 'trait tags');
	tags(end, thought, tooltip);
	badge(end, thought, tooltip);
	cell.append(traits);
}

/** What is known of a thought beside its words, as a line among them; none where there is nothing. */
export function ownLine({ codes = [], gate, readout }: ThoughtView, tooltip: Tooltip): HTMLElement[] {
	if (codes.length === 0 && gate === undefined && readout === undefined) {
		return [];
	}
	const line = document.createElement('div');
	line.className = 'own-line';
	for (const reading of codes) {
		add(line, 'own-name', reading.part);
		codeTrait(line, reading, tooltip);
	}
	if (gate !== undefined) {
		add(line, 'own-name', 'gate');
		tooltip.set(add(line, 'trait figure', formatProbability(gate)), glossary.GATE);
	}
	if (readout !== undefined) {
		add(line, 'own-name', 'reads out');
		readoutTrait(line, readout, tooltip);
	}
	return [line];
}

function readoutTrait(parent: HTMLElement, text: string, tooltip: Tooltip): void {
	const readout = add(parent, 'trait readout word');
	readout.append(...signed(text));
	tooltip.set(readout, text === '' ? '' : `“${text}” ${glossary.READOUT}`);
}

function codeTrait(parent: HTMLElement, reading: CodeReading | undefined, tooltip: Tooltip): void {
	const trait = add(parent, `trait code ${reading?.state ?? ''}`);
	const [nearest] = reading?.nearest ?? [];
	if (!reading || !nearest) {
		return;
	}
	add(trait, 'word').append(...signed(nearest.text));
	const share = nearness(reading);
	const track = add(trait, 'track');
	if (isKnown(share)) {
		add(track, 'bar').style.width = `${decimals(share * 100)}%`;
	}
	add(trait, 'figure', decimals(nearest.distance));
	tooltip.set(trait, glossary.code(reading));
}

function runners(parent: HTMLElement, words: ThoughtView['top'], layer: number, tooltip: Tooltip): void {
	const all = add(parent, 'runners');
	for (const word of words) {
		const runner = add(all, word.live ? 'live' : '');
		add(runner, 'word').append(...signed(word.text));
		add(runner, 'figure', formatProbability(word.prob));
		tooltip.set(runner, glossary.word(word, layer));
	}
}
