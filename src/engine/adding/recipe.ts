/** How a decoder that was not trained to think in latents is run: written thoughts, and the latent ones that need no training. */
import type { Manifest, ManifestFile, Recipe } from '../model/manifest';
import { propose, type Proposal, type Signs } from './proposal';
import { RECIPE_VERSION, type RecipeSegment } from '../model/recipeSchema';
import type { Tokenizer } from '../tokens/tokenizer';

/** What begins a written chain of thought (arXiv 2205.11916), and what ends it. */
const CHAIN_CUE = "\nLet's think step by step.";
const ANSWER_CUE = '\nThe answer is';
const CHAIN_LIMIT = 128;
const ANSWER_LIMIT = 32;
/** Of a readout whose end is not known: a step of a chain. */
const READOUT_LIMIT = 32;
const COCONUT_THOUGHTS = 4;
const SOFT_THOUGHTS = 8;
/** Tokens in a mixture, as the method's authors chose (arXiv 2505.15778). */
const SOFT_TOP = 10;

/** `stops`: ids that end a text; `signs`: what else is known of the model. `readout`: what a manifest says of one, should there be one. */
export function defaultRecipe(
	tokenizer: Tokenizer,
	stops: readonly number[],
	signs: Omit<Signs, 'has'>,
): { recipe: Recipe; readout: Omit<NonNullable<Manifest['files']['readout']>, keyof ManifestFile> } & Pick<Proposal, 'reasons' | 'undecided'> {
	const { latents, thought } = signs;
	const stop = stops.flatMap((id) => tokenizer.tokenOf(id) ?? []);
	const cue = (text: string): RecipeSegment[] => {
		const tokens = tokenizer.encode(text).ids.flatMap((id) => tokenizer.tokenOf(id) ?? []);
		return tokens.length > 0 ? [{ kind: 'tokens', tokens }] : [];
	};
	const { lead } = tokenizer;
	const prompt: RecipeSegment[] = [...(lead.length > 0 ? [{ kind: 'tokens' as const, tokens: lead }] : []), { kind: 'prompt' }];
	const answer: RecipeSegment = { kind: 'decode', role: 'answer', stop, limit: ANSWER_LIMIT, atLimit: 'go-on' };
	const { arms, trainedLatents, reasons, undecided, readoutStart } = propose({ ...signs, has: (token) => tokenizer.idOf(token) !== undefined }, { prompt, answer: [answer] });
	const recipe: Recipe = {
		...(thought ? { version: RECIPE_VERSION } : {}),
		trainedLatents,
		arms: {
			direct: [...prompt, answer],
			cot: [
				...prompt,
				...cue(CHAIN_CUE),
				{ kind: 'decode', role: 'thought', stop, limit: CHAIN_LIMIT, atLimit: 'go-on' },
				...cue(ANSWER_CUE),
				answer,
			],
			...(latents
				? {
						coconut: [...prompt, { kind: 'latent', count: COCONUT_THOUGHTS, feedback: { site: 'normed' }, ...(thought ? { through: 'identity' } : {}) }, answer],
						soft: [...prompt, { kind: 'latent', count: SOFT_THOUGHTS, feedback: { site: 'mixture', top: SOFT_TOP } }, answer],
					}
				: {}),
			...arms,
		},
	};
	return { recipe, readout: { start: readoutStart ?? tokenizer.tokenOf(0)!, stop, limit: READOUT_LIMIT }, reasons, undecided };
}
