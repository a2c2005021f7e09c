/** The latent cell of a row: what the thought reads as at the shown layer, ranked, and in one line at every layer. */
import { select } from 'd3';
import type { ThoughtView } from '../../src/shared/panel';
import { formatProbability, isKnown } from '../../src/shared/probability';
import { decimals } from '../../src/shared/decimals';
import * as glossary from '../glossary';
import { signed } from '../marks';
import { stretches } from '../strip';
import type { Tooltip } from '../tooltip';
import { levelBadge } from './level';

type Word = ThoughtView['top'][number];

export interface ThoughtStyle {
	layer: number;
	tall: boolean;
	/** Words that are shown. */
	top: number;
}

/** So that a small probability is still seen to be there. */
const LEAST_BAR = '2px';

export function showThought(cell: HTMLElement, thought: ThoughtView | undefined, style: ThoughtStyle, tooltip: Tooltip): void {
	cell.replaceChildren();
	cell.classList.toggle('is-spare', thought?.spare !== undefined);
	if (!thought) {
		return;
	}
	const words = thought.top.slice(0, style.top);
	if (style.tall) {
		cell.append(...words.map((word) => wordLine(word, style.layer, tooltip)));
		const line = add(cell, 'strip-line');
		spareTag(line, thought, tooltip);
		if (thought.strip.length > 0) {
			layerStrip(line, thought, style.layer, tooltip);
			const entropy = add(line, 'figure entropy', `H ${decimals(thought.entropy)}`);
			tooltip.set(entropy, glossary.entropy(thought.entropy, style.layer));
		}
		badge(line, thought, tooltip);
	} else {
		cell.append(...words.slice(0, 1).map((word) => wordLine(word, style.layer, tooltip)));
		const runners = add(cell, 'runners');
		for (const word of words.slice(1)) {
			const runner = add(runners, word.live ? 'live' : '');
			add(runner, 'word').append(...signed(word.text));
			add(runner, 'figure', formatProbability(word.prob));
			tooltip.set(runner, glossary.word(word, style.layer));
		}
		spareTag(cell, thought, tooltip);
		badge(cell, thought, tooltip);
	}
}

function add(parent: HTMLElement, name: string, text = ''): HTMLElement {
	return select(parent).append('span').attr('class', name).text(text).node() as HTMLElement;
}

function wordLine(word: Word, layer: number, tooltip: Tooltip): HTMLElement {
	const line = document.createElement('div');
	line.className = word.live ? 'word-line live' : 'word-line';
	add(line, 'word').append(...signed(word.text));
	const track = add(line, 'track');
	if (isKnown(word.prob)) {
		add(track, 'bar').style.width = `max(${LEAST_BAR}, ${decimals(word.prob * 100)}%)`;
	}
	add(line, 'figure', formatProbability(word.prob));
	tooltip.set(line, glossary.word(word, layer));
	return line;
}

function badge(parent: HTMLElement, { level }: ThoughtView, tooltip: Tooltip): void {
	if (level) {
		parent.append(levelBadge(level, tooltip));
	}
}

function spareTag(parent: HTMLElement, { spare }: ThoughtView, tooltip: Tooltip): void {
	if (spare !== undefined) {
		tooltip.set(add(parent, 'spare', 'spare'), glossary.spare(spare));
	}
}

function layerStrip(parent: HTMLElement, thought: ThoughtView, layer: number, tooltip: Tooltip): void {
	const strip = add(parent, 'strip');
	add(strip, 'strip-label', `layers 0–${thought.strip.length - 1}: `);
	stretches(thought.strip).forEach((stretch, i) => {
		add(strip, 'arrow', i === 0 ? '' : ' → ');
		const here = stretch.first <= layer && layer <= stretch.last;
		const word = add(strip, here ? 'strip-word here' : 'strip-word');
		word.dataset['layer'] = String(stretch.last);
		word.append(...signed(stretch.text));
		tooltip.set(word, glossary.stretch(stretch));
	});
}
