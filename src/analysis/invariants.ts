/** What must hold of any run with thoughts, checked on its own readouts. */
import type { ArmRecord } from '../trace/document';
import type { TraceSource } from '../trace/planes';

/**
 * Largest absolute difference between the logits at the position before a thought is fed and what a tied unembedding makes of the
 * vector that was fed: logit_v = ‖E_v‖ ‖z‖ cos(z, E_v). Cosines come from the input embeddings, logits from the head, which share
 * nothing on their way; the unknown norm ‖E_v‖ is taken from the thought where its factor is largest, and tested on the others.
 * Undefined where fewer than two thoughts have readouts. It is large where the embeddings are not tied, or where something else is fed than what is
 * unembedded.
 */
export async function unembeddingDifference(source: TraceSource, arm: ArmRecord): Promise<number | undefined> {
	const sites = source.document.model.layers + 1;
	const cells = new Map<number, { logit: number; scale: number }[]>();
	for (const [i, { producedAt }] of arm.thoughts.entries()) {
		const [logits, cosines, vector] = [
			await ranked(source, arm, ['lens.topk_id', 'lens.topk_logit'], producedAt, sites),
			await ranked(source, arm, ['neighbour.topk_id', 'neighbour.topk_cosine'], i, 1),
			await source.read(arm.name, 'latent.vec', { start: i, end: i + 1 }),
		];
		if (!logits || !cosines || !vector || vector.length === 0) {
			return undefined;
		}
		const length = Math.hypot(...vector);
		for (const [id, logit] of logits) {
			const cosine = cosines.get(id);
			if (cosine !== undefined) {
				cells.set(id, [...(cells.get(id) ?? []), { logit, scale: length * cosine }]);
			}
		}
	}
	const tested = [...cells.values()].filter((values) => values.length > 1);
	const differences = tested.map((values) => {
		const { logit, scale } = values.reduce((most, one) => (Math.abs(one.scale) > Math.abs(most.scale) ? one : most));
		return Math.max(...values.map((one) => Math.abs(one.logit - (logit / scale) * one.scale)));
	});
	return differences.length === 0 ? undefined : Math.max(...differences);
}

type Planes = ['lens.topk_id', 'lens.topk_logit'] | ['neighbour.topk_id', 'neighbour.topk_cosine'];

/** Values by token, of the last of `sites` cells of a row. */
async function ranked(source: TraceSource, { name }: ArmRecord, [ids, values]: Planes, row: number, sites: number) {
	const rows = { start: row, end: row + 1 };
	const [tokens, numbers] = [await source.read(name, ids, rows), await source.read(name, values, rows)];
	if (!tokens || !numbers || tokens.length === 0 || tokens.length !== numbers.length) {
		return undefined;
	}
	const k = tokens.length / sites;
	return new Map(Array.from({ length: k }, (_, i) => [tokens[tokens.length - k + i]!, numbers[numbers.length - k + i]!]));
}
