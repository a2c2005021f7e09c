/** One thought by itself: what sets it apart, how it was made, and what was fed back. */
import type { Details, MadeView, ThoughtView } from '../shared/panel';
import type { ArmRecord, Thought, TraceDocument } from '../trace/document';
import type { PlaneName } from '../trace/planes';
import { halted } from './halt';
import { idleReason } from './idle';
import { norm, probability } from './lens';
import type { Lookup } from './lookup';
import { latentSegments } from './recorded';
import { printable } from './text';

export function marksOf({ document, evidence }: Lookup, arm: ArmRecord, { index, spare, gate, readout }: Thought) {
	return {
		spare: spare && printable(spare),
		idle: idleReason(evidence?.testsOf(arm.name, index) ?? []),
		halted: halted(arm, index, document.model.recipe),
		gate,
		readout: readout === undefined ? undefined : printable(readout),
	} satisfies Partial<ThoughtView>;
}

export async function madeOf(lookup: Lookup, arm: ArmRecord, thought: Thought): Promise<MadeView> {
	const { model } = lookup.document;
	return {
		...marksOf(lookup, arm, thought),
		...makingOf(lookup.document, arm),
		width: arm.latentWidth ?? model.width,
		modelWidth: model.width,
		fed: await fedLens(lookup, arm, thought.index),
	};
}

/** How an arm makes all of its thoughts. */
export function makingOf({ model, options, origin }: TraceDocument, { name, feedback }: ArmRecord): Pick<MadeView, 'from' | 'through' | 'noise'> {
	const segments = latentSegments(model.recipe, name);
	const noise = segments.find((one) => one.noise)?.noise;
	return {
		from: feedback && printable(feedback),
		through: segments.some(({ through = 'identity' }) => through !== 'identity'),
		noise: noise && !origin ? { scale: options.noise ?? noise.scale ?? 1, own: options.noise === undefined, seed: options.seed } : undefined,
	};
}

/** The vector that was fed back as a thought: its norm and the embeddings nearest to it. */
export async function fedOf(lookup: Lookup, arm: ArmRecord, thought: number): Promise<{ neighbours: Details['neighbours']; norm?: number }> {
	const [ids, cosines, vector] = await read(lookup, arm, thought, 'neighbour.topk_id', 'neighbour.topk_cosine', 'latent.vec');
	const texts = lookup.words([...(ids ?? [])]);
	const neighbours = cosines ? texts.map((text, i) => ({ text, cosine: cosines[i]! })) : [];
	return { neighbours, norm: vector instanceof Float32Array && vector.length > 0 ? norm(vector) : undefined };
}

/** Undefined where the recipe does not decode there. */
async function fedLens(lookup: Lookup, arm: ArmRecord, thought: number): Promise<MadeView['fed']> {
	const [ids, logits, lse, entropy] = await read(lookup, arm, thought, 'latent.topk_id', 'latent.topk_logit', 'latent.lse', 'latent.entropy');
	if (!ids?.length || !logits?.length || !lse?.length || !entropy?.length) {
		return undefined;
	}
	const texts = lookup.words([...ids]);
	return { top: texts.map((text, i) => ({ text, prob: probability(logits[i]!, lse[0]!) })), entropy: entropy[0]! };
}

function read({ source }: Lookup, arm: ArmRecord, thought: number, ...planes: PlaneName[]) {
	return Promise.all(planes.map((name) => source.read(arm.name, name, { start: thought, end: thought + 1 })));
}
