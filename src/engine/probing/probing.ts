/** Trains probes and measures them: states of labelled prompts, then the fits, between which a cancel gets through. */
import { setImmediate as yielded } from 'node:timers/promises';
import { labelsOfFile, labelsOfTask, PROBE_TASK_NAMES, type ProbeTaskName, type Targets } from '../../analysis/labels';
import { figures, type Figures, type Judged } from '../../analysis/metrics';
import { FOLDS } from '../../analysis/penalty';
import { encodeProbe, isFitted, MAX_TRAINING, probeLogit, PROMPT_HASH, type Probe } from '../../analysis/probe';
import { trainProbe as fit, type Example, type Fitted } from '../../analysis/training';
import type { LabelledPrompt } from '../../prompts/labelled';
import type { ProbeMetric } from '../../trace/document';
import { replaceBytes } from '../../trace/replace.node';
import type { EvaluateProbeParams, ProbeCellReport, ProbeReport, ProgressEvent, TrainProbeParams } from '../api';
import { EngineError, quoted } from '../error';
import { read, statesOf, type Features, type States } from './features';
import { sha256 } from '../model/folder';
import type { Model } from '../model/model';
import { readProbeFile } from './probeFile';

/** Milliseconds of fitting after which waiting messages are received. */
const SLICE = 20;
/** Milliseconds between two events. */
const TICK = 250;
/** Multiplications per second that a fit reaches at least, and passes over its data that one Newton step needs at most. */
const FIT_RATE = 1e8;
const PASSES = 200;

type Emit = (event: ProgressEvent) => void;

export async function trainProbe(model: Model, params: TrainProbeParams, signal: AbortSignal, emit: Emit): Promise<ProbeReport> {
	const { name, task, at, out, source, options } = params;
	const begun = performance.now();
	const states = statesOf(model, params, signal, emit);
	const asked = examplesOf(model, params.examples, task);
	const targets = refused(() => (task ? labelsOfTask(asked.map(({ prompt }) => prompt), task) : labelsOfFile(asked)));
	const labelled = await examples(states, asked, targets);
	const reading = (performance.now() - begun) / 1000;
	const { width, layers } = model.manifest.shape;
	const classes = targets.classes?.length ?? 1;
	const fitted = await patiently(fit({ width, sites: states.sites, classes, examples: labelled }, options.seed), labelled, signal, emit);
	const cells = fitted.cells.map(({ step, site, figures: held, shuffled, random, penalty }) =>
		report(step, site, held, { shuffled, random, penalty }),
	);
	const probe: Omit<Probe, 'sha256'> = {
		name,
		label: params.label ?? targets.label ?? `The label in ${source} is ${targets.classes ? 'this class' : '1'}.`,
		arm: states.plan.name,
		at,
		site: 'resid',
		model: model.manifest.id,
		modelSha256: model.sha256,
		...tensors(fitted, layers + 1, classes, width),
		classes: targets.classes,
		asks: targets.asks,
		task,
		training: trainedOn(asked, labelled, fitted),
		metrics: cells.map(metricOf),
	};
	const { training, heldOut } = fitted.groups;
	const provenance = {
		seed: options.seed,
		n: asked.length - targets.passedOver,
		split: { by: 'group' as const, training, heldOut, folds: FOLDS },
		penalty: cells.map(({ step, layer, penalty }) => ({ step, layer, penalty })),
	};
	await replaceBytes(out, 'The probe', encodeProbe(probe, provenance));
	return {
		...described(model, probe),
		prompts: provenance.n,
		groups: fitted.groups,
		cells,
		unfitted: fitted.unfitted.map(({ step, site }) => [step, site]),
		notes: [...passedOver(targets), ...unconverged(fitted)],
		seconds: { reading, fitting: (performance.now() - begun) / 1000 - reading },
	};
}

export async function evaluateProbe(model: Model, params: EvaluateProbeParams, signal: AbortSignal, emit: Emit): Promise<ProbeReport> {
	const begun = performance.now();
	const probe = await readProbeFile(params.probe, model);
	const known = PROBE_TASK_NAMES.find((name) => name === probe.task);
	const unlabelled = !params.examples?.some(({ label, labels }) => label !== undefined || labels);
	const task = params.task ?? (unlabelled ? known : undefined);
	if (unlabelled && task === undefined) {
		throw new EngineError(`The prompts have no labels, and the probe ${probe.name} names no built-in task: add labels or name a task.`, 'bad-request');
	}
	const states = statesOf(model, { arm: probe.arm, at: probe.at, options: params.options }, signal, emit);
	const trained = new Set(probe.training);
	const all = examplesOf(model, params.examples, task);
	const asked = all.filter(({ prompt }) => !trained.has(hashOf(prompt)));
	if (asked.length === 0) {
		throw new EngineError(`The probe ${probe.name} was trained on every one of these prompts: test it on others.`, 'bad-request');
	}
	const targets = refused(() => (task ? labelsOfTask(asked.map(({ prompt }) => prompt), task) : labelsOfFile(asked)));
	const place = refused(() => placesOf(probe, targets));
	const labelled = await examples(states, asked, targets);
	const reading = (performance.now() - begun) / 1000;
	const { steps, sites } = probe.shape;
	const last = labelled.reduce((most, { words }) => Math.max(most, words.length), 0);
	const cells: ProbeCellReport[] = [];
	const unfitted: [number, number][] = [];
	for (let step = 0; step < (steps > 1 ? Math.min(steps, last) : last); step++) {
		for (let site = 0; site < sites; site++) {
			const judged = isFitted(probe, step, site) ? judge(probe, labelled, place, step, site) : [];
			if (!judged.some(({ positive }) => positive) || !judged.some(({ positive }) => !positive)) {
				unfitted.push([step, site]);
				continue;
			}
			const groups = new Map([...new Set(judged.map(({ group }) => group))].map((group, i) => [group, i]));
			const dense = judged.map((one) => ({ ...one, group: groups.get(one.group)! }));
			cells.push(report(step, site, figures(dense, [], groups.size, params.options.seed, `${step} ${site}`)));
			emit({ kind: 'progress', message: 'Measuring the probe', fraction: step / steps });
			await yielded();
			signal.throwIfAborted();
		}
	}
	if (cells.length === 0) {
		throw new EngineError(`No step has prompts of both labels for the probe ${probe.name}: add prompts of the other one.`, 'bad-request');
	}
	const left = all.length - asked.length;
	return {
		...described(model, probe),
		prompts: asked.length - targets.passedOver,
		groups: { training: 0, heldOut: new Set(asked.map(({ group }) => group)).size },
		cells,
		unfitted,
		notes: [...(left > 0 ? [`${left} of ${all.length} prompts were left out, because the probe was trained on them.`] : []), ...passedOver(targets)],
		seconds: { reading, fitting: (performance.now() - begun) / 1000 - reading },
	};
}

/** The given ones, or the model's own. */
function examplesOf(model: Model, given: readonly LabelledPrompt[] | undefined, task: ProbeTaskName | undefined): readonly LabelledPrompt[] {
	if (given) {
		return given;
	}
	if (!model.reference || task === undefined) {
		const what = model.reference ? 'The reference prompts of this model have no labels: name a built-in task' : 'This model came without reference prompts';
		throw new EngineError(`${what}, or give a file of prompts.`, 'bad-request');
	}
	return model.reference.map(({ question }, i) => ({ prompt: question, group: question, line: i + 1 }));
}

async function examples(states: States, asked: readonly LabelledPrompt[], targets: Targets): Promise<Example[]> {
	const groups = new Map<string, number>();
	const found: Example[] = [];
	for await (const { index, features } of read(states, asked.map(({ prompt }) => prompt))) {
		const { vectors, words }: Features = features;
		const labels = targets.of(index, words.length);
		// What the task cannot label is in no group.
		if (labels.some((of) => of.some((label) => label >= 0))) {
			const { group } = asked[index]!;
			groups.set(group, groups.get(group) ?? groups.size);
			found.push({ group: groups.get(group)!, vectors, words, labels, index });
		}
	}
	return found;
}

/** Runs a fit in slices. */
async function patiently(work: Generator<number, Fitted>, labelled: readonly Example[], signal: AbortSignal, emit: Emit): Promise<Fitted> {
	const size = labelled.reduce((sum, { vectors, words }) => sum + vectors.length / Math.max(1, words.length), 0);
	let [told, slice] = [-Infinity, performance.now()];
	for (;;) {
		const { done, value } = refused(() => work.next());
		if (done) {
			return value;
		}
		if (performance.now() - slice > SLICE) {
			if (performance.now() - told > TICK) {
				told = performance.now();
				emit({ kind: 'progress', message: 'Fitting the probe', fraction: value, seconds: (PASSES * size) / FIT_RATE });
			}
			await yielded();
			signal.throwIfAborted();
			slice = performance.now();
		}
	}
}

/** What is wrong with the data is the caller's to correct. */
function refused<T>(body: () => T): T {
	try {
		return body();
	} catch (error) {
		throw error instanceof EngineError ? error : new EngineError((error as Error).message, 'bad-request');
	}
}

function report(step: number, layer: number, held: Figures, more?: { shuffled: number; random: number; penalty: number }): ProbeCellReport {
	return { step, layer, ...held, shuffled: more?.shuffled ?? NaN, random: more?.random ?? NaN, penalty: more?.penalty ?? NaN };
}

/** Without what was not measured: JSON has no NaN. */
function metricOf({ bins: _, positives: __, penalty: ___, ...metric }: ProbeCellReport): ProbeMetric {
	const measured = Object.entries(metric).filter(([, value]) => [value].flat().every((one) => Number.isFinite(one)));
	return Object.fromEntries(measured) as unknown as ProbeMetric;
}

/** Steps up to the last that was fitted. */
function tensors({ cells }: Fitted, sites: number, classes: number, width: number): Pick<Probe, 'weight' | 'bias' | 'mean' | 'scale' | 'shape' | 'unfitted'> {
	const steps = 1 + cells.reduce((most, { step }) => Math.max(most, step), 0);
	const weight = new Float32Array(steps * sites * classes * width);
	const bias = new Float32Array(steps * sites * classes);
	const mean = new Float32Array(steps * sites * width);
	const scale = new Float32Array(steps * sites * width).fill(1);
	const fitted = new Set<number>();
	for (const { step, site, fits, ...spread } of cells) {
		const cell = step * sites + site;
		fitted.add(cell);
		mean.set(spread.mean, cell * width);
		scale.set(spread.scale, cell * width);
		fits.forEach((one, kind) => {
			weight.set(one.weight, (cell * classes + kind) * width);
			bias[cell * classes + kind] = one.bias;
		});
	}
	const all = Array.from({ length: steps * sites }, (_, cell) => cell);
	const unfitted = all.filter((cell) => !fitted.has(cell)).map((cell): [number, number] => [Math.floor(cell / sites), cell % sites]);
	return { weight, bias, mean, scale, shape: { steps, sites, classes, width }, unfitted };
}

function trainedOn(asked: readonly LabelledPrompt[], labelled: readonly Example[], { heldOut }: Fitted): string[] {
	const seen = labelled.filter(({ group }) => !heldOut[group]).map(({ index }) => hashOf(asked[index]!.prompt));
	return [...new Set(seen)].slice(0, MAX_TRAINING);
}

function hashOf(prompt: string): string {
	return sha256(prompt).slice(0, PROMPT_HASH);
}

/** By class of the probe: its place among the classes of the labels, −1 where those do not name it. */
function placesOf({ name, classes }: Probe, targets: Targets): number[] {
	if ((classes === undefined) !== (targets.classes === undefined)) {
		const [has, want] = classes ? ['named classes', 'classes'] : ['the labels 0 and 1', '0 or 1'];
		throw new Error(`The probe ${name} was fitted on ${has}: label the prompts with ${want}.`);
	}
	const places = (classes ?? ['']).map((one) => (targets.classes ?? ['']).indexOf(one));
	if (places.every((place) => place < 0)) {
		throw new Error(`The probe ${name} has none of the classes of these prompts, such as ${quoted(targets.classes![0]!)}: correct the labels.`);
	}
	return places;
}

function judge(probe: Probe, labelled: readonly Example[], places: readonly number[], step: number, site: number): Judged[] {
	const { sites, width } = probe.shape;
	return labelled.flatMap(({ vectors, labels, group }) => {
		const at = (step * sites + site) * width;
		return places.flatMap((place, kind) => {
			const label = labels[step]?.[place] ?? -1;
			return label < 0 ? [] : [{ score: probeLogit(probe, vectors.subarray(at, at + width), step, site, kind), positive: label > 0, group }];
		});
	});
}

function described(model: Model, { name, label, arm, at, classes }: Omit<Probe, 'sha256'>) {
	return { model: { id: model.manifest.id, sha256: model.sha256 }, name, label, arm, at, classes };
}

function passedOver({ passedOver: count }: Targets): string[] {
	return count > 0 ? [`${count} prompts were left out, because the task has nothing to say about them.`] : [];
}

/** Never seen; a weaker penalty than the grid's could do it. */
function unconverged({ cells }: Fitted): string[] {
	const worst = cells.reduce((most, { fits }) => fits.reduce((found, { gradient }) => Math.max(found, gradient), most), 0);
	return worst > 1e-6 ? [`A fit ended with a gradient of norm ${worst.toPrecision(2)}, before it had converged: do not trust its coefficients.`] : [];
}
