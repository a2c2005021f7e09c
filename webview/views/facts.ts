/** A thought in one line: facts of fixed widths, under their names in the head. What does not fit is left out by CSS, in both alike. */
import type { CodeReading, Columns, ThoughtView } from '../../src/shared/panel';
import { decimals } from '../../src/shared/decimals';
import { formatProbability, isKnown } from '../../src/shared/probability';
import { nearness } from '../codes';
import * as glossary from '../glossary';
import { signed } from '../marks';
import type { Tooltip } from '../tooltip';
import { add, badge, tags, wordLine } from './words';

/** Names of what stands below. */
export function factNames({ codes, gate, readout }: Columns, tooltip: Tooltip): HTMLElement {
	const names = document.createElement('div');
	names.className = 'facts names';
	for (const { part, state } of codes) {
		tooltip.set(add(names, 'fact code', part), glossary.codePart(part, state));
	}
	add(names, 'fact lead', codes.length > 0 ? 'lens' : '');
	tooltip.set(add(names, 'fact entropy', 'H nats'), glossary.ENTROPY);
	if (gate) {
		tooltip.set(add(names, 'fact gate', 'gate'), glossary.GATE);
	}
	if (readout) {
		tooltip.set(add(names, 'fact readout', 'trained readout'), glossary.READOUT);
	}
	add(names, 'fact tags');
	return names;
}

export function showFacts(cell: HTMLElement, thought: ThoughtView, columns: Columns, layer: number, count: number, tooltip: Tooltip): void {
	const facts = document.createElement('div');
	facts.className = 'facts';
	columns.codes.forEach((_, i) => codeFact(facts, thought.codes?.[i], tooltip));
	const lead = add(facts, 'fact lead');
	const [first, ...others] = thought.top.slice(0, count);
	if (first) {
		lead.append(wordLine(first, layer, tooltip));
		const entropy = add(facts, 'fact entropy figure', decimals(thought.entropy));
		tooltip.set(entropy, glossary.entropy(thought.entropy, layer));
	}
	if (columns.codes.length === 0) {
		runners(lead, others, layer, tooltip);
	}
	if (columns.gate) {
		const gate = add(facts, 'fact gate figure', thought.gate === undefined ? '' : formatProbability(thought.gate));
		tooltip.set(gate, glossary.GATE);
	}
	if (columns.readout) {
		const readout = add(facts, 'fact readout word');
		readout.append(...signed(thought.readout ?? ''));
		tooltip.set(readout, `“${thought.readout ?? ''}” ${glossary.READOUT}`);
	}
	const end = add(facts, 'fact tags');
	tags(end, thought, tooltip);
	badge(end, thought, tooltip);
	cell.append(facts);
}

function codeFact(parent: HTMLElement, reading: CodeReading | undefined, tooltip: Tooltip): void {
	const fact = add(parent, `fact code ${reading?.state ?? ''}`);
	const [nearest] = reading?.nearest ?? [];
	if (!reading || !nearest) {
		return;
	}
	add(fact, 'word').append(...signed(nearest.text));
	const share = nearness(reading);
	const track = add(fact, 'track');
	if (isKnown(share)) {
		add(track, 'bar').style.width = `${decimals(share * 100)}%`;
	}
	add(fact, 'figure', decimals(nearest.distance));
	tooltip.set(fact, glossary.code(reading));
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
