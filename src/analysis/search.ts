/** Search in a trace: what was written, what latent thoughts decode to at any layer, and where a probe is above a threshold. */
import { decimals } from '../shared/decimals';
import type { Range } from '../shared/range';
import { probePlane, type TraceSource } from '../trace/planes';
import type { Note } from '../trace/review';
import { Lookup } from './lookup';
import { noted } from './noted';

/** Ranks of a readout that count: what lies lower says little. */
const RANKS = 5;
/** Rows that are read at a time: some hundred kilobytes of readouts. */
const BLOCK = 256;
/** Hits that anybody looks through. */
export const MAX_HITS = 1_000;

export type Query =
	/** Without regard to case; white space counts as one space. */
	| { kind: 'text'; text: string }
	| { kind: 'probe'; name: string; above: number };

/** A place that was found. `row` is that of the shared step axis. */
export type Hit = { row: number } & (
	| { kind: 'sentence'; step: number; text: string }
	/** The best rank of any layer, and the first layer that has it. `prob` is NaN where only ranks are known. */
	| { kind: 'thought'; layer: number; rank: number; text: string; prob: number }
	/** The highest score of any layer. */
	| { kind: 'probe'; layer: number; score: number }
	| { kind: 'note'; text: string; author?: string }
);

/**
 * `NAME > 0.9` asks a probe of the trace; `NAME` may be a part of its name that no other probe has. All else is a text. A string is what
 * is wrong with it.
 */
export function parseQuery(asked: string, probes: readonly string[]): Query | string {
	const match = /^\s*(\S.*?)\s*>\s*(-?\d*\.?\d+)\s*$/.exec(asked);
	if (!match) {
		const text = folded(asked);
		return text === '' ? 'Type a text, or a probe and a threshold: first-option > 0.9.' : { kind: 'text', text };
	}
	const [, part, above] = match;
	const named = probes.filter((name) => name === part);
	const found = named.length > 0 ? named : probes.filter((name) => name.toLowerCase().includes(part!.toLowerCase()));
	if (found.length !== 1) {
		const known = probes.length === 0 ? 'The trace has no probes' : `Its probes are ${probes.join(', ')}`;
		return found.length === 0 ? `No probe is called ${part}. ${known}.` : `${found.length} probes are called like ${part}: ${found.join(', ')}.`;
	}
	return { kind: 'probe', name: found[0]!, above: Number(above) };
}

/** In the order of the step axis, at most `MAX_HITS`; texts also in the `notes` of a review. A block of rows is read at a time, so a search can be left at any hit. */
export async function* search(source: TraceSource, query: Query, notes: readonly Note[] = []): AsyncGenerator<Hit> {
	const lookup = new Lookup(source);
	const { rows } = lookup.outline;
	const written = query.kind === 'text' ? noteHits(lookup, query.text, notes) : [];
	let count = 0;
	for (let start = 0; start < rows; start += BLOCK) {
		const range = { start, end: Math.min(start + BLOCK, rows) };
		const found = query.kind === 'text' ? await textHits(lookup, query.text, range) : await probeHits(lookup, query, range);
		const inNotes = written.filter(({ row }) => row >= range.start && row < range.end);
		for (const hit of [...found, ...inNotes].sort((a, b) => a.row - b.row)) {
			yield hit;
			if (++count === MAX_HITS) {
				return;
			}
		}
	}
}

/** `sentence: Davis is a jelpus.`, `thought at layer 2, rank 1, 0.41: jelpus`, `probe at layer 2: 0.97` */
export function hitInWords(hit: Hit): string {
	switch (hit.kind) {
		case 'sentence':
			return `sentence: ${hit.text.trim()}`;
		case 'thought':
			return `thought at layer ${hit.layer}, rank ${hit.rank}${Number.isNaN(hit.prob) ? '' : `, ${decimals(hit.prob)}`}: ${hit.text}`;
		case 'probe':
			return `probe at layer ${hit.layer}: ${decimals(hit.score)}`;
		case 'note':
			return `note${hit.author === undefined ? '' : ` of ${hit.author}`}: ${hit.text.trim()}`;
	}
}

async function textHits(lookup: Lookup, wanted: string, { start, end }: Range): Promise<Hit[]> {
	const { sentences, latent } = lookup.outline;
	const thoughts = latent?.thoughts.slice(start, end) ?? [];
	const readout = latent && (await lookup.readout(latent, thoughts.map(({ producedAt }) => producedAt)));
	const has = (text: string) => folded(text).includes(wanted);
	return Array.from({ length: end - start }, (_, i) => start + i).flatMap((row): Hit[] => {
		const sentence = sentences[row];
		const thought = thoughts[row - start];
		const written: Hit[] = sentence && has(sentence.text) ? [{ row, kind: 'sentence', step: sentence.steps[0]!, text: sentence.text }] : [];
		if (!thought || !readout?.has(thought.producedAt)) {
			return written;
		}
		const read = lookup.sites.flatMap((layer) =>
			readout.ranked(thought.producedAt, layer, RANKS).flatMap(({ id, prob }, rank) => (has(lookup.text(id)) || has(lookup.word(id)) ? [{ layer, rank: rank + 1, text: lookup.word(id), prob }] : [])),
		);
		const [best] = read.sort((a, b) => a.rank - b.rank || a.layer - b.layer);
		return best ? [...written, { row, kind: 'thought', ...best }] : written;
	});
}

function noteHits({ outline }: Lookup, wanted: string, notes: readonly Note[]): Hit[] {
	return noted(outline, notes).placed.flatMap(({ row, note: { text, author } }): Hit[] =>
		folded(text).includes(wanted) ? [{ row, kind: 'note', text, ...(author === undefined ? {} : { author }) }] : [],
	);
}

async function probeHits(lookup: Lookup, { name, above }: Extract<Query, { kind: 'probe' }>, { start, end }: Range): Promise<Hit[]> {
	const places = lookup.placesOf(lookup.document.probes.find((probe) => probe.name === name)!);
	const positions = places?.positions.slice(start, end) ?? [];
	const scores = places && (await lookup.floats(places.arm, probePlane(name), positions));
	return positions.flatMap((position, i): Hit[] => {
		const layers = [...(scores!(position) ?? [])].map((score, layer) => ({ score, layer })).filter(({ score }) => score > above);
		const [best] = layers.sort((a, b) => b.score - a.score);
		return best ? [{ row: start + i, kind: 'probe', ...best }] : [];
	});
}

function folded(text: string): string {
	return text.toLowerCase().replace(/\s+/g, ' ').trim();
}
