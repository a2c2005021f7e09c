/**
 * What the axes of a plain tensor are: nobody but the user can say. `NAME:AXES` with the axes in their order, for example
 * `hidden:position,site,width`. Axes are `sample`, `position`, `site` and `width`, of which `position` and `width` have to be there, `width`
 * last. A name with `{site}` stands for one tensor a site: `layer.{site}:position,width`.
 */
import type { Range } from '../../shared/range';
import { quote, refuse } from './limits';
import { plainSample, type Activations, type ImportedFile, type Sample, type SampleRef } from './sample';
import { described, FLOATS, readFloats, type Tensor } from './tensors';

const AXES = ['sample', 'position', 'site', 'width'] as const;
type Axis = (typeof AXES)[number];
/** A trace cannot hold more (schema). */
const MAX_SITES = 10_001;
const MAX_WIDTH = 1_000_000;
const PLACEHOLDER = '{site}';

interface Mapped {
	/** One, or one a site. */
	tensors: readonly Tensor[];
	axes: readonly Axis[];
}

/** `map` undefined: what is listed follows a guess, and has to be confirmed. */
export function mappedFile(format: string, tensors: readonly Tensor[], map: string | undefined): ImportedFile {
	const guess = map === undefined ? guessed(tensors) : undefined;
	const chosen = map ?? guess;
	const ask = map === undefined ? { question: question(tensors, guess), guess } : undefined;
	const mapped = chosen === undefined ? undefined : parse(chosen, tensors);
	async function* samples(): AsyncGenerator<SampleRef> {
		const count = mapped ? extent(mapped, 'sample') : 0;
		for (let i = 0; i < count; i++) {
			yield { id: String(i), read: async () => sampleOf(mapped!, i, chosen!) };
		}
	}
	return { format, samples, warnings: ask ? [ask.question] : [], ask };
}

/** The first tensor that looks like activations; undefined where none does. */
function guessed(tensors: readonly Tensor[]): string | undefined {
	const found = tensors.find(({ dtype, shape }) => FLOATS.has(dtype) && shape.length >= 2 && shape.length <= AXES.length);
	const axes = { 2: 'position,width', 3: 'position,site,width', 4: 'sample,position,site,width' }[found?.shape.length ?? 0];
	return found && axes && `${found.name}:${axes}`;
}

function question(tensors: readonly Tensor[], guess: string | undefined): string {
	const example = guess ?? 'hidden:position,site,width';
	const has = described(tensors) || 'none';
	return `The file holds tensors and does not say what they are (${has}): give --map NAME:AXES, for example --map '${example}'.`;
}

function parse(map: string, tensors: readonly Tensor[]): Mapped {
	const colon = map.lastIndexOf(':');
	const name = map.slice(0, Math.max(colon, 0));
	const axes = map.slice(colon + 1).split(',').map((axis) => axis.trim());
	const known = axes.every((axis): axis is Axis => AXES.includes(axis as Axis)) && new Set(axes).size === axes.length;
	if (!known || !axes.includes('position') || axes.at(-1) !== 'width') {
		refuse(`the mapping ${quote(map)} is not NAME:AXES`, `use each of ${AXES.join(', ')} at most once, with position, and width last`);
	}
	const found = name.includes(PLACEHOLDER) ? bySite(name, tensors) : tensors.filter((tensor) => tensor.name === name);
	const [first] = found;
	if (!first || (name.includes(PLACEHOLDER) && axes.includes('site'))) {
		refuse(`the mapping ${quote(map)} names no tensor of it`, `it has ${described(tensors)}`);
	}
	const isLikeFirst = (shape: readonly number[]) => shape.length === axes.length && shape.every((size, i) => size === first.shape[i]);
	const wrong = found.find(({ dtype, shape }) => !FLOATS.has(dtype) || !isLikeFirst(shape));
	if (wrong) {
		const is = `${wrong.dtype} [${wrong.shape.join(', ')}]`;
		refuse(`tensor ${quote(wrong.name)} is ${is}, which ${quote(map)} does not fit`, 'name its axes in their order, of floats');
	}
	const mapped: Mapped = { tensors: found, axes: axes as Axis[] };
	const [sites, width] = [extent(mapped, 'site'), extent(mapped, 'width')];
	if (sites > MAX_SITES || sites === 0 || width > MAX_WIDTH || width === 0) {
		refuse(`the mapping ${quote(map)} gives ${sites} sites of width ${width}`, 'name its axes in their order');
	}
	return mapped;
}

/** Sites 0, 1, 2, … as far as they go. */
function bySite(name: string, tensors: readonly Tensor[]): Tensor[] {
	const named = new Map(tensors.map((tensor) => [tensor.name, tensor]));
	const found: Tensor[] = [];
	for (let tensor = named.get(name.replace(PLACEHOLDER, '0')); tensor; tensor = named.get(name.replace(PLACEHOLDER, String(found.length)))) {
		found.push(tensor);
	}
	return found;
}

function extent({ tensors, axes }: Mapped, axis: Axis): number {
	const at = axes.indexOf(axis);
	return at >= 0 ? tensors[0]!.shape[at]! : axis === 'site' ? tensors.length : 1;
}

function sampleOf(mapped: Mapped, index: number, map: string): Sample {
	const [sites, width, rows] = [extent(mapped, 'site'), extent(mapped, 'width'), extent(mapped, 'position')];
	const activations: Activations = { rows, prompt: 0, sites, width, normed: false, read: (range) => readRows(mapped, index, range) };
	return { ...plainSample(String(index), '', []), activations, notes: [`The activations were read as ${map}.`] };
}

/** [rows, sites, width] of one sample, wherever the axes put them. */
async function readRows(mapped: Mapped, sample: number, { start, end }: Range): Promise<Float32Array> {
	const { tensors, axes } = mapped;
	const [sites, width, rows] = [extent(mapped, 'site'), extent(mapped, 'width'), end - start];
	const stride = (axis: Axis) => (axes.includes(axis) ? tensors[0]!.shape.slice(axes.indexOf(axis) + 1).reduce((a, b) => a * b, 1) : 0);
	const [ofSample, ofRow, ofSite] = [stride('sample'), stride('position'), stride('site')];
	const first = sample * ofSample;
	if (tensors.length === 1 && ofRow === sites * width) {
		return readFloats(tensors[0]!, first + start * ofRow, rows * ofRow);
	}
	const out = new Float32Array(rows * sites * width);
	for (let site = 0; site < sites; site++) {
		const tensor = tensors[tensors.length === 1 ? 0 : site]!;
		const origin = first + (tensors.length === 1 ? site * ofSite : 0);
		// Rows that lie together are one read.
		const together = ofRow === width ? await readFloats(tensor, origin + start * ofRow, rows * width) : undefined;
		for (let row = 0; row < rows; row++) {
			const vector = together?.subarray(row * width, (row + 1) * width) ?? (await readFloats(tensor, origin + (start + row) * ofRow, width));
			out.set(vector, (row * sites + site) * width);
		}
	}
	return out;
}
