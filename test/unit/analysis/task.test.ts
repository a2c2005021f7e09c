import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { findInPrompt } from '../../../src/analysis/occurrence';
import { spareReason } from '../../../src/analysis/spare';
import { parseTask } from '../../../src/analysis/task';
import { PROMPT } from '../trace/sample';

interface Problem {
	question: string;
	answer: string;
	steps: string[];
	idx_to_symbol: string[];
	edges: [number, number][];
	root: number;
	target: number;
	neg_target: number;
}

/** The first 40 of the published validation problems; test/fixtures/README.md says whence. */
const PUBLISHED = 'test/fixtures/prosqa-published.json';

describe('ProsQA', () => {
	const task = parseTask(PROMPT)!;

	test('root, options, answer and hops', () => {
		assert.deepEqual(
			[task.question, task.root, task.options, task.answer, task.hops],
			['Is Davis a jelpus or gerpus?', 'Davis', ['jelpus', 'gerpus'], 'jelpus', 3],
		);
	});

	test('frontiers by distance', () => {
		const at = (hop: number) => [...task.frontier(hop)].sort();
		assert.deepEqual([0, 1, 2, 3, 4, -1, 1.5].map(at), [
			['Davis'],
			['impus'],
			['sterpus', 'yimpus'],
			['felpus', 'jelpus'],
			[],
			[],
			[],
		]);
	});

	test('facts and reach', () => {
		assert.equal(task.isFact('impus', 'yimpus'), true);
		assert.equal(task.isFact('yimpus', 'impus'), false);
		assert.equal(task.reaches('Davis', 'jelpus'), true);
		assert.equal(task.reaches('felpus', 'jelpus'), false);
		assert.equal(task.reaches('constructor', 'toString'), false);
	});

	test('the counterpart asks about another name, rather about one that reaches the other candidate', () => {
		const facts = 'Sam is a bompus. Eva is a bompus. Every gerpus is a impus. Tom is a gerpus. Every yimpus is a impus. Max is a yimpus. ';
		const asked = (name: string) => parseTask(`${facts}Is ${name} a impus or bompus?`)!.counterpart();
		assert.deepEqual(asked('Sam'), { question: 'Is Tom a impus or bompus?', text: `${facts}Is Tom a impus or bompus?` });
		assert.equal(asked('Tom')!.question, 'Is Sam a impus or bompus?');
		const alike = parseTask('Sam is a bompus. Eva is a bompus. Every gerpus is a impus. Is Sam a bompus or impus?')!;
		assert.equal(alike.counterpart()!.question, 'Is Eva a bompus or impus?', 'a kind is nobody to ask about');
		const both = parseTask('Sam is a bompus. Eva is a bompus. Eva is a impus. Is Sam a bompus or impus?')!;
		assert.equal(both.counterpart(), undefined, 'Eva reaches both');
		assert.equal(parseTask('Sam is a bompus. Is Sam a bompus or impus?')!.counterpart(), undefined);
	});

	test('published problems all have a counterpart, whose answer is the other candidate', () => {
		const problems = JSON.parse(readFileSync(PUBLISHED, 'utf8')) as Problem[];
		for (const { question, idx_to_symbol, neg_target } of problems) {
			const counterpart = parseTask(question)!.counterpart()!;
			const other = parseTask(counterpart.text)!;
			assert.equal(other.answer, idx_to_symbol[neg_target]);
			assert.equal(other.question, counterpart.question);
			assert.equal(counterpart.text.replace(other.question, ''), question.replace(parseTask(question)!.question, ''));
		}
	});

	test('an entity is at its shortest distance, also in a cycle', () => {
		const cyclic = parseTask(
			'Sam is a bompus. Every bompus is a gerpus. Every gerpus is a bompus. Every bompus is a bompus. Is Sam a gerpus or impus?',
		)!;
		assert.deepEqual(
			[cyclic.hops, cyclic.answer, [...cyclic.frontier(1)], [...cyclic.frontier(3)]],
			[2, 'gerpus', ['bompus'], []],
		);
	});

	test('no answer where both or neither can be reached', () => {
		for (const options of ['felpus or jelpus', 'bompus or gerpus']) {
			const open = parseTask(PROMPT.replace('jelpus or gerpus', options))!;
			assert.deepEqual([open.answer, open.hops], [undefined, undefined]);
		}
	});

	test('white space of any kind between words; the last question counts', () => {
		const spread = parseTask(`Is Tom a lempus or gerpus?\n${PROMPT.replaceAll(' ', '\n  ')}`)!;
		assert.deepEqual([spread.root, spread.hops], ['Davis', 3]);
		assert.equal(parseTask(PROMPT.replace('Davis is a impus', 'Davis is an impus'))!.hops, 3);
	});

	test('what is no such task is none', () => {
		for (const text of [
			'',
			'Is Tom a lempus or scrompus?',
			'Every impus is a yimpus.',
			'What is 2 + 2?',
			'This is a test. Is it a good or bad?one',
		]) {
			assert.equal(parseTask(text)?.question, undefined, text);
		}
	});

	test('words of tokens', () => {
		for (const [text, word] of [
			[' is a yimpus.', 'yimpus'],
			[' Every gerpus', 'gerpus'],
			[' Alex', 'Alex'],
			[' Is Sally', 'Sally'],
			[' a sterpus', 'sterpus'],
			[' or hilpus?', 'hilpus'],
			['<eos>', undefined],
			['', undefined],
			[' Every gerpus is a terpus.', undefined],
		] as const) {
			assert.equal(task.wordOf(text), word, text);
		}
	});

	test('steps with and without a subject', () => {
		assert.deepEqual(task.step('Every impus is a yimpus.'), { subject: 'impus', object: 'yimpus' });
		assert.deepEqual(task.step(' Davis is an impus'), { subject: 'Davis', object: 'impus' });
		assert.deepEqual(task.step(' is a yimpus.'), { subject: undefined, object: 'yimpus' });
		assert.equal(task.step('So what?'), undefined);
	});

	test('texts that only look like a task take linear time', () => {
		const before = performance.now();
		for (const text of [
			'Every '.repeat(100_000),
			`a${' '.repeat(200_000)}`.repeat(3),
			'a is '.repeat(100_000),
			'a is a '.repeat(100_000),
			`Is ${'a '.repeat(100_000)}`,
			'a'.repeat(500_000),
			'x is a y. '.repeat(60_000) + 'Is x a y or z?',
		]) {
			parseTask(text);
		}
		assert.ok(performance.now() - before < 3000, `${performance.now() - before} ms`);
	});

	test('the published problems: same graph, answer and step count as in the data', () => {
		const problems = JSON.parse(readFileSync(PUBLISHED, 'utf8')) as Problem[];
		assert.ok(problems.length >= 40);
		for (const { question, steps, idx_to_symbol: names, edges, root, target, neg_target: distractor } of problems) {
			const parsed = parseTask(question)!;
			assert.equal(parsed.root, names[root]);
			assert.equal(parsed.answer, names[target]);
			assert.deepEqual([...parsed.options].sort(), [names[target]!, names[distractor]!].sort());
			assert.equal(parsed.hops, steps.length);
			assert.ok(edges.every(([from, to]) => parsed.isFact(names[from]!, names[to]!)));
			assert.ok(steps.every((step, i) => parsed.frontier(i + 1).has(parsed.step(step)!.object)));
		}
	});
});

describe('occurrences in the prompt', () => {
	const found = (text: string, subject?: string) =>
		findInPrompt(text, PROMPT, subject).map(({ start, end }) => PROMPT.slice(start, end));

	test('a sentence is its fact', () => assert.deepEqual(found(' Every impus is a yimpus.'), ['Every impus is a yimpus.']));
	test('a step without a subject is the fact about the one before it', () => {
		assert.deepEqual(found(' is a felpus.', 'yimpus'), ['Every yimpus is a felpus.']);
		assert.deepEqual(found(' is a impus.', 'Davis'), ['Davis is a impus.']);
	});
	test('an invented step is found by its words, else by its entity', () => {
		assert.deepEqual(found(' is a felpus.', 'Davis'), ['is a felpus.']);
		assert.deepEqual(found(' is a bompus.', 'Davis'), ['bompus']);
	});
	test('an entity is found wherever it is a whole word', () => {
		assert.deepEqual(found('impus').length, 3);
		assert.deepEqual(found(' or gerpus?'), ['or gerpus?']);
		assert.deepEqual(found('mpus'), []);
	});
	test('nothing is found nowhere', () => {
		assert.deepEqual([found(''), found('  '), found('zumpus'), findInPrompt('x', '')], [[], [], [], []]);
	});
	test('any prompt: exact words only', () => {
		assert.deepEqual(findInPrompt(' cat', 'The cat, the concatenation, cat'), [
			{ start: 4, end: 7 },
			{ start: 28, end: 31 },
		]);
		assert.equal(findInPrompt('a', 'a '.repeat(10_000)).length, 500);
	});
});

describe('spare thoughts', () => {
	test('after the answer, and beyond training', () => {
		const reasons = Array.from({ length: 8 }, (_, i) => spareReason(i, 6, { hops: 4 }));
		assert.deepEqual(
			reasons.map((reason) => reason?.split(' ')[0]),
			[undefined, undefined, undefined, undefined, 'after', 'after', 'beyond', 'beyond'],
		);
		assert.equal(spareReason(5, 6), undefined);
		assert.equal(spareReason(5, 0, { hops: 4 }), undefined, 'no thought is spare where none was trained');
		assert.equal(spareReason(5, 6, {}), undefined);
	});
});
