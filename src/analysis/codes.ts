/** Learnt codes: vectors that parts of a latent were trained to be near, by which it is read (models/README.md). */
import * as v from 'valibot';
import { headerLength, LENGTH_BYTES, parseHeader } from '../trace/container';
import { describeIssue } from '../trace/schema';

/** Columns [from, to) of a latent, and what each of its codes stands for. */
export interface CodePart {
	/** Kebab-case; names the part's planes. */
	name: string;
	from: number;
	to: number;
	classes: string[];
	/** Whether the latent is meant to be at a code, or anywhere between them. */
	state: 'discrete' | 'continuous';
	/** [classes, to - from] */
	vectors: Float32Array;
}

const MAX_PARTS = 64;
/** A code has a name each, and is compared with every thought. */
const MAX_CLASSES = 10_000;
const MAX_PARTS_TEXT = 4 * 1024 * 1024;

const index = v.pipe(v.number(), v.integer(), v.minValue(0));
const schema = v.object({
	format: v.literal('neuralese-codes'),
	version: v.literal('1'),
	parts: v.pipe(
		v.string(),
		v.maxLength(MAX_PARTS_TEXT),
		v.parseJson(),
		v.pipe(
			v.array(
				v.object({
					name: v.pipe(v.string(), v.regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/), v.maxLength(64)),
					from: index,
					to: index,
					classes: v.pipe(v.array(v.pipe(v.string(), v.nonEmpty(), v.maxLength(200))), v.minLength(1), v.maxLength(MAX_CLASSES)),
					state: v.optional(v.picklist(['discrete', 'continuous']), 'discrete'),
				}),
			),
			v.minLength(1),
			v.maxLength(MAX_PARTS),
		),
	),
});

/** Reads a file of codes for latents of `width`. Fails with the end of a sentence. */
export function parseCodes(bytes: Uint8Array, width: number): CodePart[] {
	const length = headerLength(bytes.subarray(0, LENGTH_BYTES), bytes.byteLength);
	const table = parseHeader(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length), bytes.byteLength);
	const result = v.safeParse(schema, Object.fromEntries(table.metadata), { abortEarly: true });
	if (!result.success) {
		throw new Error(`its metadata are wrong at ${describeIssue(result.issues[0])}`);
	}
	const { parts } = result.output;
	if (new Set(parts.map(({ name }) => name)).size !== parts.length) {
		throw new Error('two of its parts have the same name');
	}
	return parts.map((part) => {
		const { name, from, to, classes } = part;
		if (from >= to || to > width) {
			throw new Error(`its part ${name} has the columns ${from} to ${to} of latents with ${width}`);
		}
		const tensor = table.tensors.get(name);
		const shape = [classes.length, to - from];
		if (tensor?.dtype !== 'F32' || tensor.shape.join() !== shape.join()) {
			throw new Error(`its part ${name} needs a tensor of that name as F32 [${shape.join(', ')}]`);
		}
		const vectors = new Float32Array(new Uint8Array(bytes.subarray(tensor.start, tensor.start + tensor.length)).buffer);
		if (!vectors.every(Number.isFinite)) {
			throw new Error(`its part ${name} has values that are no numbers`);
		}
		return { ...part, vectors };
	});
}

/** The `k` codes that are nearest to a latent's part by Euclidean distance, nearest first. */
export function nearestCodes({ from, to, classes, vectors }: CodePart, latent: Float32Array, k: number): { id: number; distance: number }[] {
	const width = to - from;
	return classes
		.map((_, id) => {
			let sum = 0;
			for (let i = 0; i < width; i++) {
				sum += (latent[from + i]! - vectors[id * width + i]!) ** 2;
			}
			return { id, distance: Math.sqrt(sum) };
		})
		.sort((a, b) => a.distance - b.distance)
		.slice(0, k);
}

/** The latent with every part at its nearest code; what belongs to no part stays. */
export function snapped(parts: readonly CodePart[], latent: Float32Array): Float32Array {
	const out = latent.slice();
	for (const part of parts) {
		const [{ id } = { id: 0 }] = nearestCodes(part, latent, 1);
		const width = part.to - part.from;
		out.set(part.vectors.subarray(id * width, (id + 1) * width), part.from);
	}
	return out;
}
