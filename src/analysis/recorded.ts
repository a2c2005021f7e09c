/** What a trace's record of the recipe says about how an arm thought. It is the manifest's, as it was, so nothing is taken for granted. */
import * as v from 'valibot';
import { ruleInWords } from './stopRules';

const number = v.optional(v.number());
const rule = v.object({ rule: v.picklist(['token', 'entropy', 'difference', 'kl', 'gate']), below: number, above: number, for: number });
const segment = v.object({
	kind: v.literal('latent'),
	/** `identity` where what is fed back is the state itself. */
	through: v.optional(v.string()),
	noise: v.optional(v.object({ scale: number })),
	stop: v.optional(v.array(rule)),
});

/** A latent segment, as far as it is understood. */
export type RecordedSegment = v.InferOutput<typeof segment>;

export function latentSegments(recipe: unknown, arm: string): RecordedSegment[] {
	return segmentsOf(recipe, arm).flatMap((one) => {
		const parsed = v.safeParse(segment, one);
		return parsed.success ? [parsed.output] : [];
	});
}

/** Whether an arm thinks in latents, and whether it writes thoughts. */
export function recordedKinds(recipe: unknown, arm: string): { thinks: boolean; writes: boolean } {
	const written = v.object({ kind: v.literal('decode'), role: v.literal('thought') });
	return { thinks: latentSegments(recipe, arm).length > 0, writes: segmentsOf(recipe, arm).some((one) => v.is(written, one)) };
}

/** The arm's rule of that name, in words that complete `because …`; its name alone where the record has no such rule. */
export function recordedRule(recipe: unknown, arm: string, name: string): string {
	const rules = latentSegments(recipe, arm).flatMap(({ stop = [] }) => stop);
	const found = rules.find(({ rule }) => rule === name);
	return found ? ruleInWords(found) : `the rule ${name} holds`;
}

function segmentsOf(recipe: unknown, arm: string): unknown[] {
	const found = v.safeParse(v.object({ arms: v.record(v.string(), v.array(v.unknown())) }), recipe);
	return found.success && Object.hasOwn(found.output.arms, arm) ? found.output.arms[arm]! : [];
}
