/** A trace of a run of a large model, of any size, by the shipped writer: its numbers are noise, its shapes and its document are a real run's. */
import type { ArmRecord, Step, TraceDocument } from '../../src/trace/document';
import { toHalf } from '../../src/trace/half';
import type { DType, PlaneData, TensorInput } from '../../src/trace/planes';
import { generator } from '../../src/shared/random';
import { writeTrace } from '../../src/trace/writer.node';

/** A model of eight billion parameters. */
const LAYERS = 32;
const WIDTH = 4096;
const SITES = LAYERS + 1;
const TOP = 10;
/** Distinct tokens of a trace; a run of some thousand tokens has about as many. */
const WORDS = 3_000;
const SENTENCE = 12;
const PROMPT = 0.1;
const THOUGHTS = 64;
const BYTES_A_POSITION = SITES * (WIDTH * 2 + TOP * 8 + 4 * 4);
/** Values of one piece of a plane: a few MiB, so that writing needs little memory at any size. */
const CHUNK = 2 ** 21;

/** How many make a trace of so many bytes. */
export function positionsOf(bytes: number): number {
	return Math.ceil(bytes / BYTES_A_POSITION);
}

const WORD = (id: number) => (id === 0 ? '.' : ` word${id}`);

/** A chain of thought of `positions` tokens, read out at every site with its residual stream, beside 64 latent thoughts. */
export async function writeLargeTrace(path: string, positions: number): Promise<void> {
	const random = generator(0, 'large trace');
	const noise = Float32Array.from({ length: CHUNK }, () => random() * 4);
	const halves = toHalf(noise);
	const ids = Int32Array.from({ length: CHUNK }, () => Math.floor(random() * WORDS));
	const document = largeDocument(positions, random);
	const plane = (name: string, dtype: DType, shape: number[]): TensorInput => {
		const data = dtype === 'F16' ? halves : dtype === 'I32' ? ids : noise;
		return { name, dtype, shape, chunks: pieces(data, shape.reduce((product, extent) => product * extent, 1)) };
	};
	const tensors = document.arms.flatMap(({ name, steps, thoughts }) => [
		plane(`${name}/tokens.id`, 'I32', [steps.length]),
		plane(`${name}/tokens.logprob`, 'F32', [steps.length]),
		plane(`${name}/hidden.resid`, 'F16', [steps.length, SITES, WIDTH]),
		plane(`${name}/lens.topk_id`, 'I32', [steps.length, SITES, TOP]),
		plane(`${name}/lens.topk_logit`, 'F32', [steps.length, SITES, TOP]),
		...['lens.lse', 'lens.entropy', 'lens.kl_final', 'probe.noise.score'].map((kind) => plane(`${name}/${kind}`, 'F32', [steps.length, SITES])),
		...(thoughts.length > 0 ? [plane(`${name}/latent.vec`, 'F32', [thoughts.length, WIDTH])] : []),
	]);
	await writeTrace(path, document, tensors);
}

function* pieces(data: PlaneData, values: number): Generator<PlaneData> {
	for (let left = values; left > 0; left -= data.length) {
		yield data.subarray(0, left);
	}
}

function largeDocument(positions: number, random: () => number): TraceDocument {
	const asked = Math.max(1, Math.floor(positions * PROMPT));
	let text = '';
	const prompt = Array.from({ length: asked }, (): Step => {
		const id = 1 + Math.floor(random() * (WORDS - 1));
		const start = text.length;
		text += WORD(id);
		return { kind: 'prompt', id, span: { start, end: text.length } };
	});
	const written = Array.from({ length: positions - asked }, (_, i): Step => ({ kind: 'token', id: i % SENTENCE === SENTENCE - 1 ? 0 : 1 + Math.floor(random() * (WORDS - 1)) }));
	const latents = Array.from({ length: Math.min(THOUGHTS, Math.max(1, positions >> 2)) }, (_, thought): Step => ({ kind: 'latent', id: -1, thought }));
	const arm = (name: string, steps: Step[], more: Partial<ArmRecord>): ArmRecord => ({ name, state: 'done', steps, thoughts: [], text: '', answer: 'word1', milliseconds: 1, ...more });
	const first: Step = { kind: 'token', id: 0, forced: true };
	return {
		version: 1,
		producer: 'neuralese-inspector bench',
		created: '2026-01-01T00:00:00.000Z',
		prompt: { name: 'large.prompt.md', format: 'plain', text, sha256: '0'.repeat(64), pieces: [] },
		model: { id: 'large', name: 'Large', sha256: '1'.repeat(64), tokenizerSha256: '2'.repeat(64), layers: LAYERS, width: WIDTH, vocabulary: 128_256, quantisation: 'fp16', trainedLatents: THOUGHTS, recipe: null },
		options: { seed: 0, temperature: 0, topK: TOP },
		runtime: { engine: 'none', platform: 'bench' },
		arms: [
			arm('cot', [...prompt, ...written], { text: written.map(({ id }) => WORD(id)).join('') }),
			arm('latent', [first, ...latents], { thoughts: latents.map((_, index) => ({ index, producedAt: index, fedAt: index + 1 })) }),
		],
		probes: [{ name: 'noise', label: 'Noise', arm: 'cot', at: 'tokens', sha256: '3'.repeat(64), metrics: [] }],
		tokens: Array.from({ length: WORDS }, (_, id) => ({ id, text: WORD(id) })),
		notes: [],
	};
}
