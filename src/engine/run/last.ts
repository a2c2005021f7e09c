/** What the last position that was fed says. What nobody asks for is not computed: a latent step needs no vocabulary. */
import type { Model } from '../model/model';

/** Of the next token. */
export interface Next {
	/** Likeliest token, its logit, and the log-sum-exp of all logits. */
	id: number;
	logit: number;
	lse: number;
	/** Nats. */
	entropy: number;
}

export interface Last {
	/** Residual streams of all sites [sites, width]. */
	readonly resid: Float32Array;
	/** State after the final norm [width]. */
	normed(): Promise<Float32Array>;
	next(): Promise<Next>;
	/** Of the next token [vocabulary]. */
	logits(): Promise<Float32Array>;
}

/** Each is computed when it is first asked for. `known`: what has been computed. */
export function lastOf(model: Model, resid: Float32Array, known: { normed?: Float32Array; next?: Next; logits?: Float32Array } = {}): Last {
	const hidden = resid.subarray(model.manifest.shape.layers * model.manifest.shape.width);
	const once = <T>(value: T | undefined, compute: () => Promise<T>) => {
		let found: Promise<T> | undefined;
		return () => (found ??= value === undefined ? compute() : Promise.resolve(value));
	};
	return {
		resid,
		normed: once(known.normed, () => model.norm.of(hidden)),
		next: once(known.next, async () => {
			const { topIds, topLogits, lse, entropy } = await model.head.read(hidden, 1, [0], 1);
			return { id: topIds[0]!, logit: topLogits[0]!, lse: lse[0]!, entropy: entropy[0]! };
		}),
		logits: once(known.logits, () => model.head.logits(hidden)),
	};
}

/** Residual stream before the final norm [width]. */
export function lastSite({ resid }: Last, { manifest }: Model): Float32Array {
	return resid.subarray(manifest.shape.layers * manifest.shape.width);
}
