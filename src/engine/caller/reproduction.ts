/** Runs the checks of the presets on one model. On the caller's side, like `dataset.ts`. */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { unembeddingDifference } from '../../analysis/invariants';
import { UNAVAILABLE, type Check, type PresetName } from '../../analysis/presets';
import { accuracyChecks, invariantCheck, shuffledCheck, type Invariant, type Reproduction } from '../../analysis/reproduction';
import type { ProblemSet } from '../../prompts/problems';
import { LiveTrace } from '../../trace/live';
import type { AnalyzeEvent, ModelCard } from '../api';
import { evaluateSet, type SetContext } from './dataset';

/** The engine's own limit on top tokens: of a larger vocabulary the likeliest are compared. */
const MAX_TOP = 1_000;

export interface ReproduceRequest {
	/** Name and version of this tool. */
	producer: string;
	/** Folder. */
	model: string;
	presets: readonly PresetName[];
	data: ProblemSet;
	limit?: number;
}

export async function reproduce(request: ReproduceRequest, context: SetContext): Promise<Reproduction> {
	const { producer, model, presets, data, limit } = request;
	const { signal } = context;
	const onEvent = ({ message }: { message: string }) => context.progress(message);
	const card = await context.call('load', { model }, { signal, onEvent });
	const evaluation = presets.includes('prosqa')
		? await evaluateSet(
				{
					producer,
					model,
					twin: card.relatives.twin === undefined ? undefined : true,
					data,
					limit,
					options: { seed: 0, temperature: 0 },
					causal: false,
				},
				context,
			)
		: undefined;
	const checks = [
		...(evaluation ? accuracyChecks(evaluation) : []),
		...UNAVAILABLE.filter(({ preset }) => presets.includes(preset)).map(
			(one): Check => ({ ...one, measured: '–', verdict: 'not measured' }),
		),
		...(presets.includes('invariants') ? await invariants(card, data.problems[0]!.question, context) : []),
		...(presets.includes('negatives') ? await negatives(card, data.problems[0]!.question, context) : []),
	];
	const { name, sha256 } = data;
	return {
		model: { id: card.id, sha256: card.sha256 },
		data: { name, sha256, n: Math.min(limit ?? Infinity, data.problems.length) },
		checks,
		...(evaluation ? { evaluation } : {}),
	};
}

/** The problems that came with a model, where it has any; the engine checks their hash when it loads the model. */
export async function referenceFile(folder: string): Promise<string | undefined> {
	const manifest = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8')) as { reference?: { name?: unknown } };
	const name = manifest.reference?.name;
	return typeof name === 'string' ? join(folder, basename(name)) : undefined;
}

/** On one prompt: what must hold holds on every one. */
async function invariants(card: ModelCard, prompt: string, context: SetContext): Promise<Check[]> {
	const { live } = await analyzed(card, prompt, context, false);
	const tested = (name: string) => card.selfTest.find((test) => test.name === name)?.maxAbsDiff;
	const why = 'From the self-test that ran when the model was loaded.';
	const arm = live.document.arms.find(({ thoughts }) => thoughts.length > 0);
	const fed = arm?.feedback;
	const unembedded = arm && (await unembeddingDifference(live, arm));
	const all: Invariant[] = [
		{
			what: 'Lens at the last site less the model’s logits',
			value: tested('lens at the last site and the logits'),
			unit: 'logits',
			why,
		},
		{
			what: 'Embeddings fed as vectors less tokens fed as ids',
			value: tested('embeddings fed instead of ids'),
			unit: 'residual stream',
			why,
		},
		{
			what: 'Unembedding of a thought less the logits at the position before it is fed',
			value: unembedded,
			unit: 'logits',
			why:
				unembedded === undefined
					? 'The model has no two thoughts with cosines to its embeddings.'
					: `Over ${arm!.thoughts.length} thoughts (${fed ?? ''}): norms of embeddings from one of them, tested on the others; assumes tied embeddings.`,
		},
		{
			what: 'Engine less PyTorch',
			unit: 'logits',
			why: 'PyTorch does not run here: the unit test of parity compares with a stored run of it.',
		},
	];
	return all.map(invariantCheck);
}

/** Random weights from the evidence of a run, where the engine gathers any. */
async function negatives(card: ModelCard, prompt: string, context: SetContext): Promise<Check[]> {
	const { document } = await analyzed(card, prompt, context, true);
	const line = {
		preset: 'negatives' as const,
		what: 'Random weights: thoughts that read better than on shuffled questions',
		expected: 'none',
		source: 'what a level means',
	};
	const cohort = document.evidence?.cohorts.find(({ role }) => role === 'random weights');
	const read = cohort?.thoughts.filter(({ live, shuffled }) => live && shuffled) ?? [];
	const better = read.filter(({ live, shuffled }) => live!.ci[0] > shuffled!.ci[1]);
	const random: Check =
		read.length === 0
			? { ...line, measured: '–', verdict: 'not measured', why: 'This run gathered no evidence on random weights.' }
			: {
					...line,
					measured: `${better.length} of ${read.length} thoughts, ${cohort!.prompts} prompts`,
					verdict: better.length === 0 ? 'within' : 'outside',
					why: 'Better: the interval of the mass on live candidates lies above that of shuffled questions.',
				};
	const shuffled = card.probes.flatMap(({ metrics }) => metrics.map((metric) => metric.shuffled));
	const nulls: Check = {
		preset: 'negatives',
		what: 'Null vectors in place of thoughts stay at L0',
		expected: 'none above L0',
		source: 'what a level means',
		measured: '–',
		verdict: 'not measured',
		why: 'The evidence has no record of null vectors; what they do to answers is eval --causal, ablate-zero.',
	};
	return [random, shuffledCheck(shuffled), nulls];
}

async function analyzed(card: ModelCard, prompt: string, { call, signal, progress }: SetContext, evidence: boolean) {
	let live: LiveTrace | undefined;
	const receive = (event: AnalyzeEvent) => {
		switch (event.kind) {
			case 'progress':
				return progress(event.message);
			case 'started':
				live = new LiveTrace(event.document);
				return;
			case 'written':
				return;
			default:
				return live?.receive(event);
		}
	};
	const { document } = await call(
		'analyze',
		{
			model: card.folder,
			prompt: { name: 'problem 0', format: 'plain', text: prompt, pieces: [] },
			options: { seed: 0, temperature: 0, topK: Math.min(MAX_TOP, card.shape.vocabulary) },
			...(evidence ? { evidence: {} } : {}),
		},
		{ signal, onEvent: receive },
	);
	return { live: live!, document };
}
