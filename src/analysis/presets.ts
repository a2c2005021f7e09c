/** Published figures that the tool can be held against (field guide, §6), and what each is held against. Pure: no measuring here. */

export const PRESETS = ['prosqa', 'attention', 'gsm8k', 'invariants', 'negatives'] as const;
export type PresetName = (typeof PRESETS)[number];

/** What each of them holds beside each other. */
export const PRESET_TITLES: Readonly<Record<PresetName, string>> = {
	prosqa: 'Accuracy of the arms and of the pause twin',
	attention: 'Attention of thoughts to the graph: expected only, not measured',
	gsm8k: 'CODI on GSM8K: expected only, no such model is bundled',
	invariants: 'What must be equal, such as the last lens and the logits',
	negatives: 'What must find nothing: random weights, shuffled labels',
};

/**
 * `within`: the measured value meets the expectation; `outside`: it does not; `not comparable`: it is a figure of another model or
 * training, printed beside ours and judged by nobody; `not measured`: see `why`.
 */
export type Verdict = 'within' | 'outside' | 'not comparable' | 'not measured';

/** One line of a reproduction. */
export interface Check {
	preset: PresetName;
	what: string;
	expected: string;
	source: string;
	measured: string;
	verdict: Verdict;
	/** One sentence. */
	why: string;
}

/** A published accuracy, and which of our arms is the nearest thing to it. */
export interface PublishedAccuracy {
	what: string;
	/** As it was published. */
	shown: string;
	/** 0..1; absent where no number was published. */
	value?: number;
	model: string;
	source: string;
	role: 'model' | 'twin';
	arm: string;
	/** In what the two differ, beside the model. */
	unlike: string;
}

const COCONUT = 'arXiv 2412.06769, table 1';
const SUPERPOSITION = 'arXiv 2505.12514';

export const PROSQA: readonly PublishedAccuracy[] = [
	{
		what: 'ProsQA, token chain of thought',
		shown: '77.5 ± 1.9 %',
		value: 0.775,
		model: 'GPT-2 small',
		source: COCONUT,
		role: 'model',
		arm: 'cot',
		unlike: 'ours shares its weights with the thoughts’ arm',
	},
	{
		what: 'ProsQA, continuous thoughts (Coconut)',
		shown: '97.0 ± 0.3 %',
		value: 0.97,
		model: 'GPT-2 small',
		source: COCONUT,
		role: 'model',
		arm: 'latent',
		unlike: 'ours was told the next nodes during training, Coconut’s only the answer and the rest of the chain',
	},
	{
		what: 'ProsQA, the same curriculum without thoughts',
		shown: '95.5 %',
		value: 0.955,
		model: 'GPT-2 small',
		source: COCONUT,
		role: 'model',
		arm: 'direct',
		unlike: 'ours is the direct arm of the one model, not a training of its own by the curriculum',
	},
	{
		what: 'ProsQA, pause tokens in place of thoughts',
		shown: '96.6 %',
		value: 0.966,
		model: 'GPT-2 small',
		source: COCONUT,
		role: 'twin',
		arm: 'latent',
		unlike: 'ours is the twin of our model: trained like it, a dummy token in each thought’s place',
	},
	{
		what: 'ProsQA subset, continuous thoughts',
		shown: 'near 100 %',
		model: '2 layers, width 768, from scratch',
		source: SUPERPOSITION,
		role: 'model',
		arm: 'latent',
		unlike: 'theirs is a subset',
	},
	{
		what: 'ProsQA subset, token chain of thought',
		shown: '75 %',
		value: 0.75,
		model: '2 layers, width 768, from scratch',
		source: SUPERPOSITION,
		role: 'model',
		arm: 'cot',
		unlike: 'theirs is a subset, and ours shares its weights with the thoughts’ arm',
	},
];

/** What the published figures say about two arms, which another model may share. */
export interface PublishedOrder {
	what: string;
	/** Accuracy of the first less that of the second, 0..1. */
	difference: number;
	expects: 'first ahead' | 'about equal';
	source: string;
	/** Arm of the model; of `twin`, whether the second is the twin's. */
	first: string;
	second: string;
	twin?: true;
}

export const ORDERS: readonly PublishedOrder[] = [
	{
		what: 'Thoughts less token chain of thought',
		difference: 0.195,
		expects: 'first ahead',
		source: COCONUT,
		first: 'latent',
		second: 'cot',
	},
	{
		what: 'Thoughts less pause tokens',
		difference: 0.004,
		expects: 'about equal',
		source: COCONUT,
		first: 'latent',
		second: 'latent',
		twin: true,
	},
];

/** Where the published problems are, in words. */
export const PUBLISHED = 'data/prosqa_valid.json of github.com/facebookresearch/coconut (MIT)';

/** The published validation file, `data/prosqa_valid.json` of github.com/facebookresearch/coconut (MIT), and how many problems it has. */
export const PUBLISHED_DATA = { sha256: 'c74e0de24f1e90ec48b1a993e6458a7be4caeef3928f5104e3c2e45d689a5249', n: 300 };

/** Largest absolute difference of logits that two ways of computing the same may have: float32 sums in another order. */
export const INVARIANT_TOLERANCE = 1e-3;

/** Checks of the field guide that no bundled model allows. */
export const UNAVAILABLE: readonly Omit<Check, 'measured' | 'verdict'>[] = [
	{
		preset: 'attention',
		what: 'Attention of the thoughts to edges, layer 2: frontier / optimal / unreachable',
		expected: '1.81 / 2.18 / .073 at thought 0',
		source: 'notebook of the authors of arXiv 2505.12514',
		why: 'The bundled exports have attention outputs, and the engine does not read them out.',
	},
	{
		preset: 'gsm8k',
		what: 'GSM8K, CODI-GPT-2',
		expected: '43.7 % published, 44.1 % from the authors’ own dump',
		source: 'arXiv 2502.21074',
		why: 'No CODI model is bundled.',
	},
	{
		preset: 'gsm8k',
		what: 'GSM8K, CODI-Llama-1B, 6 against 0 thoughts',
		expected: '36.7 % against 28.7 %',
		source: 'arXiv 2502.21074',
		why: 'No CODI model is bundled.',
	},
];
