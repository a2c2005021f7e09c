/** The latent cell of a row: what the thought reads as at the shown layer, ranked, and in one line at every layer. */
import type { Columns, ThoughtView } from '../../src/shared/panel';
import { decimals } from '../../src/shared/decimals';
import * as glossary from '../glossary';
import { signed } from '../marks';
import { stretches } from '../strip';
import type { Tooltip } from '../tooltip';
import { ownLine, showTraits } from './traits';
import { add, badge, tags, wordLine } from './words';

export interface ThoughtStyle {
	layer: number;
	tall: boolean;
	/** Words that are shown. */
	top: number;
	columns: Columns;
}

export function showThought(cell: HTMLElement, thought: ThoughtView | undefined, style: ThoughtStyle, tooltip: Tooltip): void {
	cell.replaceChildren();
	cell.classList.toggle('is-spare', thought?.spare !== undefined);
	if (!thought) {
		return;
	}
	if (!style.tall) {
		showTraits(cell, thought, style.columns, style.layer, style.top, tooltip);
		return;
	}
	const own = ownLine(thought, tooltip);
	// It takes a line from the words.
	const words = thought.top.slice(0, style.top - own.length);
	cell.append(...own, ...words.map((word) => wordLine(word, style.layer, tooltip)));
	const line = add(cell, 'strip-line');
	tags(line, thought, tooltip);
	if (thought.strip.length > 0) {
		layerStrip(line, thought, style.layer, tooltip);
		const entropy = add(line, 'figure entropy', `H ${decimals(thought.entropy)}`);
		tooltip.set(entropy, glossary.entropy(thought.entropy, style.layer));
	}
	badge(line, thought, tooltip);
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
