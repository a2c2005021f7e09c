/** The steps of an arm that are compared: its latent thoughts, then what it wrote, in sentences; of activations without text each position. */
import type { ArmRecord } from '../../trace/document';
import type { Lookup } from '../lookup';
import { recipeTokens, sentences, type Sentence } from '../sentences';

/** Of one arm: more steps are not compared, since every plane of theirs would be read and held. */
export const MAX_STEPS = 2_000;

export interface ComparedStep {
	kind: 'latent' | 'position' | Sentence['role'];
	/** What was written; of a position its number; of a latent the word that it reads as at the last site, empty where it was not read out. */
	text: string;
	/** The position whose readout says it: where a latent is produced, or before a sentence's first token (-1 where that is the first of all). */
	from: number;
	/** The position at which probes read it: where a latent is produced, or a sentence's last token. */
	at: number;
	/** Positions of a sentence's tokens; none of another step. */
	tokens: readonly number[];
	/** Which thought. */
	thought?: number;
}

/** The first `MAX_STEPS`, and how many there are. */
export async function stepsOf(lookup: Lookup, arm: ArmRecord): Promise<{ steps: ComparedStep[]; of: number }> {
	const written = sentences(arm, (id) => lookup.text(id), recipeTokens(lookup.document.model.recipe));
	if (written.length + arm.thoughts.length === 0) {
		return { steps: arm.steps.slice(0, MAX_STEPS).map((_, i) => ({ kind: 'position', text: `position ${i}`, from: i, at: i, tokens: [] })), of: arm.steps.length };
	}
	const thoughts = arm.thoughts.slice(0, MAX_STEPS);
	const readout = await lookup.readout(arm, thoughts.map(({ producedAt }) => producedAt));
	const read = (position: number) => {
		const [first] = readout?.has(position) ? readout.ranked(position, lookup.document.model.layers, 1) : [];
		return first ? lookup.text(first.id) : '';
	};
	const steps = [
		...thoughts.map(({ index, producedAt }): ComparedStep => ({ kind: 'latent', text: read(producedAt), from: producedAt, at: producedAt, tokens: [], thought: index })),
		...written.map(({ role, text, steps: tokens }): ComparedStep => ({ kind: role, text, from: tokens[0]! - 1, at: tokens.at(-1)!, tokens })),
	];
	return { steps: steps.slice(0, MAX_STEPS), of: arm.thoughts.length + written.length };
}
