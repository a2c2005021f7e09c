/**
 * A set of problems through the engine: answers and causal tests of a model and of its twin, problem by problem into a journal, and
 * counted at the end. On the caller's side: the command line and the editor share it.
 */
import { dirname, join } from 'node:path';
import { CAUSAL_TESTS, isWritten, type CausalTest } from '../../analysis/causal';
import { aggregate } from '../../analysis/evaluation/aggregate';
import { doneOf } from '../../analysis/evaluation/journal';
import type { AnswerOutcome, Outcome, Role, Setup, TestOutcome } from '../../analysis/evaluation/outcome';
import type { Evaluation } from '../../analysis/evaluation/result';
import type { ProblemSet } from '../../prompts/problems';
import type { RunOptions } from '../../trace/document';
import { replaceText } from '../../trace/replace.node';
import type { CausalParams, CausalRow, EngineApi, ModelCard } from '../api';
import { questionsFor, type Rendering } from './conversation';
import { EngineError } from '../error';
import { Journal } from './journal';

/** Each costs a run of every arm with thoughts; a mean over more changes little. */
const MAX_REFERENCE = 300;

/** Tests of a set: latent ones that change all thoughts, and for which the prompt itself says what is put in. */
export const SET_TESTS: readonly CausalTest[] = CAUSAL_TESTS.filter(
	(test) => !isWritten(test) && test !== 'patch' && test !== 'interchange',
);

export interface SetRequest {
	/** Name and version of this tool: another version begins anew. */
	producer: string;
	/** Folder. */
	model: string;
	/** Folder of the control without recurrence; `true` for the one that the model names. */
	twin?: string | true;
	data: ProblemSet;
	/** Takes only the first problems. */
	limit?: number;
	arms?: string[];
	options: Omit<RunOptions, 'topK'>;
	causal: boolean;
	chatTemplate?: Rendering['chatTemplate'];
	/** Where the result is written, and beside it the journal; nothing is written where absent. */
	out?: string;
}

export interface SetContext extends Omit<Rendering, 'chatTemplate'> {
	/** `fraction`: of the whole run. */
	progress(message: string, fraction?: number): void;
	/** What the user should know: one sentence. */
	note(message: string): void;
	/** Called with the model's card before anything runs; may refuse. */
	check?(card: ModelCard): void;
}

export async function evaluateSet(request: SetRequest, context: SetContext): Promise<Evaluation> {
	const { data, out, causal, options } = request;
	const { signal } = context;
	const load = (model: string) =>
		context.call('load', { model }, { signal, onEvent: ({ message }) => context.progress(message) });
	const { engine, provider } = await context.call('describe', undefined, { signal });
	const card = await load(request.model);
	const runtime = card.provider.used === provider.used ? engine : `${engine}, but ${card.id} on ${card.provider.used}`;
	context.check?.(card);
	const twin = request.twin === undefined ? undefined : await load(twinFolder(request.twin, card));
	const problems = data.problems.slice(0, request.limit);
	const setup: Setup = {
		producer: request.producer,
		model: { id: card.id, sha256: card.sha256 },
		...(twin ? { twin: { id: twin.id, sha256: twin.sha256 } } : {}),
		data: { name: data.name, sha256: data.sha256, n: problems.length, of: data.problems.length },
		options: { arms: request.arms, ...options, ...(request.chatTemplate === 'off' ? { chatTemplate: 'off' as const } : {}) },
		...(causal ? { causal: { tests: [...SET_TESTS], reference: Math.min(MAX_REFERENCE, problems.length) } } : {}),
	};
	const journal = out === undefined ? undefined : await Journal.open(out, setup);
	const outcomes = [...(journal?.outcomes ?? [])];
	const kinds = causal ? (['answers', 'tests'] as const) : (['answers'] as const);
	const phases = [card, ...(twin ? [twin] : [])].flatMap((model, i) =>
		kinds.map((kind): Phase => ({ kind, role: i === 0 ? 'model' : 'twin', card: model })),
	);
	if (outcomes.length > 0) {
		const done = outcomes.length;
		context.note(`Going on after ${done} of ${phases.length * problems.length} steps that ${journal!.name} holds.`);
	}
	try {
		for (const [i, phase] of phases.entries()) {
			const add = (outcome: Outcome) => {
				journal?.add(outcome);
				outcomes.push(outcome);
				const whose = twin ? ` (${phase.card.id})` : '';
				const what = phase.kind === 'answers' ? 'problems answered' : 'problems tested';
				const done = outcome.problem + 1;
				context.progress(`${done} of ${problems.length} ${what}${whose}`, (i + done / problems.length) / phases.length);
			};
			await run(phase, doneOf(outcomes, phase.role, phase.kind), request, { ...context, setup, add });
		}
	} finally {
		journal?.close();
	}
	const evaluation = aggregate(setup, outcomes, { created: new Date().toISOString(), runtime });
	if (out !== undefined) {
		await replaceText(out, 'The result', `${JSON.stringify(evaluation)}\n`);
		await journal!.remove();
	}
	return evaluation;
}

/** The folder beside the model's own whose name its manifest gives. */
function twinFolder(twin: string | true, { id, folder, relatives }: ModelCard): string {
	if (twin !== true) {
		return twin;
	}
	if (relatives.twin === undefined) {
		throw new EngineError(`${id} names no twin in its manifest: name a folder, as --twin=DIR.`, 'bad-request');
	}
	return join(dirname(folder), relatives.twin);
}

interface Phase {
	kind: Outcome['kind'];
	role: Role;
	card: ModelCard;
}

interface PhaseContext extends SetContext {
	setup: Setup;
	add(outcome: Outcome): void;
}

async function run(phase: Phase, first: number, request: SetRequest, context: PhaseContext): Promise<void> {
	const { n } = context.setup.data;
	if (first >= n) {
		return;
	}
	const { role, kind, card } = phase;
	const problems = request.data.problems.slice(0, n);
	const golds = await context.call('golds', { model: card.folder, texts: problems.map(({ answer }) => answer) }, { signal: context.signal });
	const right = (problem: number, answer: string | undefined) => answer === golds[problem];
	const questions = problems.map(({ question }) => question);
	const prompts = await questionsFor(card, questions, { ...context, chatTemplate: request.chatTemplate });
	const common = { model: card.folder, prompts, first, arms: request.arms };
	const collected = new Collected<AnswerOutcome | TestOutcome>(first, (problem, items) =>
		context.add(
			kind === 'answers'
				? { kind, role, problem, answers: items as AnswerOutcome[] }
				: { kind, role, problem, tests: items as TestOutcome[] },
		),
	);
	if (kind === 'answers') {
		await guarded(context, 'evaluate', { ...common, options: { ...request.options, topK: 1 } }, (event) => {
			if (event.kind === 'answer') {
				const { index, arm, answer, seconds } = event;
				collected.add(index, { arm, answer: answer ?? null, right: right(index, answer), seconds });
			}
		});
	} else {
		const { latents, loops, noise, seed, maxTokens } = request.options;
		const { tests, reference } = context.setup.causal!;
		const params: CausalParams = {
			...common,
			options: { latents, loops, noise, seed, maxTokens },
			tests: tests as CausalTest[],
			scope: 'whole',
			reference: common.prompts.slice(0, reference).map((text, i) => ({ name: `problem ${i}`, text })),
		};
		const { skipped } = await guarded(context, 'causal', params, (event) => {
			if (event.kind === 'row') {
				collected.add(event.index, testOutcome(event.row, right(event.index, event.row.answer)));
			}
		});
		skipped.forEach((why) => context.note(why));
	}
	collected.end(n);
}

/** A call whose events may fail to be kept, as on a full disk: then it is cancelled, and fails with their error. */
async function guarded<M extends 'evaluate' | 'causal'>(
	{ call, signal }: SetContext,
	method: M,
	params: EngineApi[M]['params'],
	receive: (event: EngineApi[M]['event']) => void,
): Promise<EngineApi[M]['result']> {
	const broken = new AbortController();
	const onEvent = (event: EngineApi[M]['event']) => {
		try {
			receive(event);
		} catch (error) {
			broken.abort(error);
		}
	};
	const result = call(method, params, { signal: AbortSignal.any([signal, broken.signal]), onEvent });
	return result.finally(() => broken.signal.throwIfAborted());
}

/** What belongs to one problem, handed on once the next one begins: the engine takes them in order. */
class Collected<T> {
	private items: T[] = [];

	constructor(
		private problem: number,
		private readonly whole: (problem: number, items: T[]) => void,
	) {}

	add(problem: number, item: T): void {
		this.end(problem);
		this.items.push(item);
	}

	/** Everything before `next` is whole. */
	end(next: number): void {
		for (; this.problem < next; this.problem++) {
			this.whole(this.problem, this.items);
			this.items = [];
		}
	}
}

function testOutcome({ arm, test, form, step, trained, answer, changed, follows, deltaLogOdds, kl }: CausalRow, right: boolean): TestOutcome {
	const finite = (value: number) => (Number.isFinite(value) ? value : null);
	return {
		arm,
		test,
		...(form === undefined ? {} : { form }),
		step,
		...(trained === undefined ? {} : { trained }),
		answer: answer ?? null,
		right,
		changed,
		...(follows === undefined ? {} : { follows }),
		deltaLogOdds: finite(deltaLogOdds),
		kl: finite(kl),
	};
}
