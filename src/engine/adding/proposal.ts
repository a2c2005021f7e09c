/** What a folder's tokens, weights and configuration say about how its model thinks: arms for it, the reasons, and what they leave open. */
import type { LatentSegment, RecipeSegment } from '../model/recipeSchema';

/** What is known of an unknown folder. */
export interface Signs {
	/** Whether the tokenizer has a token. */
	has(token: string): boolean;
	/** Names of the graph's weights, and of the checkpoint's beside it. */
	weights: readonly string[];
	/** The thought graph beside the export; absent where there is none. */
	thought?: ThoughtSigns;
	/** Other files of how it thinks that lie there and fit. */
	companions?: readonly Companion[];
	/** Numbers of its config.json. */
	config: Readonly<Partial<Record<ThinkingField, number | null>>>;
	/** Whether vectors can be fed. */
	latents: boolean;
}

/** Files beside an export that say how its model thinks, by what a manifest calls them. */
export const COMPANIONS = { thought: 'thought.onnx', embed: 'embed.onnx', codes: 'codes.safetensors', readout: 'readout.onnx' } as const;
export type Companion = keyof typeof COMPANIONS;

/** What a thought graph takes and gives, as far as a recipe has to say it. */
export interface ThoughtSigns {
	/** Extents after the rows; absent where it takes none. */
	noise?: number[];
	hasLatent: boolean;
	seesNormed: boolean;
	hasGate: boolean;
}

/** Fields of a configuration that say something about thoughts. */
export const THINKING_FIELDS = [
	'num_latent',
	'num_latents',
	'latent_steps',
	'inf_latent_iterations',
	'max_latent_stage',
	'c_thought',
	'mean_recurrence',
	'total_ut_steps',
] as const;
export type ThinkingField = (typeof THINKING_FIELDS)[number];

export interface Proposal {
	/** Beside those that any decoder has, or in their place. */
	arms: Record<string, RecipeSegment[]>;
	trainedLatents: number;
	/** The token in the place of the latent that a readout begins with. */
	readoutStart?: string;
	/** One sentence each. */
	reasons: string[];
	undecided: string[];
}

/** Tokens before and after latent thoughts, as published models call them: Coconut's, and others. */
export const COCONUT = ['<|start-latent|>', '<|end-latent|>'] as const;
const BRACKETS = [
	COCONUT,
	['<bot>', '<eot>'],
	['<|bot|>', '<|eot|>'],
	['<|bocot|>', '<|eocot|>'],
] as const;
const PAUSES = ['<pause>', '<|pause|>'] as const;
/** Of written thoughts. */
const WRITTEN = ['<think>', '</think>'] as const;
/** CODI calls its projection so (arXiv 2502.21074): its layers are numbered, its norm is `ln`. */
export const PROJECTION = /(^|\.)prj\.(\d+|ln)\.weight$/;
/** SIM-CoT's auxiliary decoder (arXiv 2509.20317), spelt as its checkpoints spell it. */
export const AUXILIARY = /(^|\.)(expainable_llm|auxiliary_decoder)\./;
/** Coconut's authors wrap the decoder so. */
export const WRAPPED = /^base_causallm\./;
/** Huginn's core (arXiv 2502.05171), and Ouro's gate (arXiv 2510.25741). */
export const CORE = /(^|\.)core_block\./;
export const EXIT = /(^|\.)early_exit_gate\./;
/** Coconut on ProsQA and GSM8k, and CODI, think so often. */
const USUAL_COUNT = 6;
const CHAIN_LIMIT = 1_024;
const MAX_NAME = 100;

/** The segments before and after the thoughts. */
export interface Frame {
	/** The prompt, behind what the tokenizer puts before every text. */
	prompt: readonly RecipeSegment[];
	answer: readonly RecipeSegment[];
}

export function propose(signs: Signs, frame: Frame): Proposal {
	const found: Proposal = { arms: {}, trainedLatents: 0, reasons: [], undecided: [] };
	written(signs, frame, found);
	if (signs.latents) {
		latent(signs, frame, found);
		readers(signs, found);
		pause(signs, frame, found);
	}
	looped(signs, found);
	return found;
}

function latent(signs: Signs, { prompt, answer }: Frame, found: Proposal): void {
	const brackets = BRACKETS.find((pair) => pair.every((token) => signs.has(token)));
	const projection = signs.weights.find((name) => PROJECTION.test(name));
	const { thought } = signs;
	if (projection !== undefined && !thought) {
		found.undecided.push(
			`Its checkpoint has a projection of the state that is fed back (${short(projection)}), which is not in the graph: export it as thought.onnx, name that in files.thought of model.json, and give an arm a latent segment.`,
		);
	}
	if (signs.weights.some((name) => AUXILIARY.test(name)) && !signs.companions?.includes('readout')) {
		found.undecided.push('Its checkpoint has an auxiliary decoder of latents: export it as readout.onnx, and name that in files.readout of model.json.');
	}
	// Without its projection the state is not what the model was trained to be fed.
	if (!thought && (!brackets || projection !== undefined)) {
		return;
	}
	const count = countOf(signs);
	const segment: LatentSegment = { kind: 'latent', count: count?.count ?? USUAL_COUNT, feedback: { site: 'normed' }, ...(thought ? through(thought, found) : {}) };
	const fed = (token: string | undefined): RecipeSegment[] => (token === undefined ? [] : [{ kind: 'tokens', tokens: [token] }]);
	found.arms['latent'] = [...prompt, ...fed(brackets?.[0]), segment, ...fed(brackets?.[1]), ...answer];
	found.trainedLatents = segment.count;
	found.readoutStart = brackets?.[0];
	if (brackets) {
		const how = thought ? '' : ', and feeds back the state after the final norm, as Coconut does';
		found.reasons.push(`The arm latent thinks between ${brackets.join(' and ')}, because its tokenizer has them${how}.`);
	} else {
		found.undecided.push('Which tokens begin and end its thoughts: none are fed. Put them around the latent segment in model.json.');
	}
	if (count) {
		found.reasons.push(`It has ${count.count} thoughts, because config.json says ${count.why}.`);
	} else {
		found.undecided.push(`How many thoughts it was trained with: ${USUAL_COUNT} are run, as published models of its kind have. Correct count and trainedLatents in model.json.`);
	}
}

/** What lies beside the export for latents, whatever made them. */
function readers({ companions = [] }: Signs, found: Proposal): void {
	const names = companions.filter((one) => one !== 'thought').map((one) => COMPANIONS[one]);
	if (names.length > 0) {
		found.reasons.push(`For its latents there ${names.length === 1 ? 'is' : 'are'} ${names.join(' and ')}, beside the export and as the contract has it.`);
	}
	if (companions.includes('readout')) {
		found.undecided.push('With which token its readout begins and which ones end it: correct files.readout in model.json.');
	}
}

/** What a latent segment says of the graph that it goes through. */
function through({ noise, hasLatent, seesNormed, hasGate }: ThoughtSigns, found: Proposal): Partial<LatentSegment> {
	const site = seesNormed ? 'resid' : 'normed';
	found.reasons.push(`Its thoughts go through ${COMPANIONS.thought}, which lies beside the export and is as the contract has it.`);
	found.undecided.push(`Whether ${COMPANIONS.thought} takes the state before the final norm or after it: ${seesNormed ? 'before, because it takes both' : 'after, as CODI does'}. Correct feedback in model.json.`);
	if (noise) {
		found.undecided.push('What noise its thoughts are drawn from: normal, of scale 1 in every step. Correct noise in model.json.');
	}
	if (hasGate) {
		found.undecided.push('At which gate its thoughts end: at none. Add a stop rule in model.json.');
	}
	return { feedback: { site }, through: 'thought', ...(noise ? { noise: { shape: noise } } : {}), ...(hasLatent ? {} : { decode: ['resid', 'latent'] }) };
}

function countOf({ config }: Signs): { count: number; why: string } | undefined {
	const { max_latent_stage: stages, c_thought: each } = config;
	if (stages && each) {
		return { count: stages * each, why: `max_latent_stage ${stages} and c_thought ${each}` };
	}
	const field = (['num_latent', 'num_latents', 'latent_steps', 'inf_latent_iterations'] as const).find((name) => config[name]);
	return field && { count: config[field]!, why: `${field} ${config[field]}` };
}

function pause({ has }: Signs, { prompt, answer }: Frame, found: Proposal): void {
	const token = PAUSES.find(has);
	if (token !== undefined) {
		found.arms['pause'] = [...prompt, { kind: 'latent', count: USUAL_COUNT, feedback: { site: 'token', token } }, ...answer];
		found.reasons.push(`The arm pause feeds ${token} in the place of thoughts, because its tokenizer has it.`);
		found.undecided.push(`How many pauses it was trained with: ${USUAL_COUNT} are run.`);
	}
}

function written({ has }: Signs, { prompt, answer }: Frame, found: Proposal): void {
	const [start, end] = WRITTEN;
	if (has(start) && has(end)) {
		found.arms['cot'] = [
			...prompt,
			{ kind: 'tokens', tokens: [start] },
			{ kind: 'decode', role: 'thought', stop: [end], limit: CHAIN_LIMIT, atLimit: 'go-on' },
			...answer,
		];
		found.reasons.push(`The arm cot writes its thoughts from ${start} to ${end}, because its tokenizer has them.`);
	}
}

function looped({ weights, config }: Signs, found: Proposal): void {
	const field = (['mean_recurrence', 'total_ut_steps'] as const).find((name) => config[name]);
	const weight = weights.find((name) => CORE.test(name) || EXIT.test(name));
	if (field !== undefined || weight !== undefined) {
		const why = field !== undefined ? `config.json says ${field} ${config[field]}` : `it has the weight ${short(weight!)}`;
		found.undecided.push(`It loops over its depth, because ${why}: its loops are run as they were exported. To stop and show them, export it with models/tools/export.py --family huginn or ouro.`);
	}
}

/** Names come from anybody, and a reason is one line. */
export function short(name: string): string {
	return name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name;
}
