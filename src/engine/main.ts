/** Entry of the forked child: serves `EngineApi` over the process's channel and ends with it. */
import { goldOf } from '../analysis/answers';
import type { RunOptions } from '../trace/document';
import { serve, type CallContext, type Handlers, type Port } from '../shared/rpc';
import { addModel } from './adding/adding';
import { AnalysisRun } from './run/analysis';
import type {
	AddedModel,
	AddParams,
	AnalyzeEvent,
	AnalyzeParams,
	AnalyzeResult,
	CausalEvent,
	CausalParams,
	CausalResult,
	CheckParams,
	EngineApi,
	EvaluateEvent,
	EvaluateParams,
	LegibilityEvent,
	LegibilityParams,
	LegibilityResult,
	EvaluateProbeParams,
	FeaturesEvent,
	FeaturesParams,
	FeaturesResult,
	ModelCheck,
	OodParams,
	OodResult,
	ProbeReport,
	ProgressEvent,
	Rendered,
	RenderParams,
	RuntimeInfo,
	TrainProbeParams,
} from './api';
import { CausalRun } from './causal/sweep';
import { rendered } from './adding/chat';
import { checkModel } from './adding/check';
import { EngineError } from './error';
import { evaluate } from './run/evaluation';
import { sendFeatures } from './probing/features';
import type { Model } from './model/model';
import { ADDING_SECONDS, Models } from './model/models';
import { Ood } from './evidence/ood';
import { withPeers, type Lend } from './legibility/peers';
import { WrittenRun } from './legibility/written';
import { evaluateProbe, trainProbe } from './probing/probing';
import { register } from './machine/registry';
import {
	addRequest,
	analyzeRequest,
	causalRequest,
	checked,
	checkRequest,
	configureRequest,
	evaluateProbeRequest,
	evaluateRequest,
	featuresRequest,
	goldsRequest,
	legibilityRequest,
	loadRequest,
	oodRequest,
	renderRequest,
	trainProbeRequest,
} from './request';
import { PLATFORM } from './runtime';

const models = new Models();
const ood = new Ood();

/** Cancelled work that has not ended yet. */
const ending = new Set<Promise<unknown>>();

/** Of what `model` runs on, where that is not what all of them are meant to. */
function runtimeInfo(model?: Model): RuntimeInfo {
	const { provider, providers, runtime } = models;
	const parts = [runtime.name, (model?.provider ?? provider).used, ...(model?.lowMemory ? ['low memory'] : [])];
	return { engine: parts.join(', '), platform: PLATFORM, pid: process.pid, provider, providers };
}

async function untilEnded<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
	const end = () => void ending.add(work);
	signal.addEventListener('abort', end);
	try {
		return await work;
	} finally {
		signal.removeEventListener('abort', end);
		ending.delete(work);
	}
}

type Emit = (event: ProgressEvent) => void;
type Run = Pick<RunOptions, 'loops' | 'seed'>;

function use<T>(folder: string, signal: AbortSignal, emit: Emit, work: (model: Model) => T | Promise<T>): Promise<T> {
	const progress = (message: string, fraction?: number, seconds?: number) => emit({ kind: 'progress', message, fraction, seconds });
	return models.use(folder, { signal, progress }, work);
}

/** With the loops over depth of a run, and the start states of its seed. */
function useAt<T>(folder: string, run: Run, signal: AbortSignal, emit: Emit, work: (model: Model) => T | Promise<T>): Promise<T> {
	return use(folder, signal, emit, (model) => work(model.atDepth(run)));
}

async function analyze(params: AnalyzeParams, { signal, emit }: CallContext<AnalyzeEvent>): Promise<AnalyzeResult> {
	const request = checked(analyzeRequest, params);
	const document = await useAt(request.model, request.options, signal, emit, (model) =>
		new AnalysisRun(model, runtimeInfo(model), request, { models, ood }, signal, emit).run(),
	);
	return { document, peakMemory: process.resourceUsage().maxRSS * 1024 };
}

async function render(params: RenderParams, signal: AbortSignal, emit: Emit): Promise<Rendered[]> {
	const request = checked(renderRequest, params);
	return use(request.model, signal, emit, (model) => request.conversations.map((messages) => rendered(model, messages)));
}

async function add(params: AddParams, { signal, emit }: CallContext<ProgressEvent>): Promise<AddedModel> {
	const request = checked(addRequest, params);
	const progress = (message: string, fraction: number) => emit({ kind: 'progress', message, fraction, seconds: ADDING_SECONDS });
	progress('Opening the export', 0);
	const folder = await addModel(models.runtime, { ...request, signal, progress });
	const card = await use(folder, signal, emit, (model) => model.card());
	return { ...card, listedAs: await register(folder, card.id) };
}

async function check(params: CheckParams, { signal, emit }: CallContext<ProgressEvent>): Promise<ModelCheck> {
	const request = checked(checkRequest, params);
	return use(request.model, signal, emit, (model) => {
		emit({ kind: 'progress', message: 'Comparing with the original graph', seconds: ADDING_SECONDS });
		return checkModel(models.runtime, model, request.reference, signal);
	});
}

async function evaluateAll(
	params: EvaluateParams,
	{ signal, emit }: CallContext<EvaluateEvent>,
): Promise<{ runtimeSeconds: number }> {
	const request = checked(evaluateRequest, params);
	return { runtimeSeconds: await useAt(request.model, request.options, signal, emit, (model) => evaluate(model, request, signal, emit)) };
}

async function causal(params: CausalParams, { signal, emit }: CallContext<CausalEvent>): Promise<CausalResult> {
	const request = checked(causalRequest, params);
	return useAt(request.model, request.options, signal, emit, (model) => new CausalRun(model, request, signal, emit).run());
}

async function measureOod(params: OodParams, { signal, emit }: CallContext<ProgressEvent>): Promise<OodResult> {
	const request = checked(oodRequest, params);
	return useAt(request.model, request.options, signal, emit, (model) => ood.run(model, request, signal, emit));
}

async function measureLegibility(
	params: LegibilityParams,
	{ signal, emit }: CallContext<LegibilityEvent>,
): Promise<LegibilityResult> {
	const request = checked(legibilityRequest, params);
	const lend: Lend = (folder, work) => useAt(folder, request.options, signal, emit, work);
	return lend(request.model, (model) =>
		withPeers(model, request, lend, (peers) => new WrittenRun(model, peers, request, signal, emit).run()),
	);
}

async function features(params: FeaturesParams, { signal, emit }: CallContext<FeaturesEvent>): Promise<FeaturesResult> {
	const request = checked(featuresRequest, params);
	return useAt(request.model, request.options, signal, emit, (model) => sendFeatures(model, request, signal, emit));
}

async function train(params: TrainProbeParams, { signal, emit }: CallContext<ProgressEvent>): Promise<ProbeReport> {
	const request = checked(trainProbeRequest, params);
	return useAt(request.model, request.options, signal, emit, (model) => trainProbe(model, request, signal, emit));
}

async function measureProbe(params: EvaluateProbeParams, { signal, emit }: CallContext<ProgressEvent>): Promise<ProbeReport> {
	const request = checked(evaluateProbeRequest, params);
	return useAt(request.model, request.options, signal, emit, (model) => evaluateProbe(model, request, signal, emit));
}

const handlers: Handlers<EngineApi> = {
	// Its answer tells the parent that whatever was cancelled has ended.
	describe: async () => {
		await Promise.allSettled(ending);
		return runtimeInfo();
	},
	configure: async (params) => {
		const { execution, barred } = checked(configureRequest, params);
		await models.configure(execution, barred);
		return runtimeInfo();
	},
	load: (params, { signal, emit }) => use(checked(loadRequest, params).model, signal, emit, (model) => model.card()),
	render: (params, { signal, emit }) => render(params, signal, emit),
	golds: (params, { signal, emit }) => {
		const { model: folder, texts } = checked(goldsRequest, params);
		return use(folder, signal, emit, ({ answerPattern }) => texts.map((text) => goldOf(text, answerPattern)));
	},
	add: (params, context) => untilEnded(add(params, context), context.signal),
	check: (params, context) => untilEnded(check(params, context), context.signal),
	analyze: (params, context) => untilEnded(analyze(params, context), context.signal),
	evaluate: (params, context) => untilEnded(evaluateAll(params, context), context.signal),
	causal: (params, context) => untilEnded(causal(params, context), context.signal),
	ood: (params, context) => untilEnded(measureOod(params, context), context.signal),
	legibility: (params, context) => untilEnded(measureLegibility(params, context), context.signal),
	features: (params, context) => untilEnded(features(params, context), context.signal),
	trainProbe: (params, context) => untilEnded(train(params, context), context.signal),
	evaluateProbe: (params, context) => untilEnded(measureProbe(params, context), context.signal),
};

/** The parent may be gone before a message is sent: then this process is about to end. */
const parent: Port = {
	post: (message) => {
		if (process.connected) {
			process.send!(message, undefined, undefined, () => {});
		}
	},
	onMessage: (listener) => {
		process.on('message', listener);
		return { dispose: () => void process.off('message', listener) };
	},
};

if (!process.send) {
	throw new EngineError('The engine is started by the extension or the command line, not by hand.', 'bad-request');
}
serve(parent, handlers);
process.on('disconnect', () => process.exit());
// Ctrl+C in a terminal reaches the whole group: the parent decides what it means.
process.on('SIGINT', () => {});
