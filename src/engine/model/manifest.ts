/** `model.json` (models/README.md): read strictly, because a model folder may come from anybody. */
import * as v from 'valibot';
import { layoutOf, type Layout } from '../depth/layout';
import { EngineError } from '../error';
import { file, id, kebab, line, positive, WEIGHTS_NAME, whole } from './fields';
import { latentsOf, recipe, throughOf } from './recipeSchema';

/** A manifest is a few kilobytes. */
export const MAX_MANIFEST_BYTES = 1 << 20;
/** As many files as the largest sharded models have. */
const MAX_WEIGHT_FILES = 256;
/** The head reads all sites of a position in one call of at most 256 rows. */
const MAX_LAYERS = 255;
const MAX_PROBES = 64;
/** Thought graphs beside the one that `files.thought` names. */
const MAX_GRAPHS = 16;
/** Tokens that a latent is decoded to at most: a readout is a step of a chain of thought, and all of it is computed again for each token. */
const MAX_READOUT = 128;

const weights = v.object({
	...file.entries,
	name: v.pipe(v.string(), v.regex(WEIGHTS_NAME, 'expected a file name and no path')),
	bytes: whole(1, Number.MAX_SAFE_INTEGER),
});

const fields = v.object({
	format: v.literal('neuralese-model'),
	version: v.literal(1),
	id,
	name: line,
	description: v.optional(v.pipe(v.string(), v.maxLength(1_000)), ''),
	license: v.optional(line),
	shape: v.object({
		/** Blocks; of a model that loops over depth those of prelude, core and coda, each counted once. */
		layers: whole(0, MAX_LAYERS),
		/** Of those, the blocks that are looped, and those after the loops. */
		core: v.optional(v.pipe(positive, v.maxValue(MAX_LAYERS))),
		coda: v.optional(v.pipe(positive, v.maxValue(MAX_LAYERS))),
		/** Blocks that keep keys and values: `layers` where absent. */
		caches: v.optional(v.pipe(positive, v.maxValue(MAX_LAYERS))),
		width: positive,
		/** Of what thought graphs give as `latent`: `width` where absent. */
		latentWidth: v.optional(positive),
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
		/** The looped blocks, and those after the loops: then `body` is what comes before them. */
		core: v.optional(file),
		coda: v.optional(file),
		/** Turns the state that is fed back into what is fed; `graphs` has others, which a segment's `through` names. */
		thought: v.optional(file),
		graphs: v.optional(v.pipe(v.record(kebab, file), v.check((all) => Object.keys(all).length <= MAX_GRAPHS, `expected at most ${MAX_GRAPHS} graphs`))),
		/** Turns an edited latent into what is fed. */
		embed: v.optional(file),
		/** Vectors that latents are read by, see `analysis/codes.ts`. */
		codes: v.optional(file),
		/** A trained decoder of latents into text: the token that it begins with, those that end it, and how many it may say. */
		readout: v.optional(v.object({ ...file.entries, start: line, stop: v.pipe(v.array(line), v.maxLength(64)), limit: whole(1, MAX_READOUT) })),
		/** The template of a conversation, see `chat.ts`. */
		chat: v.optional(file),
		/** What the graphs refer to; elsewhere on the machine that added the model, see `weights.ts`. */
		weights: v.optional(v.pipe(v.array(weights), v.maxLength(MAX_WEIGHT_FILES)), []),
	}),
	probes: v.optional(v.pipe(v.array(file), v.maxLength(MAX_PROBES)), []),
	reference: v.optional(file),
	/** Why the recipe is what it is, where it was proposed from what the folder had; and what that left open. */
	proposal: v.optional(v.object({ reasons: v.pipe(v.array(line), v.maxLength(64)), undecided: v.pipe(v.array(line), v.maxLength(64)) })),
	relatives: v.optional(v.object({ twin: v.optional(id), base: v.optional(id) }), {}),
	recipe,
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
	v.rawCheck(({ dataset, addIssue }) => {
		const found = dataset.typed ? (misnamed(dataset.value) ?? mislaid(dataset.value)) : undefined;
		if (found) {
			addIssue({ message: found.message, path: pathOf(dataset.value, found.path) });
		}
	}),
);

type Fields = v.InferOutput<typeof fields>;

/** A latent segment that names a graph which the folder does not have, or has what only a graph can take. */
function misnamed({ files, recipe: { arms } }: Fields): { path: (string | number)[]; message: string } | undefined {
	for (const { arm, segment, at } of latentsOf(arms)) {
		const path = ['recipe', 'arms', arm, at];
		const { through } = segment;
		if (through !== undefined && through !== 'identity' && through !== 'thought' && !Object.hasOwn(files.graphs ?? {}, through)) {
			return { path: [...path, 'through'], message: `expected "identity", "thought" or a name in files.graphs, which has no ${through}` };
		}
		if (through === 'thought' && !files.thought) {
			return { path: [...path, 'through'], message: 'expected a graph, and files has no thought' };
		}
		const given = throughOf(segment, files.thought !== undefined);
		const [alone] = (['noise', 'state'] as const).filter((name) => segment[name] !== undefined);
		if (given === undefined && alone) {
			return { path: [...path, alone], message: 'expected none, because no graph takes it: name one in through' };
		}
		if (given === undefined && segment.stop?.some(({ rule }) => rule === 'gate')) {
			return { path: [...path, 'stop'], message: 'expected no gate, because no graph gives one: name one in through' };
		}
		const { feedback, count } = segment;
		if (feedback.site === 'tokens' && feedback.tokens.length < count) {
			return { path: [...path, 'feedback', 'tokens'], message: `expected a token for each of the ${count} thoughts` };
		}
	}
	return undefined;
}

/** What says that a model loops over depth, and does not say all of it. */
function mislaid({ shape, files, recipe: { depth } }: Fields): { path: (string | number)[]; message: string } | undefined {
	const { layers, core, coda } = shape;
	if (!depth) {
		const [alone] = (['core', 'coda'] as const).filter((name) => files[name] ?? shape[name]);
		return alone && { path: [files[alone] ? 'files' : 'shape', alone], message: 'expected none, because recipe.depth does not say how it is looped' };
	}
	if (!files.core || core === undefined) {
		return { path: [files.core ? 'shape' : 'files', 'core'], message: 'expected the blocks that recipe.depth loops' };
	}
	if ((files.coda === undefined) !== (coda === undefined)) {
		return { path: [files.coda ? 'shape' : 'files', 'coda'], message: 'expected both a graph and a number of blocks after the loops, or neither' };
	}
	if (core + (coda ?? 0) > layers) {
		return { path: ['shape', 'layers'], message: `expected at least ${core + (coda ?? 0)}, the blocks of core and coda` };
	}
	const { sites } = layoutOf({ layers, core, coda }, depth, depth.count);
	if (sites > MAX_LAYERS + 1) {
		return { path: ['recipe', 'depth', 'count'], message: `expected at most ${depth.count - (sites - MAX_LAYERS - 1)}, because every loop is a site and ${MAX_LAYERS + 1} can be read` };
	}
	return (depth.least ?? 1) > depth.count ? { path: ['recipe', 'depth', 'least'], message: `expected at most ${depth.count}, the count` } : undefined;
}

/** As valibot wants it: every key with what it is a key of. */
function pathOf(root: unknown, keys: readonly (string | number)[]): [v.IssuePathItem, ...v.IssuePathItem[]] {
	let input = root as Record<string | number, unknown>;
	return keys.map((key) => {
		const item = { type: 'unknown' as const, origin: 'value' as const, input, key, value: input[key] };
		input = input[key] as Record<string | number, unknown>;
		return item;
	}) as [v.IssuePathItem, ...v.IssuePathItem[]];
}

/** `layout`: of a model that loops over depth, whose `shape` then has the loops' sites and caches in it. */
export type Manifest = v.InferOutput<typeof schema> & { layout?: Layout };
export type Recipe = Manifest['recipe'];
export type ManifestFile = Manifest['files']['body'];
export type ModelShape = Manifest['shape'];

/** With so many loops over depth; the same where there are none. Fails where they are more sites than can be read. */
export function atLoops(manifest: Manifest, loops: number): Manifest {
	const { shape, recipe } = manifest;
	if (!recipe.depth) {
		return manifest;
	}
	const { prelude, core, coda } = manifest.layout ?? layoutOf(shape, recipe.depth, loops);
	const layout = layoutOf({ layers: prelude + core + coda, core, coda }, recipe.depth, loops);
	const most = loops - (layout.sites - MAX_LAYERS - 1);
	if (loops > most) {
		throw new EngineError(`At most ${most} loops of this model can be read out, and ${loops} were asked for: ask for fewer.`, 'bad-request');
	}
	return { ...manifest, shape: { ...shape, layers: layout.sites - 1, caches: layout.caches }, layout };
}

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
	const { recipe: thinks } = result.output;
	return thinks.depth ? atLoops(result.output, thinks.depth.count) : result.output;
}
