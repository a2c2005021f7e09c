/** Reads what models give to a sequence that is already written ("teacher forcing"): in chunks, with no readout but the last site's. */
import { divergence, logSoftmax } from '../../analysis/effect';
import { MAX_ROWS } from '../model/head';
import type { Model } from '../model/model';

/** Logits of one model in memory at once: 16 MiB. */
const MAX_LOGITS = 1 << 22;

export interface Sequence {
	ids: readonly number[];
	/** Whose probabilities are asked for: ascending, none of them 0, which nothing precedes. */
	positions: readonly number[];
	signal: AbortSignal;
	/** Before each piece of work, with an estimate of its seconds. */
	tick(seconds: number): void;
}

/** ln p of the tokens at the positions. */
export async function logprobs(model: Model, sequence: Sequence): Promise<number[]> {
	const out: number[] = [];
	await follow([model], sequence, MAX_ROWS, async ([states], positions) => {
		const { targetLogit, lse } = await model.head.read(states!, 1, positions.map((position) => sequence.ids[position]!), 1);
		positions.forEach((_, i) => out.push(targetLogit[i]! - lse[i]!));
	});
	return out;
}

/** KL(model || base) at the positions, nats. Both models have the same vocabulary. */
export async function divergences(model: Model, base: Model, sequence: Sequence): Promise<number[]> {
	const { vocabulary } = model.manifest.shape;
	const out: number[] = [];
	await follow([model, base], sequence, rowsOf(vocabulary), async ([own, other], positions) => {
		const [p, q] = [await model.head.logits(own!), await base.head.logits(other!)];
		positions.forEach((_, i) => {
			const row = (logits: Float32Array) => logSoftmax(logits.subarray(i * vocabulary, (i + 1) * vocabulary));
			out.push(divergence(row(p), row(q)));
		});
	});
	return out;
}

function rowsOf(vocabulary: number): number {
	return Math.max(1, Math.min(MAX_ROWS, Math.floor(MAX_LOGITS / vocabulary)));
}

/** Feeds the sequence to all models side by side. `read`: of each, states [positions, width] before the final norm, one position before those asked for. */
async function follow(
	models: readonly Model[],
	{ ids, positions, signal, tick }: Sequence,
	rows: number,
	read: (states: Float32Array[], positions: number[]) => Promise<void>,
): Promise<void> {
	const caches = models.map(({ body }) => body.empty);
	const chunk = Math.min(...models.map(({ cost }) => cost.chunk));
	const end = positions.at(-1) ?? 0;
	for (let start = 0; start < end; start += chunk) {
		const fed = ids.slice(start, Math.min(end, start + chunk));
		const asked = positions.filter((position) => position > start && position <= start + fed.length);
		const last: Float32Array[] = [];
		for (const [i, { body, cost }] of models.entries()) {
			signal.throwIfAborted();
			tick(cost.seconds(fed.length, start, true));
			const { resid, cache } = await body.forward({ ids: fed }, caches[i]!);
			caches[i] = cache;
			last.push(resid.at(-1)!);
		}
		for (let at = 0; at < asked.length; at += rows) {
			signal.throwIfAborted();
			const part = asked.slice(at, at + rows);
			await read(
				last.map((states, i) => gathered(states, models[i]!.manifest.shape.width, part.map((position) => position - 1 - start))),
				part,
			);
		}
	}
}

function gathered(states: Float32Array, width: number, rows: readonly number[]): Float32Array {
	const out = new Float32Array(rows.length * width);
	rows.forEach((row, i) => out.set(states.subarray(row * width, (row + 1) * width), i * width));
	return out;
}
