/** A small trace, made of numbers that are easy to recognise: no model ran. */
import type { ArmRecord, Step, TraceDocument } from '../../../src/trace/document';
import { toHalf } from '../../../src/trace/half';
import type { DType, PlaneData } from '../../../src/trace/planes';
import type { TensorInput } from '../../../src/trace/writer.node';

export const PROMPT =
	'Every impus is a yimpus. Every impus is a sterpus. Davis is a impus. Every yimpus is a felpus. Every sterpus is a jelpus. ' +
	'Every bompus is a gerpus. Is Davis a jelpus or gerpus?';
export const LAYERS = 2;
export const WIDTH = 4;
export const TOP = 3;
const SITES = LAYERS + 1;
const PIECE = /Every \w+| is a \w+\.| Is \w+| a \w+| or \w+\?| \w+/g;

const texts = [
	'<latent>',
	'<cot>',
	'<a>',
	'<eos>',
	' is a impus.',
	' is a yimpus.',
	' is a sterpus.',
	' is a felpus.',
	' is a jelpus.',
	' is a gerpus.',
	'<direct>',
];

export function sampleDocument(): TraceDocument {
	const pieces = [...PROMPT.matchAll(PIECE)].map((match) => ({
		text: match[0],
		span: { start: match.index, end: match.index + match[0].length },
	}));
	const vocabulary = [...new Set([...texts, ...pieces.map((piece) => piece.text)])];
	const id = (text: string) => vocabulary.indexOf(text);
	const prompt = pieces.map(({ text, span }): Step => ({ kind: 'prompt', id: id(text), span }));
	const forced = (text: string): Step => ({ kind: 'token', id: id(text), forced: true });
	const arm = (name: string, steps: Step[], text: string, answer: string, extra: Partial<ArmRecord> = {}): ArmRecord => ({
		name,
		state: 'done',
		steps: [...prompt, ...steps],
		thoughts: [],
		text,
		answer,
		milliseconds: 20,
		...extra,
	});
	const answer = (text: string): Step[] => [
		{ kind: 'answer', id: id(text) },
		{ kind: 'answer', id: id('<eos>') },
	];
	const first = prompt.length;
	const latents: Step[] = [0, 1, 2, 3].map((thought) => ({ kind: 'latent', id: -1, thought }));
	const written = [' is a impus.', ' is a yimpus.', ' is a felpus.'].map((text): Step => ({ kind: 'token', id: id(text) }));
	return {
		version: 1,
		producer: 'neuralese-inspector test',
		created: '2026-01-01T00:00:00.000Z',
		prompt: {
			name: 'davis.prompt.md',
			format: 'copilot',
			text: PROMPT,
			sha256: '0'.repeat(64),
			pieces: [{ text: { start: 0, end: PROMPT.length }, file: { start: 10, end: 10 + PROMPT.length } }],
		},
		model: {
			id: 'sample',
			name: 'Sample',
			sha256: '1'.repeat(64),
			tokenizerSha256: '2'.repeat(64),
			layers: LAYERS,
			width: WIDTH,
			vocabulary: vocabulary.length,
			quantisation: 'fp32',
			trainedLatents: 6,
			recipe: {
				arms: {
					cot: [
						{ kind: 'tokens', tokens: ['<cot>'] },
						{ kind: 'decode', stop: ['<a>'] },
						{ kind: 'decode', stop: ['<eos>'] },
					],
				},
			},
		},
		options: { seed: 0, temperature: 0, topK: TOP },
		runtime: { engine: 'none', platform: 'test' },
		arms: [
			arm(
				'cot',
				[forced('<cot>'), ...written, { kind: 'token', id: id('<a>') }, ...answer(' is a gerpus.')],
				' is a impus. is a yimpus. is a felpus. is a gerpus.',
				'gerpus',
			),
			arm(
				'latent',
				[forced('<latent>'), ...latents, forced('<a>'), ...answer(' is a jelpus.')],
				' is a jelpus.',
				'jelpus',
				{
					thoughts: latents.map((_, index) => ({
						index,
						producedAt: first + index,
						fedAt: first + index + 1,
						spare: index === 3 ? 'drifts' : undefined,
					})),
					feedback: 'state after the final norm',
				},
			),
			arm('direct', [forced('<direct>'), forced('<a>'), ...answer(' is a jelpus.')], ' is a jelpus.', 'jelpus'),
		],
		probes: [
			{
				name: 'first-option',
				label: 'The first option is the answer',
				arm: 'latent',
				sha256: '3'.repeat(64),
				metrics: [
					{ step: 0, layer: 0, auroc: 0.1, ci: [0, 0.2], shuffled: 0.9, random: 0.9 },
					{ step: 0, layer: LAYERS, auroc: 0.9, ci: [0.8, 0.95], shuffled: 0.5, random: 0.52 },
					{ step: 1, layer: LAYERS, auroc: 1, ci: [0.9, 1], shuffled: 0.52, random: 0.5 },
				],
			},
			{
				name: 'within-k-hops:gerpus',
				label: 'gerpus is within k hops',
				arm: 'latent',
				sha256: '3'.repeat(64),
				metrics: [],
			},
			{
				name: 'within-k-hops:jelpus',
				label: 'jelpus is within k hops',
				arm: 'latent',
				sha256: '3'.repeat(64),
				metrics: [],
			},
		],
		tokens: vocabulary.map((text, index) => ({ id: index, text })),
		notes: ['A note.'],
	};
}

/** Ids that thought i reads as at the last site, best first; every other position and site reads as ids 0, 1, 2. */
export const READS = [
	[4, 5, 6],
	[5, 6, 7],
	[8, 7, 9],
	[9, 8, 4],
];

/** All planes of the document; `lse` is 0, so that logits are log-probabilities. */
export function sampleTensors(document: TraceDocument): TensorInput[] {
	const tensor = (name: string, dtype: DType, shape: number[], data: PlaneData): TensorInput => ({
		name,
		dtype,
		shape,
		chunks: [data],
	});
	return document.arms.flatMap((arm) => {
		const T = arm.steps.length;
		const ids = Int32Array.from({ length: T * SITES * TOP }, (_, i) => i % TOP);
		for (const { index, producedAt } of arm.thoughts) {
			ids.set(READS[index]!, (producedAt * SITES + LAYERS) * TOP);
		}
		const floats = (length: number, value: (i: number) => number) => Float32Array.from({ length }, (_, i) => value(i));
		const K = arm.thoughts.length;
		const own =
			K === 0
				? []
				: [
						tensor(
							`${arm.name}/latent.vec`,
							'F32',
							[K, WIDTH],
							floats(K * WIDTH, (i) => (i % WIDTH === 0 ? 3 : i % WIDTH === 1 ? 4 : 0)),
						),
						tensor(
							`${arm.name}/neighbour.topk_id`,
							'I32',
							[K, 2],
							Int32Array.from({ length: K * 2 }, (_, i) => 4 + i),
						),
						tensor(
							`${arm.name}/neighbour.topk_cosine`,
							'F32',
							[K, 2],
							floats(K * 2, (i) => (i % 2 ? 0.25 : 0.75)),
						),
						...document.probes.map((probe, p) => {
							const scores = new Float32Array(T * SITES).fill(NaN);
							for (const { index, producedAt } of arm.thoughts) {
								for (let site = 0; site < SITES; site++) {
									scores[producedAt * SITES + site] = (p + 1) / 10 + index / 100 + site / 1000;
								}
							}
							return tensor(`${arm.name}/probe.${probe.name}.score`, 'F32', [T, SITES], scores);
						}),
					];
		return [
			tensor(
				`${arm.name}/tokens.id`,
				'I32',
				[T],
				Int32Array.from(arm.steps, (step) => step.id),
			),
			tensor(
				`${arm.name}/tokens.logprob`,
				'F32',
				[T],
				floats(T, (i) => (i === 0 ? NaN : Math.log(1 / (1 + (i % 4))))),
			),
			tensor(`${arm.name}/hidden.resid`, 'F16', [T, SITES, WIDTH], toHalf(floats(T * SITES * WIDTH, (i) => i / 8))),
			tensor(`${arm.name}/lens.topk_id`, 'I32', [T, SITES, TOP], ids),
			tensor(
				`${arm.name}/lens.topk_logit`,
				'F32',
				[T, SITES, TOP],
				floats(T * SITES * TOP, (i) => Math.log([0.5, 0.25, 0.125][i % TOP]!)),
			),
			tensor(
				`${arm.name}/lens.lse`,
				'F32',
				[T, SITES],
				floats(T * SITES, () => 0),
			),
			tensor(
				`${arm.name}/lens.entropy`,
				'F32',
				[T, SITES],
				floats(T * SITES, (i) => i % SITES),
			),
			tensor(
				`${arm.name}/lens.kl_final`,
				'F32',
				[T, SITES],
				floats(T * SITES, (i) => LAYERS - (i % SITES)),
			),
			...own,
		];
	});
}
