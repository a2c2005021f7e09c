/** The pieces that a thought's row is made of, whether it has one line or several. */
import { select } from 'd3';
import { decimals } from '../../src/shared/decimals';
import type { ThoughtView } from '../../src/shared/panel';
import { formatProbability, isKnown } from '../../src/shared/probability';
import * as glossary from '../glossary';
import { signed } from '../marks';
import type { Tooltip } from '../tooltip';
import { levelBadge } from './level';

/** So that a small probability is still seen to be there. */
const LEAST_BAR = '2px';

export function add(parent: HTMLElement, name: string, text = ''): HTMLElement {
	return select(parent).append('span').attr('class', name).text(text).node() as HTMLElement;
}

export function wordLine(word: ThoughtView['top'][number], layer: number, tooltip: Tooltip): HTMLElement {
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

export function badge(parent: HTMLElement, { level }: ThoughtView, tooltip: Tooltip): void {
	if (level) {
		parent.append(levelBadge(level, tooltip));
	}
}

/** What sets a thought apart. */
export function tags(parent: HTMLElement, { spare, idle, halted }: ThoughtView, tooltip: Tooltip): void {
	const tag = (kind: string, text: string, meaning: string) => tooltip.set(add(parent, `tag ${kind}`, text), meaning);
	if (spare !== undefined) {
		tag('spare', 'spare', glossary.spare(spare));
	}
	if (idle !== undefined) {
		tag('idle', 'idle', glossary.idle(idle));
	}
	if (halted) {
		tag('halted', halted.place === 'before' ? 'past stop' : halted.by === 'limit' ? 'limit' : 'stop', glossary.halted(halted.why));
	}
}
