/** Whole fits on made-up states: what can be learnt is found, what cannot stays at chance, and the controls say which is which. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { labelsOfFile, labelsOfTask, PROBE_TASK_NAMES } from '../../../src/analysis/labels';
import { MIN_GROUPS, trainProbe, type Example, type Training } from '../../../src/analysis/training';
import { gaussian, generator } from '../../../src/shared/random';
import { PROMPT } from '../engine/prompt';

const WIDTH = 6;

function trained(training: Training, seed = 0) {
	const work = trainProbe(training, seed);
	for (let next = work.next(); ; next = work.next()) {
		if (next.done) {
			return next.value;
		}
		assert.ok(next.value >= 0 && next.value < 1);
	}
}

/** One step and two sites; `signal`: how far the label moves value 0 of site 1. Site 0 is the same everywhere. */
function made(n: number, signal: number, more: (i: number, example: Example) => Example = (_, example) => example): Training {
	const uniform = generator(5, `training ${signal}`);
	const examples = Array.from({ length: n }, (_, i): Example => {
		const label = uniform() < 0.5 ? 1 : 0;
		const noise = Float32Array.from({ length: WIDTH }, () => gaussian(uniform));
		noise[0]! += signal * (label - 0.5);
		const vectors = Float32Array.of(...new Array<number>(WIDTH).fill(3), ...noise);
		return more(i, { index: i, group: i, vectors, words: [`w${i % 4}`], labels: [Int8Array.of(label)] });
	});
	return { width: WIDTH, sites: [0, 1], classes: 1, examples };
}

describe('training', () => {
	test('finds what is there, and its controls stay at chance', () => {
		const { cells, groups, heldOut } = trained(made(240, 3));
		assert.deepEqual([groups, heldOut.filter(Boolean).length], [{ training: 160, heldOut: 80 }, 80]);
		const [flat, found] = cells as [(typeof cells)[0], (typeof cells)[0]];
		assert.deepEqual([flat.site, flat.figures.auroc, flat.shuffled, flat.random], [0, 0.5, 0.5, 0.5]);
		assert.ok(flat.scale.every((value) => value === 1), 'what does not vary is not blown up');
		assert.ok(found.figures.auroc > 0.9 && found.figures.ci[0] > 0.85, `${found.figures.auroc}`);
		assert.ok(Math.abs(found.shuffled - 0.5) < 0.1 && found.random < 0.8, `${found.shuffled} ${found.random}`);
		assert.ok(found.figures.selectivity > 0.3 && found.figures.selectivityCi[0] > 0.2);
		assert.ok(found.figures.ece < 0.15 && found.figures.recallAt1Fpr > 0.2);
		assert.equal(found.figures.n, 80);
		assert.deepEqual(trained(made(240, 3)), trained(made(240, 3)));
	});

	test('what is not there stays at chance', () => {
		const { figures } = trained(made(240, 0)).cells[1]!;
		assert.ok(figures.ci[0] < 0.5 && figures.ci[1] > 0.5, `${figures.ci}`);
	});

	test('the control is high where the states say which word it is', () => {
		const { figures } = trained(
			made(240, 0, (i, example) => {
				const vectors = example.vectors.slice();
				vectors.fill(0, WIDTH);
				vectors[WIDTH + (i % 4)] = 1;
				return { ...example, vectors };
			}),
		).cells[1]!;
		assert.equal(figures.control, 1);
		assert.ok(figures.selectivity < -0.3);
	});

	test('the examples of a group are on one side', () => {
		// Two examples a group: a third of 30 groups is held out, whole.
		const { cells, heldOut } = trained(made(60, 0, (i, example) => ({ ...example, group: i % 30 })));
		assert.equal(heldOut.length, 30);
		assert.equal(cells[1]!.figures.n, 20);
	});

	test('steps with too few of a label are not fitted', () => {
		const { cells, unfitted } = trained(
			made(60, 1, (i, example) => ({
				...example,
				vectors: Float32Array.of(...example.vectors, ...example.vectors),
				words: ['a', 'b'],
				labels: [example.labels[0]!, Int8Array.of(i < 55 ? -1 : i % 2)],
			})),
		);
		assert.deepEqual(cells.map(({ step, site }) => [step, site]), [[0, 0], [0, 1]]);
		assert.deepEqual(unfitted, [{ step: 1, site: 0 }, { step: 1, site: 1 }]);
	});

	const refused: [string, Training, RegExp][] = [
		['too few groups', made(MIN_GROUPS - 1, 1), /at least 20 groups of prompts, and there are 19/],
		['one label', made(40, 1, (_, example) => ({ ...example, labels: [Int8Array.of(1)] })), /Every label is 1: a probe needs examples of both/],
		['no label', made(40, 1, (_, example) => ({ ...example, labels: [Int8Array.of(-1)] })), /No prompt has a label at a position that was read/],
		['one of the other label', made(40, 1, (i, example) => ({ ...example, labels: [Int8Array.of(i === 0 ? 1 : 0)] })), /No step has both labels on both sides/],
	];
	for (const [name, training, wording] of refused) {
		test(`refuses ${name}`, () => assert.throws(() => trained(training), wording));
	}
});

describe('labels', () => {
	const prompt = (more: object) => ({ prompt: 'a', group: 'a', line: 1, ...more });

	test('of a file: of every step, of one step, of each step', () => {
		const { classes, of } = labelsOfFile([prompt({ label: 1 }), prompt({ label: 0, step: 1 }), prompt({ labels: [null, 1] })]);
		assert.equal(classes, undefined);
		assert.deepEqual([0, 1, 2].map((i) => of(i, 3).map(([label]) => label)), [[1, 1, 1], [-1, 0, -1], [-1, 1, -1]]);
	});

	test('of named classes, each against all others', () => {
		const { classes, asks, of } = labelsOfFile([prompt({ label: 'b' }), prompt({ label: 'a' }), prompt({ labels: ['c', null] })]);
		assert.deepEqual([classes, asks], [['a', 'b', 'c'], 'all']);
		assert.deepEqual(of(0, 1).map((one) => [...one]), [[0, 1, 0]]);
		assert.deepEqual(of(2, 2).map((one) => [...one]), [[0, 0, 1], [-1, -1, -1]]);
	});

	test('of the built-in tasks', () => {
		const prompts = [PROMPT, 'Is this a question?'];
		const first = labelsOfTask(prompts, 'first-option');
		assert.deepEqual([first.passedOver, first.of(0, 1).map(([one]) => one), first.of(1, 1).map(([one]) => one)], [1, [1], [-1]]);
		const classes = ['gerpus', 'hilpus', 'terpus', 'wumpus', 'yimpus'];
		const within = labelsOfTask(prompts, 'within-k-hops');
		assert.deepEqual(within.classes, classes);
		assert.deepEqual(within.of(0, 3).map((one) => [...one]), [[1, 0, 0, 0, 0], [1, 0, 1, 0, 0], [1, 1, 1, 0, 0]]);
		assert.deepEqual(within.of(1, 1).map((one) => [...one]), [[-1, -1, -1, -1, -1]]);
		const live = labelsOfTask(prompts, 'live');
		assert.deepEqual(live.of(0, 3).map((one) => [...one]), [[1, 0, 0, 0, 0], [0, 0, 1, 0, 0], [0, 1, 0, 0, 0]]);
		for (const name of PROBE_TASK_NAMES) {
			assert.throws(() => labelsOfTask(['Is this a question?'], name), /None of the prompts is one that the task/);
		}
	});
});
