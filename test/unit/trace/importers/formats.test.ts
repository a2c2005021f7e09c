/** Each format against a file in the shape of its producer (test/fixtures/imports/files.py): what is in it, and what must not be. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { IMPORTERS } from '../../../../src/trace/importers/importers';
import { bytesOf, composeAll, importAll, outlineOf, says, unreadable, utf8 } from './support';

const THOUGHT = 'Six times seven.\nThat is forty-two.';
const QUESTION = 'What is 6 × 7?';
const SEALED = 'redacted: reasoning withheld, 100 characters encrypted';

/** File, format, then of each sample: id, badge, parts. */
const FILES: [file: string, format: string, samples: [id: string, reasoning: string, parts: string[]][]][] = [
	['openai-chat.json', 'openai-chat', [['chatcmpl-1', 'none', ['answer: 42 é.']]]],
	['vllm-reasoning.json', 'vllm-chat', [['chatcmpl-1', 'full', [`reasoning: ${THOUGHT}`, 'answer: 42']]]],
	['vllm-reasoning-content.json', 'vllm-chat', [['chatcmpl-1', 'full', [`reasoning: ${THOUGHT}`, 'answer: 42']]]],
	[
		'openai-responses.jsonl',
		'openai-responses',
		[
			['resp_full', 'full', [`reasoning: ${THOUGHT}`, 'answer: 42']],
			['resp_summary', 'summary', ['summary: **Multiplying** I multiply.', 'call: multiply({"a":6,"b":7})', 'answer: 42']],
			['resp_sealed', 'redacted', [SEALED, 'answer: 42']],
		],
	],
	[
		'anthropic.jsonl',
		'anthropic-messages',
		[
			['full', 'full', [`reasoning: ${THOUGHT}`, 'answer: 42']],
			['summary', 'summary', [`summary: ${THOUGHT}`, 'answer: 42']],
			['redacted', 'redacted', [SEALED.replace('100', '80'), 'answer: 42']],
			['mixed', 'redacted', [`reasoning: ${THOUGHT}`, SEALED.replace('100', '80'), 'answer: 42']],
		],
	],
	...(['openr1-math.parquet', 'openr1-math.jsonl'] as const).map((file): (typeof FILES)[number] => [
		file,
		'openr1-math',
		[
			['a/0', 'full', ['reasoning: One and one.', 'answer: 2']],
			['a/1', 'full', ['reasoning: One and']],
			['b/0', 'full', ['reasoning: Two and two.', 'answer: 4']],
		],
	]),
	[
		's1k.parquet',
		's1k',
		[
			['1/deepseek', 'full', [`reasoning: ${THOUGHT}`, 'answer: 42']],
			['1/gemini', 'full', ['reasoning: Seven sixes.', 'answer: 43']],
		],
	],
	['openthoughts.parquet', 'openthoughts', [['1', 'full', ['reasoning: Six sevens.', 'answer: 42']]]],
	[
		'swe-agent.traj',
		'swe-agent',
		[['swe_main', 'full', ['reasoning: I look around.', 'call: ls', 'input: README.md', 'reasoning: The work is done. I submit.', 'call: submit']]],
	],
	[
		'codi.txt',
		'codi-latents',
		[
			['0', 'none', ['answer: The answer is: 6']],
			['7', 'none', ['answer: The answer is: 2']],
		],
	],
];

describe('formats', () => {
	for (const [file, format, expected] of FILES) {
		test(`${file} is ${format}`, async () => {
			const found = await importAll(bytesOf(file));
			const composed = await composeAll(bytesOf(file));
			assert.equal(found.format, format);
			const read = found.samples.map((sample, i) => [sample.id, composed[i]!.document.origin!.reasoning, outlineOf(sample)]);
			assert.deepEqual(read, expected);
			composed.forEach(({ document, tensors }) => assert.equal(unreadable(document, tensors), undefined));
			assert.doesNotMatch(JSON.stringify(composed.map(({ document }) => document)), /gAAAA|EmwK/, 'what is encrypted is never shown');
		});
	}

	for (const file of ['otel-otlp.json', 'otel-console.jsonl']) {
		test(`${file}: spans of three providers`, async () => {
			const { format, samples } = await importAll(bytesOf(file));
			assert.equal(format, 'otel-genai');
			assert.deepEqual(samples.map(outlineOf), [
				[`reasoning: ${THOUGHT}`, 'answer: 42'],
				[`summary: ${THOUGHT}`, 'answer: 42'],
				['answer: 42'],
			]);
			assert.deepEqual(samples.map(({ prompt, producer, model }) => [prompt, producer, model]), [
				[QUESTION, 'deepseek', 'deepseek-reasoner'],
				[QUESTION, 'openai', 'o4-mini'],
				[QUESTION, 'vllm', 'old'],
			]);
			assert.equal(samples[0]!.sampling.temperature, 0.5);
			assert.equal(new Set(samples.map(({ id }) => id)).size, 3);
		});
	}

	test('what a record says beside its texts is kept', async () => {
		const [chat] = (await importAll(bytesOf('openai-chat.json'))).samples;
		assert.equal(chat!.prompt, `system: Be brief.\n\nuser: ${QUESTION}`);
		assert.deepEqual([chat!.model, chat!.created, chat!.sampling.temperature, chat!.sampling.seed], ['gpt-4o-2024-08-06', '2025-10-09T08:53:20.000Z', 0.7, 3]);
		assert.deepEqual(chat!.notes, ['The model used 5 reasoning tokens that the file does not hold.']);
		const [first, second] = (await importAll(bytesOf('openr1-math.parquet'))).samples;
		assert.deepEqual([first!.prompt, first!.target, first!.state, second!.state], ['1 + 1?', '2', 'done', 'limit']);
		assert.deepEqual(first!.scores, [{ name: 'correctness_math_verify', value: 'true' }, { name: 'is_reasoning_complete', value: 'true' }]);
		const [agent] = (await importAll(bytesOf('swe-agent.traj'))).samples;
		assert.deepEqual([agent!.prompt, agent!.scores], ['system: You are an agent.\n\nuser: Fix the bug.', [{ name: 'exit_status', value: 'submitted' }]]);
	});

	test('a demonstration of SWE-agent has its history only', async () => {
		const { history } = JSON.parse(new TextDecoder().decode(bytesOf('swe-agent.traj'))) as { history: unknown[] };
		const observed = [...history, { role: 'user', content: 'README.md' }];
		const { format, samples } = await importAll(utf8(JSON.stringify({ history: observed })));
		assert.deepEqual([format, samples[0]!.prompt], ['swe-agent', 'system: You are an agent.\n\nuser: Fix the bug.']);
		assert.deepEqual(outlineOf(samples[0]!), ['reasoning: I look around.', 'call: ls', 'input: README.md']);
	});

	test('decoded latents are thoughts with ranks and no numbers', async () => {
		const [first] = (await importAll(bytesOf('codi.txt'))).samples;
		assert.equal(first!.prompt, 'A duck lays 3 eggs.\nHow many do 2 lay?');
		assert.deepEqual(first!.thoughts!.map(({ words }) => words), [
			[' 3', '3', "'s", '\n', '\u00a0'],
			['*', ' x', '>>', '\\', " '"],
			[' 6', '6', ' 5', ' six', ' 7'],
		]);
		assert.deepEqual([first!.target, first!.reference], ['6.0', '<<3*2=6>>']);
		await assert.rejects(importAll(utf8("Question0...\nq...\nCoT=x, Answer=1\ndecoded 0th latent (top5): ['a', 'b\n")), says(/cut off/));
		await assert.rejects(importAll(utf8("Question0...\nq...\ndecoded 1th latent (top5): ['a']\n")), says(/thought 1 where thought 0 should stand/));
	});

	test('records in a list, in lines, of a batch and of a conversation', async () => {
		const message = { role: 'assistant', content: '<think>a</think>b' };
		const conversation = { messages: [{ role: 'user', content: 'q' }, message] };
		const response = { id: 'c', choices: [{ index: 0, message }] };
		for (const [value, ids] of [
			[[conversation, conversation], ['1', '2']],
			[[response, response, { ...response, id: 'c#2' }, response], ['c', 'c#2', 'c#2#2', 'c#3']],
			[{ ...response, id: 'a\0\ud800' }, ['a\u2400\ufffd']],
			[{ ...response, id: 'x'.repeat(200_000) }, ['x'.repeat(1_000)]],
			[conversation.messages, ['1']],
			[{ custom_id: 'k', response: { body: response } }, ['k']],
			[{ id: 'n', choices: [{ index: 0, message }, { index: 1, message }] }, ['n/0', 'n/1']],
			[{ prompt: 'q', reasoning: 'a', response: 'b' }, ['1']],
		] as [unknown, string[]][]) {
			const { samples } = await importAll(utf8(JSON.stringify(value, undefined, 1)));
			assert.deepEqual(samples.map(({ id }) => id), ids);
			samples.forEach((one) => assert.deepEqual(outlineOf(one), ['reasoning: a', 'answer: b']));
		}
	});

	test('records that are not like the first one are left out, and told', async () => {
		const lines = [{ prompt: 'q', response: '<think>a</think>b' }, { other: 1 }, 3].map((value) => JSON.stringify(value)).join('\r\n');
		const { samples, warnings } = await importAll(utf8(`\ufeff${lines}\n`));
		assert.equal(samples.length, 1);
		assert.deepEqual(warnings, ['2 records are not of format reasoning-rows and left out, the last of them line 3.']);
		await assert.rejects(importAll(utf8('{"prompt":"q","response":"<think>a</think>b"}\n{"prompt":')), says(/line 2 (is not valid JSON|ends inside a text)/));
	});

	test('every importer has a name of its own', () => {
		assert.equal(new Set(IMPORTERS.map(({ name }) => name)).size, IMPORTERS.length);
	});
});
