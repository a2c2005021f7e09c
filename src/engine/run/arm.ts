/** An arm's recipe, resolved against a vocabulary and a run's options: what will be fed and decoded, and whether that fits. */
import type { RunOptions } from '../../trace/document';
import { EngineError, quoted } from '../error';
import type { Recipe } from '../model/manifest';
import type { LatentSegment, RecipeSegment } from '../model/recipeSchema';
import { sourceOf } from '../thinking/sources';
import type { Feedback, StopRule, ThoughtStep } from '../thinking/step';

/** What happens after the prompt. */
export type Segment =
	| { kind: 'tokens'; ids: number[] }
	| { kind: 'decode'; role: 'thought' | 'answer'; stop: ReadonlySet<number>; limit: number; atLimit?: 'go-on' }
	| Thinks;

/** `count`: thoughts, at most where there are rules. */
export type Thinks = ThoughtStep & { kind: 'latent'; count: number; stop?: StopRule[] };

/** Options that a plan depends on. `noise`: the scale of the thoughts' noise, in the place of the recipe's. */
export type PlanOptions = Pick<RunOptions, 'latents' | 'maxTokens' | 'noise'>;

export interface ArmPlan {
	name: string;
	/** Fed before the prompt. */
	before: number[];
	segments: Segment[];
	/** What is fed back, in words; absent where there are no latents. */
	feedback?: string;
	/** Positions besides the prompt's that are fed whatever is decoded. */
	fixed: number;
}

/** Thoughts of an arm that the model was trained to think; a mixture of tokens asks for no training, so none of them is spare. */
export function trainedLatentsOf({ segments }: Pick<ArmPlan, 'segments'>, { trainedLatents }: Pick<Recipe, 'trainedLatents'>): number {
	return segments.some((segment) => segment.kind === 'latent' && segment.feedback.site === 'mixture') ? 0 : trainedLatents;
}

/** Whether it feeds states back to a model that was never trained on them. */
export function isUntrained({ segments }: Pick<ArmPlan, 'segments'>, { trainedLatents }: Pick<Recipe, 'trainedLatents'>): boolean {
	return trainedLatents === 0 && segments.some((segment) => segment.kind === 'latent' && (segment.feedback.site === 'normed' || segment.feedback.site === 'resid'));
}

/** Arms in the order asked for, all of the recipe's where `wanted` is absent. */
export function planArms(
	recipe: Recipe,
	wanted: readonly string[] | undefined,
	options: PlanOptions,
	idOf: (token: string) => number | undefined,
): ArmPlan[] {
	const names = [...new Set(wanted ?? Object.keys(recipe.arms))];
	return names.map((name) => {
		if (!Object.hasOwn(recipe.arms, name)) {
			throw new EngineError(
				`This model has no arm ${quoted(name)}: choose from ${Object.keys(recipe.arms).join(', ')}.`,
				'bad-request',
			);
		}
		return planArm(name, recipe.arms[name]!, options, idOf);
	});
}

function planArm(
	name: string,
	segments: readonly RecipeSegment[],
	{ latents, maxTokens, noise }: PlanOptions,
	idOf: (token: string) => number | undefined,
): ArmPlan {
	const id = (token: string) => {
		const found = idOf(token);
		if (found === undefined) {
			throw new EngineError(
				`The recipe's arm ${name} uses ${quoted(token)}, which the tokenizer does not have: correct one of the two.`,
				'bad-model',
			);
		}
		return found;
	};
	const plan: ArmPlan = { name, before: [], segments: [], fixed: 0 };
	let started = false;
	for (const segment of segments) {
		switch (segment.kind) {
			case 'prompt':
				started = true;
				break;
			case 'tokens': {
				const ids = segment.tokens.map(id);
				plan.fixed += ids.length;
				if (started) {
					plan.segments.push({ kind: 'tokens', ids });
				} else {
					plan.before.push(...ids);
				}
				break;
			}
			case 'decode':
				plan.segments.push({
					kind: 'decode',
					role: segment.role,
					stop: new Set(segment.stop.map(id)),
					limit: maxTokens ?? segment.limit,
					...(segment.atLimit ? { atLimit: segment.atLimit } : {}),
				});
				break;
			case 'latent': {
				const thinks = resolved(segment, id, { latents, noise });
				plan.segments.push(thinks);
				// What may stop early is cut where the context ends.
				plan.fixed += thinks.stop ? 0 : thinks.count;
				plan.feedback = sourceOf(thinks.feedback).inWords(thinks.feedback, textsOf(segment));
				break;
			}
		}
	}
	return plan;
}

function resolved(
	{ kind, count, feedback, through, noise, state, stop, decode }: LatentSegment,
	id: (token: string) => number,
	options: Pick<PlanOptions, 'latents' | 'noise'>,
): Thinks {
	return {
		kind,
		count: options.latents ?? count,
		feedback: resolvedFeedback(feedback, id),
		...(through === undefined ? {} : { through }),
		...(noise ? { noise: options.noise === undefined ? noise : { ...noise, scale: options.noise } } : {}),
		...(state ? { state } : {}),
		...(decode ? { decode } : {}),
		...(stop ? { stop: stop.map((rule) => (rule.rule === 'token' ? { rule: rule.rule, ids: rule.tokens.map(id) } : rule)) } : {}),
	};
}

function resolvedFeedback(feedback: LatentSegment['feedback'], id: (token: string) => number): Feedback {
	switch (feedback.site) {
		case 'token':
			return { site: 'token', id: id(feedback.token) };
		case 'tokens':
			return { site: 'tokens', ids: feedback.tokens.map(id) };
		default:
			return feedback;
	}
}

/** Of the tokens that are fed back. */
function textsOf({ feedback }: LatentSegment): string[] {
	return feedback.site === 'token' ? [feedback.token] : feedback.site === 'tokens' ? feedback.tokens : [];
}

/** What is fed before a prompt: nothing where the prompt begins so itself, as one does that a chat template has written. */
export function leadOf({ before }: Pick<ArmPlan, 'before'>, ids: readonly number[]): readonly number[] {
	return before.every((id, i) => ids[i] === id) ? [] : before;
}

/** Fails where the arm cannot even begin to answer inside the context. Decoding that runs into its end is cut instead. */
export function checkFits(plan: ArmPlan, prompt: readonly number[], context: number): void {
	if (prompt.length === 0) {
		throw new EngineError('The prompt is empty: write a question first.', 'bad-request');
	}
	const decodes = plan.segments.some((segment) => segment.kind === 'decode') ? 1 : 0;
	const needed = leadOf(plan, prompt).length + prompt.length + plan.fixed - plan.before.length + decodes;
	if (needed > context) {
		const latents = plan.segments.reduce((sum, segment) => sum + (segment.kind === 'latent' ? segment.count : 0), 0);
		const parts = `the prompt's ${prompt.length} tokens${latents > 0 ? ` and ${latents} thoughts` : ''}`;
		const advice = `shorten the prompt${latents > 0 ? ' or ask for fewer latents' : ''}`;
		throw new EngineError(
			`Arm ${plan.name} needs ${needed} positions for ${parts}, and the model's context has ${context}: ${advice}.`,
			'bad-request',
		);
	}
}
