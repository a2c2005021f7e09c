/** Candidates by the task's graph, the tokens that name them, and their mass and rank. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exceedance, isLive, listCandidates, liveTokens, massOf, namesOf, superposition, taskCandidates } from '../../../src/analysis/superposition';
import { parseTask } from '../../../src/analysis/task';
import { PROMPT } from '../trace/sample';

const task = parseTask(PROMPT)!;
const groups = (thought: number) => Object.fromEntries(taskCandidates(task, thought).map(({ label, group }) => [label, group]));

describe('candidates', () => {
	test('of a task: by distance, one hop after the thought', () => {
		assert.deepEqual(groups(1), {
			Davis: 'earlier',
			impus: 'earlier',
			yimpus: 'frontier',
			sterpus: 'path',
			felpus: 'later',
			jelpus: 'later',
			bompus: 'unreachable',
			gerpus: 'unreachable',
		});
		assert.equal(groups(0)['impus'], 'path');
		assert.equal(groups(2)['jelpus'], 'path');
		assert.ok(!taskCandidates(task, 3).some(isLive), 'nothing lies beyond the answer');
	});

	test('of a list: once each, all live', () => {
		assert.deepEqual(listCandidates(['yes', 'no', 'yes']), [
			{ label: 'yes', group: 'candidate' },
			{ label: 'no', group: 'candidate' },
		]);
	});

	test('more ways to the answer than one: all shortest ones are paths, longer ones are not', () => {
		const found = parseTask('Sam is a apus. Sam is a bpus. Every apus is a cpus. Every bpus is a cpus. Every bpus is a dpus. Every dpus is a cpus. Is Sam a cpus or epus?')!;
		assert.deepEqual(found.entities.filter((entity) => found.onPath(entity)), ['Sam', 'apus', 'bpus', 'cpus']);
		assert.deepEqual(found.edges.length, 6);
		assert.equal(found.distance('epus'), undefined);
		assert.equal(found.onPath('epus'), false);
	});

	test('without an answer nothing is on a path', () => {
		const found = parseTask('Sam is a apus. Is Sam a bpus or cpus?')!;
		assert.deepEqual(found.entities, ['Sam', 'apus', 'bpus', 'cpus']);
		assert.equal(found.onPath('apus'), false);
	});
});

const TEXTS = [' is a yimpus.', 'yimpus', ' sterpus', '<a>', ' or sterpus?', 'felpus'];

describe('mass', () => {
	const names = namesOf(['yimpus', 'sterpus', 'nothing'], TEXTS, task.wordOf, () => [3]);

	test('all tokens that name an entity in the words of the task', () => {
		assert.deepEqual([...names], [['yimpus', [0, 1]], ['sterpus', [2, 4]], ['nothing', []]]);
	});

	test('of a free list: its own text but for spaces, or as the last word, else where it may begin', () => {
		const free = namesOf(['sterpus', 'yimpus', 'Yimpus', '<a>', 'a long answer'], TEXTS, undefined, () => [3, 3]);
		assert.deepEqual([...free], [
			['sterpus', [2, 4]],
			['yimpus', [0, 1]],
			['Yimpus', [3]],
			['<a>', [3]],
			['a long answer', [3]],
		]);
		const texts = [' naïve', ' yes, no', 'no way', ' B2)', ' na\u00efvely', '\u0928\u092e\u0938\u094d\u0924\u0947'];
		const others = namesOf(['naïve', 'no', 'B2', '\u0928\u092e\u0938\u094d\u0924\u0947'], texts, undefined, () => []);
		assert.deepEqual([...others.values()], [[0], [1], [3], [5]]);
	});

	test('mass is exact over the vocabulary, rank is of the likeliest name', () => {
		const probabilities = [0.1, 0.2, 0.4, 0.05, 0.15, 0.1];
		const logits = Float32Array.from(probabilities, (value) => Math.log(value) + 7);
		const found = superposition(logits, taskCandidates(task, 1).filter(({ label }) => names.has(label)), names);
		const close = (value: number, expected: number) => assert.ok(Math.abs(value - expected) < 1e-6, `${value} is not ${expected}`);
		const of = (label: string) => found.candidates.find((one) => one.label === label)!;
		close(of('yimpus').mass, 0.3);
		close(of('sterpus').mass, 0.55);
		close(found.live, 0.85);
		assert.deepEqual([of('sterpus').rank, of('yimpus').rank], [1, 2]);
		close(massOf(logits, [0, 0, 1]), 0.3);
	});

	test('a candidate that no token names has no mass and the last rank; a shared token counts once', () => {
		const logits = new Float32Array(6);
		const [found] = superposition(logits, listCandidates(['nothing']), names).candidates;
		assert.deepEqual([found!.mass, found!.rank], [0, 7]);
		assert.deepEqual(liveTokens(listCandidates(['a', 'b']), new Map([['a', [1, 2]], ['b', [2, 3]]])), [1, 2, 3]);
	});
});

test('the share at least as high counts the observed one', () => {
	assert.equal(exceedance(0.5, [0.1, 0.5, 0.9, 0.2]), 3 / 5);
	assert.equal(exceedance(1, Array.from({ length: 19 }, () => 0)), 1 / 20);
	assert.equal(exceedance(0, []), 1);
});
