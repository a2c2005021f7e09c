/** A small trace, made of numbers that are easy to recognise: no model ran. */
import type { ArmRecord, Step, TraceDocument } from '../../../src/trace/document';
import type { Estimate, EvidenceRecord } from '../../../src/trace/evidence';
import { toHalf } from '../../../src/trace/half';
import type { DType, PlaneData, TensorInput } from '../../../src/trace/planes';

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

/** One of everything that evidence may hold, about thoughts of the latent arm. */
export function sampleEvidence(): EvidenceRecord {
	const estimate = (value: number): Estimate => ({ value, ci: [value - 0.1, value + 0.1], n: 150 });
	const both = { kl: estimate(4), changed: estimate(0.4) };
	const arm = 'latent';
	return {
		reference: { name: 'reference.json', sha256: '4'.repeat(64), prompts: 150 },
		twin: { id: 'sample-pause', sha256: '5'.repeat(64) },
		seed: 0,
		tests: [
			{
				arm,
				test: 'resample',
				step: 0,
				later: 'recomputed',
				answer: 'gerpus',
				changed: true,
				deltaLogOdds: -3.5,
				kl: 2,
				by: 'thought 0 of "reference 0"',
				draws: estimate(-3),
				control: { answer: 'gerpus', changed: false, deltaLogOdds: 0, kl: 0, draws: estimate(0) },
			},
			{ arm, test: 'patch', form: 'mean', step: 1, site: LAYERS, later: 'recomputed', changed: true, deltaLogOdds: null, kl: null, by: 'mean' },
			{ arm: 'cot', test: 'drop-span', step: 2, later: 'none', changed: false, deltaLogOdds: -0.5, kl: 0.1, by: 'without sentence 2' },
			{ arm, test: 'truncate', step: 4, later: 'none', trained: false, changed: false, follows: false, deltaLogOdds: 0, kl: 0, by: '4 thoughts' },
		],
		ood: [{ arm, feedback: 'state after the final norm', site: 'normed', neighbour: 5, tokens: { n: 11, of: 11 }, text: { n: 1000, of: 19000 } }],
		readings: [
			{
				arm,
				thought: 1,
				candidates: [
					{ label: 'sterpus', group: 'path', mass: 0.25, rank: 2 },
					{ label: 'yimpus', group: 'frontier', mass: 0.5, rank: 1 },
				],
				live: 0.75,
				shuffled: { ...estimate(0.1), p: 1 / 151 },
				twin: 0.1,
				random: 0,
			},
		],
		claims: [
			{
				arm,
				thought: 1,
				claim: 'reads as yimpus, sterpus',
				level: 2,
				rungs: [
					{ level: 1, state: 'reached', why: 'Mass.' },
					{ level: 2, state: 'reached', why: 'Absent in the twin.' },
					{ level: 3, state: 'not reached', why: 'The answer stays.' },
					{ level: 4, state: 'not measured', why: 'Too few prompts.' },
				],
			},
		],
		meter: [
			{
				arm,
				distance: { tokens: 99, text: 48, twinTokens: 60 },
				effect: { kl: 5, changed: true, cohort: both, twin: both },
				capacity: { dimension: 12, width: WIDTH, bits: 9, noise: 0.25, twinBits: 0, unchanged: [{ ratio: 0.25, unchanged: estimate(0.9) }] },
			},
		],
		legibility: [{ arm: 'cot', tokens: 3, repetition: 0, legalSteps: { legal: 3, steps: 3 } }],
		cohorts: [
			{
				role: 'model',
				model: { id: 'sample', sha256: '1'.repeat(64) },
				arm,
				prompts: 150,
				thoughts: [
					{
						thought: 0,
						live: estimate(0.9),
						shuffled: estimate(0.1),
						resample: estimate(-3),
						resampleChanged: estimate(0.5),
						snapKl: estimate(2),
						snapChanged: estimate(0.3),
						dimension: 12,
						bits: 9,
					},
				],
				snap: both,
				noise: [{ ratio: 0.25, unchanged: estimate(0.9) }],
			},
			{ role: 'random weights', model: { id: 'sample', sha256: '6'.repeat(64) }, arm, prompts: 150, thoughts: [{ thought: 0, dimension: 0 }], noise: [] },
		],
		skipped: ['There is no base.'],
	};
}

/** The planes that come with evidence; every thought has its own numbers, the last one is not measured. */
export function evidenceTensors(document: TraceDocument): TensorInput[] {
	return document.arms.flatMap(({ name, thoughts }) => {
		const K = thoughts.length;
		const values = (stride: number) =>
			Float32Array.from({ length: K * stride }, (_, i) => (i >= (K - 1) * stride ? NaN : i / 8));
		return K === 0
			? []
			: [
					{ name: `${name}/ood.norm`, dtype: 'F32' as const, shape: [K, 3], chunks: [values(3)] },
					{ name: `${name}/causal.resample.effect`, dtype: 'F32' as const, shape: [K], chunks: [values(1)] },
					{ name: `${name}/causal.patch-mean.effect`, dtype: 'F32' as const, shape: [K, SITES], chunks: [values(SITES)] },
				];
	});
}
