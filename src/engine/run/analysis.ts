/** One analysis: every arm of a prompt, with every position read out, streamed while it runs, and written when it is done. */
import { basename } from 'node:path';
import { readAnswer } from '../../analysis/answers';
import type { Probe } from '../../analysis/probe';
import { spareReason } from '../../analysis/spare';
import { ruleInWords } from '../../analysis/stopRules';
import { parseTask, type Task } from '../../analysis/task';
import { SCHEMA_VERSION, type ArmRecord, type Stopped, type TraceDocument } from '../../trace/document';
import { writeTrace } from '../../trace/writer.node';
import type { EvidenceRecord } from '../../trace/evidence';
import type { PlaneName } from '../../trace/planes';
import type { AnalyzeEvent, AnalyzeParams, EvidenceParams, RuntimeInfo } from '../api';
import { checkFits, isUntrained, planArms, trainedLatentsOf, type ArmPlan } from './arm';
import { EngineError, quoted } from '../error';
import { Gathering } from '../evidence/gathering';
import type { Shared } from '../evidence/subject';
import { sha256 } from '../model/folder';
import type { Model } from '../model/model';
import { producer } from '../product';
import { readProbeFile } from '../probing/probeFile';
import { LensReader, type ScoredProbe } from './readers';
import { probesFor } from '../probing/probes';
import { ArmRun, samplingOf } from './run';
import type { Sheet } from './sheet';
import { Starts } from './starts';
import { Stream } from './stream';
import type { Encoded } from '../tokens/tokenizer';
import { unknownWords } from './unknown';

/** In a trace whose evidence was not gathered to its end. */
const CUT_SHORT =
	'Tests and controls are missing, because they had not ended when this was written: analyze the prompt again, or ask “Is This Run Load-Bearing?”.';

/** A finished arm. */
interface Done {
	record: ArmRecord;
	sheet: Sheet;
}

export class AnalysisRun {
	private readonly stream: Stream;
	private readonly encoded: Encoded;
	private readonly task: Task | undefined;
	private readonly topK: number;
	private readonly plans: ArmPlan[];
	private readonly starts: Starts;
	private readonly notes: string[];

	constructor(
		private readonly model: Model,
		private readonly runtime: RuntimeInfo,
		private readonly params: AnalyzeParams,
		private readonly shared: Shared,
		private readonly signal: AbortSignal,
		private readonly emit: (event: AnalyzeEvent) => void,
	) {
		const { recipe, shape } = model.manifest;
		const { prompt, options, arms, notes = [] } = params;
		this.notes = [...notes];
		this.encoded = model.tokenizer.encode(prompt.text);
		this.task = parseTask(prompt.text);
		this.topK = Math.min(options.topK, shape.vocabulary);
		this.plans = planArms(recipe, arms, options, (token) => model.tokenizer.idOf(token));
		this.plans.forEach((plan) => checkFits(plan, this.encoded.ids, shape.context));
		model.checkRuns(this.plans);
		this.stream = new Stream(emit, (id) => model.tokenizer.record(id));
		this.starts = new Starts(model, this.encoded, this.topK, this.stream, signal);
	}

	async run(): Promise<TraceDocument> {
		const document = this.blank();
		const own = await this.userProbes();
		document.notes = [...this.notes];
		const probes = [...this.model.probes, ...own]
			.filter((probe) => this.plans.some((plan) => plan.name === probe.arm))
			.flatMap((probe) => probesFor(probe, this.params.prompt.text));
		document.probes = probes.map(({ record }) => record);
		this.stream.started(document);
		const done: Done[] = [];
		for (const [i, plan] of this.plans.entries()) {
			done.push(
				await this.arm(
					plan,
					i,
					probes.filter(({ probe }) => probe.arm === plan.name),
				),
			);
		}
		const finished = { ...document, arms: done.map(({ record }) => record), tokens: this.stream.tokens, notes: this.notes };
		if (!this.params.evidence) {
			await this.write(finished, done);
			return finished;
		}
		if (this.params.out !== undefined) {
			// Whatever becomes of the evidence, what the arms did is not lost.
			await this.write({ ...finished, notes: [...this.notes, CUT_SHORT] }, done);
			this.emit({ kind: 'written' });
		}
		const evidence = await this.evidence(this.params.evidence, done);
		await this.write({ ...finished, evidence }, done);
		return { ...finished, evidence };
	}

	private async write(document: TraceDocument, done: readonly Done[]): Promise<void> {
		if (this.params.out !== undefined) {
			this.stream.progress('Writing the trace', 1);
			const tensors = done.flatMap(({ record, sheet }) => sheet.tensors(record.name));
			await writeTrace(
				this.params.out,
				document,
				tensors.map((tensor) => ({ ...tensor, chunks: untilAborted(tensor.chunks, this.signal) })),
			);
		}
	}

	/** Its planes become part of the sheets. */
	private evidence(evidence: EvidenceParams, done: readonly Done[]): Promise<EvidenceRecord> {
		const { model, plans, task, params, signal, emit } = this;
		const arms = done.map(({ record }) => record);
		const subject = { model, prompt: params.prompt.text, task, plans, arms, options: params.options, evidence };
		const outlet = {
			signal,
			emit,
			plane: (arm: string, plane: PlaneName, values: Float32Array) => {
				const { sheet } = done.find(({ record }) => record.name === arm)!;
				sheet.append(plane, values);
				this.stream.rows(arm, sheet);
			},
			evidence: (record: EvidenceRecord) => emit({ kind: 'evidence', evidence: record }),
		};
		return new Gathering(subject, this.shared, outlet).run();
	}

	/** One that cannot be read is an error or a note, as the caller wishes. */
	private async userProbes(): Promise<Probe[]> {
		const { probes: paths = [], strictProbes } = this.params;
		const found: Probe[] = [];
		for (const path of paths) {
			try {
				const probe = await readProbeFile(path, this.model);
				if ([...this.model.probes, ...found].some(({ name }) => name === probe.name)) {
					throw new EngineError(
						`The probe ${quoted(basename(path))} has the name ${probe.name}, as another one does: train it under another name.`,
						'bad-request',
					);
				}
				found.push(probe);
			} catch (error) {
				if (strictProbes || !(error instanceof EngineError)) {
					throw error;
				}
				this.notes.push(error.message);
			}
		}
		return found;
	}

	private async arm(plan: ArmPlan, index: number, probes: readonly ScoredProbe[]): Promise<Done> {
		const begun = performance.now();
		const { manifest, cost, tokenizer, answerPattern } = this.model;
		const { options } = this.params;
		this.stream.progress(
			`Running arm ${plan.name}`,
			index / this.plans.length,
			cost.seconds(cost.chunk, manifest.shape.context, true),
		);
		const start = await this.starts.of(plan);
		const latentWidth = this.model.latentWidth(plan);
		const sheet = start.sheet.copy(latentWidth);
		const record = (state: ArmRecord['state'], written: ArmRun['written'], stopped?: Stopped): ArmRecord => {
			const answer = tokenizer.decode(written.filter(({ role }) => role === 'answer').map(({ id }) => id));
			return {
				name: plan.name,
				state,
				steps: [...sheet.steps],
				thoughts: [...sheet.thoughts],
				text: tokenizer.decode(written.map(({ id }) => id)),
				answer: readAnswer(answer, answerPattern),
				feedback: plan.feedback,
				...(latentWidth === manifest.shape.width ? {} : { latentWidth }),
				...(stopped ? { stopped } : {}),
				milliseconds: performance.now() - begun,
			};
		};
		const reader = this.reader(plan, sheet, probes, () => {
			if (this.stream.due) {
				this.stream.snapshot(record('running', run.written), sheet);
			}
		});
		const run = new ArmRun(this.model, plan, start.prefix, reader, samplingOf(options, plan), this.signal);
		const { state, note, stopped } = await run.run();
		if (note !== undefined) {
			this.notes.push(note);
		}
		if (stopped?.rule === 'limit') {
			this.notes.push(unstopped(plan, stopped));
		}
		const finished = record(state, run.written, stopped);
		this.stream.snapshot(finished, sheet);
		return { record: finished, sheet };
	}

	private reader(plan: ArmPlan, sheet: Sheet, probes: readonly ScoredProbe[], tick: () => void): LensReader {
		const trained = trainedLatentsOf(plan, this.model.manifest.recipe);
		return new LensReader(
			this.model,
			sheet,
			this.topK,
			probes,
			(thought) => spareReason(thought, trained, this.task),
			tick,
			this.signal,
		);
	}

	/** The document before anything has run. */
	private blank(): TraceDocument {
		const { prompt, options } = this.params;
		const { model } = this;
		this.notes.push(...unknownWords(prompt.text, this.encoded, model.tokenizer.unknownId));
		for (const { name } of this.plans.filter((plan) => isUntrained(plan, model.manifest.recipe))) {
			this.notes.push(`Arm ${name} feeds states back to a model that was not trained on them: what its thoughts read as is no evidence of reasoning.`);
		}
		const neighbours = model.unavailable.get('neighbours');
		const { logitsOnly, layout } = model.manifest;
		if (options.loops !== undefined && !layout) {
			this.notes.push('The number of loops was ignored, because this model does not loop over depth.');
		}
		const thinking = this.plans.flatMap(({ segments }) => segments.filter((segment) => segment.kind === 'latent'));
		if (options.latents !== undefined && thinking.length === 0) {
			this.notes.push('The number of latents was ignored, because no arm that ran thinks in latents.');
		}
		if (options.noise !== undefined && thinking.every(({ noise }) => noise === undefined)) {
			this.notes.push('The scale of the noise was ignored, because no thought of the arms that ran is made with noise.');
		}
		if (model.note !== undefined) {
			this.notes.push(model.note);
		}
		if (logitsOnly !== undefined) {
			this.notes.push(`Only the logits of this model can be seen and not its layers, because ${logitsOnly}.`);
		} else if (neighbours !== undefined) {
			this.notes.push(`The nearest input embeddings of the thoughts are missing, because ${neighbours}.`);
		}
		return {
			version: SCHEMA_VERSION,
			producer: producer(),
			created: new Date().toISOString(),
			prompt: { ...prompt, sha256: sha256(prompt.text) },
			model: model.record(),
			options: { ...options, topK: this.topK },
			runtime: { engine: this.runtime.engine, platform: this.runtime.platform },
			arms: [],
			probes: [],
			tokens: [],
			notes: [...this.notes],
		};
	}
}

/** Of an arm that thought for as long as it may. */
function unstopped({ name, segments }: ArmPlan, { at }: Stopped): string {
	const rules = segments.flatMap((segment) => (segment.kind === 'latent' ? (segment.stop ?? []) : [])).map(ruleInWords);
	return `Arm ${name} thought to its limit and had ${at} thoughts then, because it never came to be that ${rules.join(' or that ')}.`;
}

/** A cancel ends the writing too, and the writer then removes what it has written. */
function* untilAborted<T>(chunks: Iterable<T>, signal: AbortSignal): Generator<T> {
	for (const chunk of chunks) {
		signal.throwIfAborted();
		yield chunk;
	}
}
