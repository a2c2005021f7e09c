/** One thought by itself: how it was made, what it reads as by learnt codes, and as what it was fed. */
import { create } from 'd3';
import { decimals } from '../../src/shared/decimals';
import type { Details } from '../../src/shared/panel';
import { formatProbability } from '../../src/shared/probability';
import { nearness } from '../codes';
import { exact } from '../figures';
import * as glossary from '../glossary';
import { signed } from '../marks';
import { table, type Column } from '../table';
import type { Tooltip } from '../tooltip';

/** Ranks of what was fed back; more are in the file. */
const FED_WORDS = 5;

type Coded = Details['codes'][number];
type Word = { text: string; prob: number; rank: number };

interface Fact {
	label: string;
	value: string;
	definition: string;
	/** Text from a model. */
	word?: true;
}

/** Nearest code of each part, and the second nearest to compare it with. */
export function codeTable({ codes }: Details, tooltip: Tooltip): HTMLElement {
	const at = (rank: number) => (one: Coded) => one.nearest[rank];
	const [first, second] = [at(0), at(1)];
	const columns: Column<Coded>[] = [
		{ title: 'part', label: true, text: ({ part }) => part, tip: glossary.codeColumns },
		{ title: 'state', label: true, text: ({ state }) => state, tip: ({ part, state }) => glossary.codePart(part, state) },
		{ title: 'nearest', word: true, text: (one) => first(one)?.text ?? '', tip: glossary.code },
		{ title: 'distance', figure: true, text: (one) => decimals(first(one)?.distance), tip: glossary.code },
		{ title: 'second', word: true, text: (one) => second(one)?.text ?? '', tip: glossary.code },
		{ title: 'distance', figure: true, text: (one) => decimals(second(one)?.distance), tip: glossary.code },
		{ title: '1 − d₁/d₂', figure: true, bar: (one) => 100 * nearness(one), text: (one) => decimals(nearness(one)), tip: glossary.code },
	];
	return table(codes, columns, tooltip);
}

/** The lens of what was fed back, beside those of the state it was made from. */
export function fedTable({ made, norm }: Details, tooltip: Tooltip): HTMLElement {
	const { fed: { top, entropy } = { top: [], entropy: NaN }, width = 0, modelWidth = 0 } = made ?? {};
	const columns: Column<Word>[] = [
		{ title: 'rank', text: ({ rank }) => String(rank) },
		{ title: 'token', word: true, text: ({ text }) => text },
		{ title: 'p', figure: true, text: ({ prob }) => formatProbability(prob), tip: ({ text, prob }) => `p = ${exact(prob)} for “${text}”. ${glossary.FED}` },
	];
	const root = create('div');
	root.append(() => table(top.slice(0, FED_WORDS).map((word, i) => ({ ...word, rank: i + 1 })), columns, tooltip));
	const told: Fact[] = [
		{ label: 'site', value: 'input of the next position', definition: glossary.FED },
		{ label: 'entropy', value: `${decimals(entropy)} nats`, definition: glossary.FED },
		// Of a narrower thought it is the norm of something else than what was fed.
		...(norm === undefined || width !== modelWidth ? [] : [{ label: 'norm', value: decimals(norm), definition: glossary.norm(norm, { width, modelWidth }) }]),
	];
	root.append(() => facts(told, tooltip));
	return root.node() as HTMLElement;
}

/** Only what there is of the thought. */
export function madeList({ made, norm }: Details, tooltip: Tooltip): HTMLElement {
	const { from, through, width = 0, modelWidth = 0, gate, readout, noise, spare, idle, halted } = made ?? {};
	const narrow = width !== modelWidth;
	const all: (Fact | undefined)[] = [
		from === undefined ? undefined : { label: through ? 'made from' : 'fed back', value: from, definition: glossary.FROM },
		narrow ? { label: 'width', value: `${width}, the model’s is ${modelWidth}`, definition: glossary.widths({ width, modelWidth }) } : undefined,
		norm === undefined ? undefined : { label: 'norm', value: decimals(norm), definition: glossary.norm(norm, { width, modelWidth }) },
		gate === undefined ? undefined : { label: 'gate', value: formatProbability(gate), definition: glossary.GATE },
		noise && { label: 'noise', value: `scale ${exact(noise.scale)}${noise.own ? '' : ', not the recipe’s'}, seed ${noise.seed}`, definition: glossary.noise(noise) },
		readout === undefined ? undefined : { label: 'trained readout', value: readout, word: true, definition: `This ${glossary.READOUT}` },
		spare === undefined ? undefined : { label: 'spare', value: spare, definition: glossary.spare(spare) },
		idle === undefined ? undefined : { label: 'idle', value: idle, definition: glossary.idle(idle) },
		halted === undefined ? undefined : { label: 'halted', value: halted.why, definition: glossary.halted(halted.why) },
	];
	return facts(all.filter((one) => one !== undefined), tooltip);
}

function facts(list: readonly Fact[], tooltip: Tooltip): HTMLElement {
	const root = create('dl').attr('class', 'fact-list');
	for (const { label, value, word, definition } of list) {
		root.append('dt').text(label);
		const told = root.append('dd').attr('class', word ? 'word' : '').node() as HTMLElement;
		told.append(...(word ? signed(value) : [value]));
		tooltip.set(told, definition);
	}
	return root.node() as HTMLElement;
}
