/** An arm's recipe, resolved against a vocabulary and a run's options: what will be fed and decoded, and whether that fits. */
import type { RunOptions } from '../trace/document';
import { EngineError, quoted } from './error';
import type { Recipe, RecipeSegment } from './manifest';

export type Feedback = { site: 'normed' } | { site: 'resid' } | { site: 'token'; id: number } | { site: 'mixture'; top: number };

/** What happens after the prompt. */
export type Segment =
	| { kind: 'tokens'; ids: number[] }
	| { kind: 'decode'; role: 'thought' | 'answer'; stop: ReadonlySet<number>; limit: number; atLimit?: 'go-on' }
	| { kind: 'latent'; count: number; feedback: Feedback };

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

/** Arms in the order asked for, all of the recipe's where `wanted` is absent. */
export function planArms(
	recipe: Recipe,
	wanted: readonly string[] | undefined,
	options: Pick<RunOptions, 'latents' | 'maxTokens'>,
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
	{ latents, maxTokens }: Pick<RunOptions, 'latents' | 'maxTokens'>,
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
				const count = latents ?? segment.count;
				const feedback: Feedback =
					segment.feedback.site === 'token' ? { site: 'token', id: id(segment.feedback.token) } : segment.feedback;
				plan.segments.push({ kind: 'latent', count, feedback });
				plan.fixed += count;
				plan.feedback = inWords(segment.feedback);
				break;
			}
		}
	}
	return plan;
}

function inWords(feedback: Extract<RecipeSegment, { kind: 'latent' }>['feedback']): string {
	switch (feedback.site) {
		case 'normed':
			return 'state after the final norm';
		case 'resid':
			return 'state before the final norm';
		case 'token':
			return `embedding of ${feedback.token}`;
		case 'mixture':
			return `mixture of the ${feedback.top} likeliest tokens' embeddings`;
	}
}

/** Fails where the arm cannot even begin to answer inside the context. Decoding that runs into its end is cut instead. */
export function checkFits(plan: ArmPlan, promptTokens: number, context: number): void {
	if (promptTokens === 0) {
		throw new EngineError('The prompt is empty: write a question first.', 'bad-request');
	}
	const decodes = plan.segments.some((segment) => segment.kind === 'decode') ? 1 : 0;
	const needed = promptTokens + plan.fixed + decodes;
	if (needed > context) {
		const latents = plan.segments.reduce((sum, segment) => sum + (segment.kind === 'latent' ? segment.count : 0), 0);
		const parts = `the prompt's ${promptTokens} tokens${latents > 0 ? ` and ${latents} thoughts` : ''}`;
		const advice = `shorten the prompt${latents > 0 ? ' or ask for fewer latents' : ''}`;
		throw new EngineError(
			`Arm ${plan.name} needs ${needed} positions for ${parts}, and the model's context has ${context}: ${advice}.`,
			'bad-request',
		);
	}
}
