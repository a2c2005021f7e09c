/** Fits a probe on labelled states and measures it on groups that the fit has not seen. Pure; long, so it yields. */
import { gaussian, generator } from '../shared/random';
import { logit, type Design, type Logistic } from './logistic';
import { figures, mean, type Figures, type Judged } from './metrics';
import { choosePenalty, fitAny, FOLDS, type Target } from './penalty';
import { Ranking } from './ranking';
import { dealGroups, permutation } from './split';

/** One of as many groups is held out. */
const HELD_OUT = 3;
/** With fewer, every interval is nearly all of 0..1. */
export const MIN_GROUPS = 20;
/** A cell with fewer groups on either side of the split is not fitted: chains of thought differ in length. */
const MIN_CELL_GROUPS = 10;
/** Draws of shuffled and of control labels that are averaged: one alone scatters as widely as the interval. */
const DRAWS = 3;
const RANDOM_DIRECTIONS = 20;
/** A spread below this share of the values' size is rounding, and is not blown up. */
const MIN_SPREAD = 1e-6;

export interface Example {
	/** Among all prompts that were asked for. */
	index: number;
	/** Its group's, from 0. */
	group: number;
	/** [steps, sites, width] */
	vectors: Float32Array;
	/** By step: what stands there, as a type of the control task. */
	words: readonly string[];
	/** By step [classes]: 1, 0, or −1 where the class is not labelled. */
	labels: readonly Int8Array[];
}

export interface Training {
	width: number;
	/** Which sites `vectors` hold. */
	sites: readonly number[];
	classes: number;
	examples: readonly Example[];
}

export interface CellFit {
	step: number;
	site: number;
	/** [width], of the training examples. */
	mean: Float64Array;
	scale: Float64Array;
	/** By class. */
	fits: Logistic[];
	penalty: number;
	figures: Figures;
	/** Mean AUROC of fits to shuffled labels. */
	shuffled: number;
	/** Mean AUROC of random directions, each turned so that it is not below chance on the training groups. */
	random: number;
}

export interface Fitted {
	cells: CellFit[];
	/** Cells without enough examples. */
	unfitted: { step: number; site: number }[];
	groups: { training: number; heldOut: number };
	/** By group: whether it was held out. */
	heldOut: readonly boolean[];
}

/** A pair of an example and a class. `row`: of the cell's design. */
interface Pair {
	row: number;
	kind: number;
	label: number;
	group: number;
	word: string;
}

/** Yields the share that is done, often. Fails with one sentence where there is nothing to fit. */
export function* trainProbe(training: Training, seed: number): Generator<number, Fitted> {
	const { examples, sites, classes } = training;
	const groups = examples.reduce((most, { group }) => Math.max(most, group + 1), 0);
	if (groups < MIN_GROUPS) {
		throw new Error(`A probe needs at least ${MIN_GROUPS} groups of prompts, and there are ${groups}: add prompts, or set fewer to one group.`);
	}
	const strata = stratify(training);
	const parts = dealGroups(range(groups), (group) => strata.get(group) ?? 0, HELD_OUT, seed, 'held out');
	const heldOut = range(groups).map((group) => parts.get(group) === 0);
	const kept = range(groups).filter((group) => !heldOut[group]);
	const folds = dealGroups(kept, (group) => strata.get(group) ?? 0, FOLDS, seed, 'folds');
	const steps = examples.reduce((most, { words }) => Math.max(most, words.length), 0);
	// So that a set that is just large enough is measured at all.
	const least = groups - kept.length;
	const found: Fitted = { cells: [], unfitted: [], groups: { training: kept.length, heldOut: groups - kept.length }, heldOut };
	for (let step = 0; step < steps; step++) {
		const rows = examples.filter(({ labels }) => labels[step]?.some((label) => label >= 0));
		const pairs = rows.flatMap(({ labels, group, words }, row) =>
			range(classes).flatMap((kind): Pair[] => {
				const label = labels[step]![kind]!;
				return label < 0 ? [] : [{ row, kind, label, group, word: words[step]! }];
			}),
		);
		const seen = pairs.filter(({ group }) => !heldOut[group]);
		const unseen = pairs.filter(({ group }) => heldOut[group]);
		const enough = [seen, unseen].every((side) => hasBoth(side) && new Set(side.map(({ group }) => group)).size >= Math.min(MIN_CELL_GROUPS, least));
		for (const [i, site] of sites.entries()) {
			const done = (step * sites.length + i) / (steps * sites.length);
			if (!enough) {
				found.unfitted.push({ step, site });
				continue;
			}
			const task: CellTask = { training, rows, step, place: i, seen, unseen, folds, seed };
			const work = fitCell(task);
			for (let next = work.next(); ; next = work.next()) {
				if (next.done) {
					found.cells.push({ step, site, ...next.value });
					break;
				}
				yield done;
			}
		}
	}
	if (found.cells.length === 0) {
		throw new Error(nothingFitted(examples));
	}
	return found;
}

interface CellTask {
	training: Training;
	rows: readonly Example[];
	step: number;
	/** Index of the site among those of the vectors. */
	place: number;
	seen: readonly Pair[];
	unseen: readonly Pair[];
	folds: ReadonlyMap<number, number>;
	seed: number;
}

function* fitCell(task: CellTask): Generator<void, Omit<CellFit, 'step' | 'site'>> {
	const { rows, step, place, seen, unseen, folds, seed, training } = task;
	const name = `${step} ${training.sites[place]}`;
	const { design, mean: centre, scale } = standardised(task);
	const targets = targetsOf(seen, training.classes, rows.length);
	const { penalty } = yield* choosePenalty(design, targets, (row) => folds.get(rows[row]!.group)!);
	const fits = yield* fitAll(design, targets, penalty);
	const dense = new Map([...new Set(unseen.map(({ group }) => group))].map((group, i) => [group, i]));
	const judge = (pairs: readonly Pair[], by: readonly Pick<Logistic, 'weight' | 'bias'>[]): Judged[] =>
		pairs.map(({ row, kind, label, group }) => ({ score: logit(design, row, by[kind]!), positive: label > 0, group: dense.get(group) ?? 0 }));
	const shuffled: number[] = [];
	const controls: Judged[][] = [];
	for (let draw = 0; draw < DRAWS; draw++) {
		const mixed = yield* fitAll(design, targetsOf(shuffle(seen, seed, `${name} ${draw}`), training.classes, rows.length), penalty);
		shuffled.push(new Ranking(judge(unseen, mixed)).auroc());
		const controlled = (pairs: readonly Pair[]) => pairs.map((pair) => ({ ...pair, label: controlLabel(pair, seed, draw) }));
		const control = controlled(seen);
		if (hasBoth(control)) {
			const fit = yield* fitAll(design, targetsOf(control, training.classes, rows.length), penalty);
			controls.push(judge(controlled(unseen), fit));
		}
	}
	const random = range(RANDOM_DIRECTIONS).map((draw) => {
		const directions = randomDirections(training, seed, `${name} ${draw}`);
		const [before, after] = [seen, unseen].map((pairs) => new Ranking(judge(pairs, directions)).auroc());
		return before! < 0.5 ? 1 - after! : after!;
	});
	yield;
	return {
		mean: centre,
		scale,
		fits,
		penalty,
		figures: figures(judge(unseen, fits), controls, dense.size, seed, name),
		shuffled: mean(shuffled),
		random: mean(random),
	};
}

function* fitAll(design: Design, targets: readonly Target[], penalty: number): Generator<void, Logistic[]> {
	const fits: Logistic[] = [];
	for (const target of targets) {
		fits.push(yield* fitAny(design, target, penalty));
	}
	return fits;
}

/** Every row of the cell, by the mean and the standard deviation of those that are trained on. */
function standardised({ training, rows, step, place, seen }: CellTask): { design: Design; mean: Float64Array; scale: Float64Array } {
	const { width, sites } = training;
	const state = (row: number) => {
		const at = (step * sites.length + place) * width;
		return rows[row]!.vectors.subarray(at, at + width);
	};
	const members = [...new Set(seen.map(({ row }) => row))];
	const centre = new Float64Array(width);
	members.forEach((row) => state(row).forEach((value, i) => (centre[i]! += value / members.length)));
	const square = new Float64Array(width);
	members.forEach((row) => state(row).forEach((value, i) => (square[i]! += (value - centre[i]!) ** 2 / members.length)));
	const scale = square.map((value, i) => {
		const spread = Math.sqrt(value);
		return spread > MIN_SPREAD * Math.max(1, Math.abs(centre[i]!)) ? spread : 1;
	});
	const values = new Float64Array(rows.length * width);
	rows.forEach((_, row) => state(row).forEach((value, i) => (values[row * width + i] = (value - centre[i]!) / scale[i]!)));
	return { design: { values, width }, mean: centre, scale };
}

function targetsOf(pairs: readonly Pair[], classes: number, rows: number): Target[] {
	const targets = range(classes).map(() => ({ labels: new Uint8Array(rows), members: [] as number[] }));
	for (const { kind, row, label } of pairs) {
		targets[kind]!.labels[row] = label;
		targets[kind]!.members.push(row);
	}
	return targets;
}

/** Each class's labels among its own examples, so that every class keeps its share. */
function shuffle(pairs: readonly Pair[], seed: number, name: string): Pair[] {
	const uniform = generator(seed, `shuffled ${name}`);
	return [...new Set(pairs.map(({ kind }) => kind))].flatMap((kind) => {
		const all = pairs.filter((pair) => pair.kind === kind);
		const labels = permutation(all.map(({ label }) => label), uniform);
		return all.map((pair, i) => ({ ...pair, label: labels[i]! }));
	});
}

/** A fair coin for each word and class, the same wherever the word stands (a control task: Hewitt and Liang, 2019). */
function controlLabel({ word, kind }: Pair, seed: number, draw: number): number {
	return generator(seed, `control ${draw} ${kind} ${word}`)() < 0.5 ? 0 : 1;
}

function randomDirections({ classes, width }: Training, seed: number, name: string): { weight: Float64Array; bias: number }[] {
	const uniform = generator(seed, `random ${name}`);
	return range(classes).map(() => ({ weight: Float64Array.from({ length: width }, () => gaussian(uniform)), bias: 0 }));
}

/** By the first label of a group: each part gets its share of every class. Classes that are labelled side by side have no strata. */
function stratify({ examples, classes }: Training): Map<number, number> {
	const strata = new Map<number, number>();
	for (const { group, labels } of examples) {
		const first = labels.find((of) => of.some((label) => label >= 0));
		if (first && !strata.has(group)) {
			const positives = first.reduce((sum, label) => sum + (label > 0 ? 1 : 0), 0);
			strata.set(group, classes === 1 ? first[0]! : positives === 1 ? first.indexOf(1) : 0);
		}
	}
	return strata;
}

function nothingFitted(examples: readonly Example[]): string {
	const labels = new Set(examples.flatMap((example) => example.labels.flatMap((of) => [...of])).filter((label) => label >= 0));
	if (labels.size === 0) {
		return 'No prompt has a label at a position that was read: label thoughts that the arm has, or choose another arm.';
	}
	return labels.size === 1
		? `Every label is ${[...labels][0]}: a probe needs examples of both.`
		: `No step has both labels on both sides of the split, in enough groups of prompts: add prompts.`;
}

function hasBoth(pairs: readonly Pair[]): boolean {
	return pairs.some(({ label }) => label > 0) && pairs.some(({ label }) => label === 0);
}

function range(count: number): number[] {
	return Array.from({ length: count }, (_, i) => i);
}
