/** Loops × tokens, of a model that loops over depth: what it would say after each loop at each position, and when it halts. */
import type { DepthView, LoopMeasure, LoopRow } from '../shared/panel';
import { clamp, type Range } from '../shared/range';
import type { ArmRecord, DepthRecord, HaltRule, TraceDocument } from '../trace/document';
import type { PlaneName } from '../trace/planes';
import type { Lookup } from './lookup';
import { printable } from './text';

/** Ranked words of a cell that are sent: as many as a tooltip shows. */
const TOP = 5;
/** KL at which its colours end, in nats: beyond it a reading has next to nothing of the last one's. */
const FAR = 5;

const WHY: { readonly [R in HaltRule]: string } = {
	difference: 'its state moved too little',
	kl: 'what it would say changed too little',
	entropy: 'it was sure enough',
	gate: 'its gate said so',
};

const PLANES: readonly [LoopMeasure['name'], PlaneName][] = [
	['entropy', 'lens.entropy'],
	['kl', 'lens.kl_final'],
	['difference', 'loops.difference'],
	['gate', 'loops.gate'],
];

/** Undefined where the model does not loop. */
export function depthView({ model, arms }: TraceDocument, labelOf: (arm: string) => string): DepthView | undefined {
	const { depth } = model;
	if (!depth) {
		return undefined;
	}
	return {
		prelude: depth.prelude,
		loops: depth.loops,
		arms: arms.map((arm) => ({ name: arm.name, label: labelOf(arm.name), tokens: arm.steps.length, answer: answerOf(arm), summary: summaryOf(arm) })),
		measures: measures(model.vocabulary, model.recipe),
	};
}

function summaryOf({ steps }: ArmRecord): string | undefined {
	const loops = steps.flatMap(({ halted }) => (halted ? [halted.loop] : []));
	const mean = loops.reduce((sum, loop) => sum + loop, 0) / loops.length;
	return loops.length > 0 ? `${loops.length} of ${steps.length} positions halted, after ${mean.toFixed(1)} loops on average` : undefined;
}

function answerOf({ steps }: ArmRecord): number | undefined {
	const at = steps.findIndex(({ kind }) => kind === 'answer');
	// What is said there was read one position before.
	return at > 0 ? at - 1 : undefined;
}

function measures(vocabulary: number, recipe: unknown): LoopMeasure[] {
	const lens = 'By the coda lens: the coda from the state after the loop, then final norm and unembedding, as if this position alone halted there.';
	const stop = (recipe as { depth?: { stop?: { rule?: unknown }[] } } | undefined)?.depth?.stop;
	const gated = Array.isArray(stop) && stop.some((one) => one?.rule === 'gate');
	return [
		{ name: 'entropy', label: 'entropy', unit: 'nats', domain: [0, Math.log(Math.max(2, vocabulary))], definition: `Entropy of the next token, in nats. ${lens}` },
		{ name: 'kl', label: 'KL to the last', unit: 'nats', domain: [0, FAR], definition: `KL(what the model says in the end || what it would say after the loop), in nats. ${lens}` },
		{ name: 'difference', label: 'movement', unit: '', domain: [0, 1], definition: 'How far the loop moved the state, over the norm of what it became: ‖sᵢ − sᵢ₋₁‖ / ‖sᵢ‖. The first loop moves it from its start state.' },
		...(gated ? [{ name: 'gate' as const, label: 'gate', unit: '', domain: [0, 1] as [number, number], definition: 'What the core’s learnt gate said after the loop, 0..1.' }] : []),
	];
}

export async function loopRows(lookup: Lookup, name: string, { start, end }: Range): Promise<LoopRow[]> {
	const { document } = lookup;
	const { depth } = document.model;
	const arm = document.arms.find((one) => one.name === name);
	const positions = Array.from({ length: clamp(end, start, arm?.steps.length ?? 0) - start }, (_, i) => start + i);
	if (!arm || !depth || positions.length === 0) {
		return [];
	}
	const [readout, ...planes] = await Promise.all([
		lookup.readout(arm, positions),
		...PLANES.map(async ([measure, plane]) => [measure, await lookup.floats(arm, plane, positions)] as const),
	]);
	const sites = Array.from({ length: depth.loops }, (_, i) => depth.prelude + 1 + i);
	return positions.map((position): LoopRow => {
		const { id, kind, halted } = arm.steps[position]!;
		const values = planes.flatMap(([measure, of]) => {
			const own = of(position);
			return own ? [[measure, ofLoops(own, depth)] as const] : [];
		});
		return {
			text: kind === 'latent' ? '⟨thought⟩' : printable(lookup.text(id)),
			kind,
			...(halted ? { halted: { why: WHY[halted.rule], loop: halted.loop } } : {}),
			values: Object.fromEntries(values),
			top: sites.map((site, i) =>
				!readout?.has(position) || (halted && i + 1 > halted.loop)
					? []
					: readout.ranked(position, site, TOP).map((one) => ({ text: lookup.word(one.id), prob: one.prob })),
			),
		};
	});
}

/** A copy, so that a message does not ship the whole plane. */
function ofLoops(sites: Float32Array, { prelude, loops }: DepthRecord): Float32Array {
	return sites.slice(prelude + 1, prelude + 1 + loops);
}
