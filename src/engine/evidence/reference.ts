/** The prompts that evidence compares with, and what an arm does on them. */
import type { RunOptions } from '../../trace/document';
import type { EvidenceParams, NamedPrompt } from '../api';
import type { ArmPlan } from '../run/arm';
import { sha256 } from '../model/folder';
import type { Model } from '../model/model';

/** As many as a bundled set has, with room; intervals of more are hardly narrower, and every prompt is run on three models. */
const MAX_PROMPTS = 200;
/**
 * Seconds of the cost model for the reference prompts of one model, which are about a tenth as long on a core of today. A larger
 * model runs fewer prompts.
 */
const BUDGET = 600;

export interface ReferenceSet {
	name: string;
	sha256: string;
	prompts: readonly string[];
}

/** What the caller gave, else the model's own; undefined where there is neither. */
export function referenceSet({ reference }: EvidenceParams, model: Model): ReferenceSet | undefined {
	const own = model.reference?.map(({ question }) => question);
	const found = reference ?? (own && { name: model.manifest.reference!.name, prompts: own });
	if (!found || found.prompts.length === 0) {
		return undefined;
	}
	const prompts = [...new Set(found.prompts)].slice(0, MAX_PROMPTS);
	return { name: found.name, sha256: sha256(JSON.stringify(prompts)), prompts };
}

/**
 * The set's first prompts that a model runs `times` times within the budget, with the prompt itself read once; those that its context
 * cannot hold are left out by whoever runs them.
 */
export function affordable({ prompts }: ReferenceSet, model: Model, plan: ArmPlan, times: number): NamedPrompt[] {
	const { cost, manifest, tokenizer } = model;
	const { context } = manifest.shape;
	const steps = plan.segments.reduce((sum, segment) => sum + (segment.kind === 'latent' ? segment.count : 1), 0);
	let left = BUDGET;
	const kept: NamedPrompt[] = [];
	for (const [i, text] of prompts.entries()) {
		left -= cost.seconds(tokenizer.encode(text).ids.length, 0, false) + times * steps * cost.seconds(1, context, false);
		if (left < 0) {
			break;
		}
		kept.push({ name: `reference ${i}`, text });
	}
	return kept;
}

/** How runs of a plan differ beside the prompt; part of every key of what is kept. */
export function settingsOf(plan: ArmPlan, { seed }: Pick<RunOptions, 'seed'>): Record<string, unknown> {
	const segments = plan.segments.map((segment) => (segment.kind === 'decode' ? { ...segment, stop: [...segment.stop] } : segment));
	return { arm: plan.name, before: plan.before, segments, seed };
}
