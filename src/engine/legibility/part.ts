/** Legibility as a part of an analysis's evidence: of every arm that wrote a chain of thought. */
import { lexicon, type Lexicon } from '../../analysis/legibility';
import type { ArmRecord } from '../../trace/document';
import type { LegibilityRecord } from '../../trace/evidence';
import type { PlaneName } from '../../trace/planes';
import type { ProgressEvent } from '../api';
import type { Model } from '../model/model';
import { legibility } from './measure';
import { NO_PEERS, withPeers, type Lend, type PeerFolders } from './peers';

/** What the arms wrote, and under which models it is read. */
export interface Chains {
	model: Model;
	prompt: string;
	arms: readonly ArmRecord[];
	evidence: PeerFolders;
}

export interface Outlet {
	signal: AbortSignal;
	emit(event: ProgressEvent): void;
	/** A value for each position of an arm. */
	plane(arm: string, plane: PlaneName, values: Float32Array): void;
}

/** `skipped`: what could not be measured, one sentence each. */
export async function legibilityPart(
	{ model, prompt, arms, evidence }: Chains,
	lend: Lend,
	{ signal, emit, plane }: Outlet,
): Promise<{ records: LegibilityRecord[]; skipped: string[] }> {
	const words = referenceWords(model);
	return withPeers(model, evidence, lend, async (peers) => {
		const records: LegibilityRecord[] = [];
		const skipped = new Set(peers.skipped.filter((why) => why !== NO_PEERS));
		for (const arm of arms) {
			const tick = (seconds: number) => emit({ kind: 'progress', message: 'Reading the chain of thought', seconds });
			const found = await legibility(model, { prompt, arm, peers, lexicon: words, signal, tick });
			if (found) {
				records.push(found.record);
				found.planes.forEach(({ plane: name, values }) => plane(arm.name, name, values));
				found.skipped.forEach((why) => skipped.add(why));
			}
		}
		return { records, skipped: records.length === 0 ? [] : [...skipped] };
	});
}

/** The words of the model's reference set, questions and answers. */
export function referenceWords({ reference }: Model): Lexicon | undefined {
	return reference && lexicon(reference.flatMap(({ question, answer }) => [question, answer]));
}
