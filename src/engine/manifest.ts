/** `model.json` (models/README.md): read strictly, because a model folder may come from anybody. */
import * as v from 'valibot';
import { EngineError } from './error';

/** A manifest is a few kilobytes. */
export const MAX_MANIFEST_BYTES = 1 << 20;
/** One file must fit one buffer; weights of larger models lie in files of their own, which are never read whole. */
export const MAX_FILE_BYTES = 2 ** 31 - 1;
/** As many files as the largest sharded models have. */
const MAX_WEIGHT_FILES = 256;
/** The head reads all sites of a position in one call of at most 256 rows. */
const MAX_LAYERS = 255;
const MAX_ARMS = 16;
const MAX_SEGMENTS = 64;
const MAX_PROBES = 64;
/** Far beyond any context that runs here; keeps products exact. */
const MAX_COUNT = 1_000_000;
/** Patterns for answers are short; long ones are only slow. */
const MAX_PATTERN = 200;

const positive = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_COUNT));
const line = v.pipe(v.string(), v.nonEmpty(), v.maxLength(500));
const names = (limit: number) => v.pipe(v.array(line), v.minLength(1), v.maxLength(limit));
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'expected 64 lowercase hex digits'));
/** A name inside the folder: no separator, no `..`, nothing hidden. */
const fileName = v.pipe(
	v.string(),
	v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'expected a plain file name inside the folder'),
);
const file = v.object({
	name: fileName,
	sha256,
	bytes: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_FILE_BYTES)),
});

const weights = v.object({
	...file.entries,
	bytes: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(Number.MAX_SAFE_INTEGER)),
});
/** A mixture of more tokens differs from the whole distribution's in nothing that can be seen. */
const MAX_MIXTURE = 1_000;

const feedback = v.variant('site', [
	v.object({ site: v.literal('normed') }),
	v.object({ site: v.literal('resid') }),
	v.object({ site: v.literal('token'), token: line }),
	v.object({ site: v.literal('mixture'), top: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_MIXTURE)) }),
]);
const segment = v.variant('kind', [
	v.object({ kind: v.literal('prompt') }),
	v.object({ kind: v.literal('tokens'), tokens: names(256) }),
	v.object({
		kind: v.literal('decode'),
		role: v.picklist(['thought', 'answer']),
		stop: v.pipe(v.array(line), v.maxLength(64)),
		limit: positive,
		/** Absent: what does not stop within the limit is cut, and so is the arm. */
		atLimit: v.optional(v.literal('go-on')),
	}),
	v.object({ kind: v.literal('latent'), count: positive, feedback }),
]);
const segments = v.pipe(
	v.array(segment),
	v.minLength(1),
	v.maxLength(MAX_SEGMENTS),
	v.check(
		(list) =>
			list.filter(({ kind }) => kind === 'prompt').length === 1 && (list[0]?.kind === 'prompt' || list[0]?.kind === 'tokens'),
		'expected one prompt, before what is decoded',
	),
	v.check(
		(list) =>
			list
				.slice(
					0,
					list.findIndex(({ kind }) => kind === 'prompt'),
				)
				.every(({ kind }) => kind === 'tokens'),
		'expected only tokens before the prompt',
	),
);
/** Also the name of a relative's folder beside this one: no separator, no `..`, nothing hidden. */
const id = v.pipe(
	v.string(),
	v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'expected a short name of letters, digits, dots and dashes'),
);
const armName = v.pipe(v.string(), v.regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, 'expected a kebab-case name'), v.maxLength(64));

const fields = v.object({
	format: v.literal('neuralese-model'),
	version: v.literal(1),
	id,
	name: line,
	description: v.optional(v.pipe(v.string(), v.maxLength(1_000)), ''),
	license: v.optional(line),
	shape: v.object({
		layers: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_LAYERS)),
		/** Blocks that keep keys and values: `layers` where absent. */
		caches: v.optional(v.pipe(positive, v.maxValue(MAX_LAYERS))),
		width: positive,
		heads: positive,
		headWidth: positive,
		vocabulary: positive,
		context: positive,
	}),
	quantisation: line,
	/** Why its layers cannot be seen, as the end of a sentence: then `layers` is 0 and the one site is the logits themselves. */
	logitsOnly: v.optional(line),
	files: v.object({
		body: file,
		head: file,
		tokenizer: file,
		thought: v.optional(file),
		/** The template of a conversation, see `chat.ts`. */
		chat: v.optional(file),
		/** What the graphs refer to; elsewhere on the machine that added the model, see `weights.ts`. */
		weights: v.optional(v.pipe(v.array(weights), v.maxLength(MAX_WEIGHT_FILES)), []),
	}),
	probes: v.optional(v.pipe(v.array(file), v.maxLength(MAX_PROBES)), []),
	reference: v.optional(file),
	relatives: v.optional(v.object({ twin: v.optional(id), base: v.optional(id) }), {}),
	recipe: v.object({
		trainedLatents: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_COUNT)),
		answer: v.optional(v.pipe(v.string(), v.maxLength(MAX_PATTERN), v.check(isPattern, 'expected a regular expression'))),
		arms: v.pipe(
			v.record(armName, segments),
			v.check((arms) => Object.keys(arms).length >= 1 && Object.keys(arms).length <= MAX_ARMS, `expected 1 to ${MAX_ARMS} arms`),
		),
	}),
});
const schema = v.pipe(
	fields,
	v.forward(
		v.check(
			({ shape, logitsOnly }) => (shape.layers === 0) === (logitsOnly !== undefined),
			'expected layers, or logitsOnly with none',
		),
		['shape', 'layers'],
	),
);

export type Manifest = v.InferOutput<typeof schema>;
export type Recipe = Manifest['recipe'];
export type RecipeSegment = Recipe['arms'][string][number];
export type ManifestFile = Manifest['files']['body'];
export type ModelShape = Manifest['shape'];

/** Fails with one sentence that names the field. */
export function parseManifest(json: string): Manifest {
	let parsed: unknown;
	try {
		parsed = JSON.parse(json);
	} catch {
		throw new EngineError('The model.json is not JSON: export the model again, or choose another one.', 'bad-model');
	}
	const result = v.safeParse(schema, parsed, { abortEarly: true });
	if (!result.success) {
		const [issue] = result.issues;
		const field = v.getDotPath(issue) ?? 'content';
		throw new EngineError(
			`The model.json is wrong at ${field} (${issue.message.slice(0, 200)}): correct it, or choose another model.`,
			'bad-model',
		);
	}
	return result.output;
}

function isPattern(source: string): boolean {
	try {
		new RegExp(source, 'u');
		return true;
	} catch {
		return false;
	}
}
