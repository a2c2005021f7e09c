/**
 * The tensors of a trace. `T` positions of an arm, `L + 1` sites, `k` top tokens, `K` thoughts, width `d`, width `w` of
 * latents. Names are part of the file format: `<arm>/<plane>`.
 */
import type { Range } from '../shared/range';
import type { TraceDocument } from './document';

export type DType = 'F16' | 'F32' | 'I32' | 'U8';

export interface PlaneSpec {
	dtype: DType;
	/** Axes after the first one (`T`, or `K` for `perThought`). */
	axes: readonly ('site' | 'top' | 'width' | 'latent' | 'code' | 'percentile')[];
	perThought?: true;
	/** Drawn on a scale around 0. */
	diverging?: true;
	definition: string;
}

/** Every plane but the probes', whose names hold the probe's. */
export const PLANES = {
	'tokens.id': { dtype: 'I32', axes: [], definition: 'Token fed at the position; -1 where a latent was fed.' },
	'tokens.logprob': { dtype: 'F32', axes: [], definition: 'Natural log of the probability that the model gave to this token at the position before; NaN where there is none.' },
	'tokens.topk_id': { dtype: 'I32', axes: ['top'], definition: 'The likeliest tokens in the place of this one, as an imported source gives them, likeliest first; -1 where it gives fewer.' },
	'tokens.topk_logprob': { dtype: 'F32', axes: ['top'], definition: 'Natural logs of their probabilities, as the source gives them; NaN where it gives fewer.' },
	'hidden.resid': { dtype: 'F16', axes: ['site', 'width'], definition: 'Residual stream: site 0 before the first block, site l after block l, before the final norm.' },
	'lens.topk_id': { dtype: 'I32', axes: ['site', 'top'], definition: 'Logit lens: tokens of the k highest logits of unembedding(final norm(residual stream)). After a loop over depth the coda lens: of unembedding(final norm(where the coda ends)), if the position alone halted there; -1 where it has halted before.' },
	'lens.topk_logit': { dtype: 'F32', axes: ['site', 'top'], definition: 'Their logits. Log-probability is logit - lse.' },
	'lens.lse': { dtype: 'F32', axes: ['site'], definition: 'Log-sum-exp of all logits.' },
	'lens.entropy': { dtype: 'F32', axes: ['site'], definition: 'Entropy of the softmax, in nats.' },
	'lens.kl_final': { dtype: 'F32', axes: ['site'], definition: 'KL(last site || this site), in nats.' },
	'loops.difference': { dtype: 'F32', axes: ['site'], definition: 'After a loop over depth: how far the state has moved, over its norm; NaN at other sites and where the position has halted.' },
	'loops.gate': { dtype: 'F32', axes: ['site'], definition: "What the core's gate said after the loop, 0..1; NaN as above." },
	'latent.vec': { dtype: 'F32', axes: ['latent'], perThought: true, definition: 'Thought i: the vector that was fed back, or what the thought graph tells from it as the latent.' },
	'latent.embed': { dtype: 'F32', axes: ['width'], perThought: true, definition: 'The vector that was fed back, where it is not the thought itself and does not follow from it.' },
	'latent.topk_id': { dtype: 'I32', axes: ['top'], perThought: true, definition: 'Logit lens of the vector that was fed back: tokens of the k highest logits of unembedding(final norm(vector)). For recipes that decode there.' },
	'latent.topk_logit': { dtype: 'F32', axes: ['top'], perThought: true, definition: 'Their logits.' },
	'latent.lse': { dtype: 'F32', axes: [], perThought: true, definition: 'Log-sum-exp of all its logits.' },
	'latent.entropy': { dtype: 'F32', axes: [], perThought: true, definition: 'Entropy of its softmax, in nats.' },
	'neighbour.topk_id': { dtype: 'I32', axes: ['top'], perThought: true, definition: 'Tokens whose input embedding has the highest cosine with the vector that was fed back.' },
	'neighbour.topk_cosine': { dtype: 'F32', axes: ['top'], perThought: true, definition: 'Those cosines.' },
	'legibility.surprisal': { dtype: 'F32', axes: [], definition: 'Surprisal of a written token under the reference model, in bits; NaN elsewhere.' },
	'legibility.kl': { dtype: 'F32', axes: [], definition: 'KL(this model || the model that it was tuned from) of the distribution of a written token, in nats; NaN elsewhere.' },
} as const satisfies Record<string, PlaneSpec>;

export type PlaneName = keyof typeof PLANES | `probe.${string}.score` | `code.${string}.id` | `code.${string}.distance` | `ood.${string}` | `causal.${string}.effect`;

/** Probe scores: F32 [T, L+1] in 0..1, NaN where the probe was not trained to be read. */
export const PROBE_PLANE: PlaneSpec = { dtype: 'F32', axes: ['site'], definition: 'Score of a linear probe; not a calibrated probability.' };

export function probePlane(probe: string): PlaneName {
	return `probe.${probe}.score`;
}

/** Out-of-distribution measures of the vectors that were fed back: F32 [K, 3]. */
const OOD_PLANE: PlaneSpec = {
	dtype: 'F32',
	axes: ['percentile'],
	perThought: true,
	definition: 'The measure, its percentile among token embeddings, and among states of text; NaN where not measured.',
};

/** Effect of changing a thought: F32 [K]. */
const EFFECT_PLANE: PlaneSpec = {
	dtype: 'F32',
	axes: [],
	perThought: true,
	definition: "Δ log-odds of the unchanged answer when the thought is changed and the later ones are recomputed, in nats; NaN where not measured.",
};

/** Effect of patching the residual stream where a thought is fed: F32 [K, L+1]. */
const PATCH_PLANE: PlaneSpec = { ...EFFECT_PLANE, axes: ['site'], diverging: true };

/** Codes that the thought's part is nearest to, nearest first: I32 and F32 [K, k]. */
const CODE_ID_PLANE: PlaneSpec = { dtype: 'I32', axes: ['code'], perThought: true, definition: 'The part\'s codes, nearest first, as numbers of the classes that the model names.' };
const CODE_DISTANCE_PLANE: PlaneSpec = { dtype: 'F32', axes: ['code'], perThought: true, definition: 'Their Euclidean distances from the part of the thought.' };

/** Planes whose names hold the name of a probe, a measure or a test: the first pattern that matches. */
const NAMED_PLANES: readonly [RegExp, PlaneSpec][] = [
	[/^probe\..+\.score$/s, PROBE_PLANE],
	[/^ood\..+$/s, OOD_PLANE],
	[/^code\..+\.id$/s, CODE_ID_PLANE],
	[/^code\..+\.distance$/s, CODE_DISTANCE_PLANE],
	[/^causal\.patch(-.+)?\.effect$/s, PATCH_PLANE],
	[/^causal\..+\.effect$/s, EFFECT_PLANE],
];

/** `test` with its form, if it has one: `causal.snap-1-rescaled.effect`. */
export function effectPlane(test: string, form?: string): PlaneName {
	return `causal.${form === undefined ? test : `${test}-${form}`}.effect`;
}

export function planeSpec(name: PlaneName): PlaneSpec | undefined {
	return Object.hasOwn(PLANES, name) ? PLANES[name as keyof typeof PLANES] : NAMED_PLANES.find(([pattern]) => pattern.test(name))?.[1];
}

/** Rows [start, end) of a plane, flattened row-major. F16 stays as its bits: a Float16Array does not cross every message channel. */
export type PlaneData = Float32Array | Int32Array | Uint16Array | Uint8Array;

/** One tensor to be written, in pieces that together fill its shape, row-major. */
export interface TensorInput {
	/** `<arm>/<plane>`. */
	name: string;
	dtype: DType;
	shape: number[];
	chunks: Iterable<PlaneData> | AsyncIterable<PlaneData>;
}

/**
 * Anything that has a document and can serve rows of its planes: a run in progress, or a file.
 * `read` resolves to undefined where the arm has no such plane (yet), and to fewer rows than asked where there are fewer.
 */
export interface TraceSource {
	readonly document: TraceDocument;
	read(arm: string, plane: PlaneName, rows: Range): Promise<PlaneData | undefined>;
	dispose(): void;
}
