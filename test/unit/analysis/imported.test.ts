/** Imported traces through the file and the views: they have no model, lens or probes, and nothing may be made up for them. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { comparandOf } from '../../../src/analysis/compare/comparand';
import { Comparison } from '../../../src/analysis/compare/comparison';
import { tracePart } from '../../../src/analysis/report/trace';
import { TraceView } from '../../../src/analysis/view';
import { openFile } from '../../../src/trace/bytes.node';
import { fromHalf } from '../../../src/trace/half';
import { openTrace, type TraceFile } from '../../../src/trace/reader';
import { writeTrace } from '../../../src/trace/writer.node';
import { bytesOf, composeAll, utf8 } from '../trace/importers/support';

const folders: string[] = [];
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

/** The sample's trace, written and opened again. */
async function traced(bytes: Uint8Array, sample = 0, map?: string): Promise<TraceFile> {
	const { document, tensors } = (await composeAll(bytes, map))[sample]!;
	const folder = await mkdtemp(join(tmpdir(), 'imported-'));
	folders.push(folder);
	const path = join(folder, 'a.trace.safetensors');
	await writeTrace(path, document, tensors);
	return openTrace(await openFile(path));
}

async function shown(bytes: Uint8Array, sample = 0) {
	const trace = await traced(bytes, sample);
	const view = new TraceView(trace);
	const run = view.run(1);
	const rows = await view.rows({ start: 0, end: run.rows }, run.layers);
	const details = await Promise.all(rows.map(({ index }) => view.details(index)));
	return { trace, view, run, rows, details };
}

const said = ({ rows }: Awaited<ReturnType<typeof shown>>) => rows.map(({ sentence }) => sentence && `${sentence.role}: ${sentence.tokens.map(({ text }) => text).join('')}`);

describe('an imported trace in the views', () => {
	test('sentences of the chain, then the answer; nothing of a model', async () => {
		const found = await shown(bytesOf('vllm-reasoning-content.json'));
		assert.deepEqual(said(found), ['thought: Six times seven.↵', 'thought: That is forty-two.', 'answer: 42']);
		assert.equal(found.run.subtitle, 'full reasoning · file · sample chatcmpl-1 · vllm-chat · Qwen/Qwen3-8B');
		assert.deepEqual(found.run.arms.map(({ label, answer }) => [label, answer]), [['chain of thought', '42']]);
		assert.equal(found.run.columns.surprise, false, 'its tokens have no probability');
		assert.deepEqual([found.run.title, found.run.reasoning, found.run.probes, found.run.meter], ['sample chatcmpl-1', 'full', [], undefined]);
		for (const { tokens, layers, probes, ood } of found.details) {
			assert.deepEqual([layers, probes, ood], [[], [], []]);
			assert.ok(tokens.every(({ id, prob, surprisalBits }) => id === undefined && prob === undefined && surprisalBits === undefined));
		}
		assert.equal(await found.view.tokenAt(0), undefined);
		assert.deepEqual((await found.view.tile('none', { start: 0, end: 3 })).values.length, 3);
	});

	test('a summary or a withheld part is never the chain of thought', async () => {
		const summary = await shown(bytesOf('openai-responses.jsonl'), 1);
		assert.deepEqual(said(summary), ['summary: **Multiplying** I multiply.', 'call: multiply({"a":6,"b":7})', 'answer: 42']);
		assert.deepEqual(summary.run.arms.map(({ label }) => label), ['summary of the reasoning']);
		assert.equal(summary.run.reasoning, 'summary');
		const sealed = await shown(bytesOf('openai-responses.jsonl'), 2);
		assert.deepEqual(said(sealed), ['redacted: reasoning withheld, 100 characters encrypted', 'answer: 42']);
		const mixed = await shown(bytesOf('anthropic.jsonl'), 3);
		assert.deepEqual(said(mixed).map((line) => line!.split(':')[0]), ['thought', 'thought', 'redacted', 'answer']);
		assert.equal(mixed.run.reasoning, 'redacted');
		assert.equal(mixed.run.arms[0]!.label, 'part of the chain of thought');
		for (const { run, rows } of [summary, sealed]) {
			assert.ok(rows.every(({ sentence }) => sentence!.role !== 'thought'));
			assert.doesNotMatch(JSON.stringify(run), /"chain of thought"/);
		}
	});

	test('activations without text say at how many positions they are', async () => {
		const { run } = await shown(bytesOf('hidden.npy'));
		assert.deepEqual([run.rows, run.unworded, run.layers], [0, { positions: 5, width: 4 }, 2]);
		assert.equal((await shown(bytesOf('openai-chat.json'))).run.unworded, undefined);
	});

	test('activations are compared position by position, whatever the order of their axes', async () => {
		const [a, b] = [await traced(bytesOf('hidden.npy')), await traced(bytesOf('hidden.npz'), 0, 'by_site:site,position,width')];
		const same = await Comparison.of(comparandOf(a), comparandOf(b), { a: 'activations', b: 'activations' }, 'text');
		assert.deepEqual(same.rows.map((row) => [row.a!.text, row.b!.text, row.same]), [0, 1, 2, 3, 4].map((i) => [`position ${i}`, `position ${i}`, true]));
		assert.deepEqual((await same.tokens(same.rows[3]!)).map((one) => [one.a, one.b]), [[['position 3'], ['position 3']]]);
		const [plane] = same.planes;
		assert.deepEqual([plane!.name, same.planes.length, (await same.delta(plane!)).largest], ['hidden.resid', 1, 0]);
		const turned = await traced(bytesOf('hidden.npz'), 0, 'by_site:position,site,width');
		const other = await Comparison.of(comparandOf(a), comparandOf(turned), { a: 'activations', b: 'activations' }, 'text');
		assert.deepEqual(other.rows.map((row) => row.same), [true, true, true, false, false]);
	});

	test('what was said without reasoning is shown as such', async () => {
		const found = await shown(bytesOf('openai-chat.json'));
		assert.deepEqual(said(found), ['answer: 42 é.']);
		assert.deepEqual([found.run.reasoning, found.run.arms[0]!.label], ['none', 'direct']);
		assert.ok(found.run.notes.includes('The model used 5 reasoning tokens that the file does not hold.'));
	});

	test("the source's log-probabilities are its tokens', and its alternatives a plane of their own", async () => {
		const { trace, run, rows, details } = await shown(bytesOf('openai-chat.json'));
		const close = (value: number | undefined, expected: number) => assert.ok(Math.abs(value! - expected) < 1e-6);
		const [first, second, third, fourth] = rows[0]!.sentence!.tokens;
		close(first!.prob, Math.exp(-0.25));
		close(second!.prob, Math.exp(-0.001));
		close(third!.prob, Math.exp(-0.5));
		assert.equal(fourth!.prob, undefined, '−9999 is no probability');
		close(details[0]!.tokens[0]!.surprisalBits, 0.25 / Math.LN2);
		assert.equal(trace.document.origin!.steps, 'tokens');
		assert.ok(!('surprise' in run.columns));
		assert.deepEqual(trace.tensors.map(({ name }) => name).sort(), ['direct/tokens.logprob', 'direct/tokens.topk_id', 'direct/tokens.topk_logprob', 'trace.json']);
		const ids = await trace.read('direct', 'tokens.topk_id', { start: 0, end: 2 });
		const texts = new Map(trace.document.tokens.map(({ id, text }) => [id, text]));
		assert.deepEqual([...ids!].map((id) => texts.get(id)), ['4', '5', '2', undefined]);
		assert.deepEqual([...(await trace.read('direct', 'tokens.topk_logprob', { start: 0, end: 1 }))!], [-0.25, -2]);
	});

	test('tokens of reasoning and answer are told apart, and the tags between them are no sentence', async () => {
		const found = await shown(bytesOf('vllm-reasoning.json'));
		assert.deepEqual(said(found), ['thought: Six times seven.↵', 'thought: That is forty-two.', 'answer: 42']);
		assert.deepEqual(found.trace.document.arms[0]!.steps.map(({ part, kind }) => part ?? kind), [...Array<string>(9).fill('token'), 'markup', 'markup', 'answer']);
		assert.equal(found.rows[0]!.sentence!.tokens[3]!.prob, undefined);
	});

	test('decoded latents are ranked, with no probability', async () => {
		const found = await shown(bytesOf('codi.txt'));
		assert.deepEqual(found.rows.map(({ thought }) => thought?.top.map(({ text }) => text)), [
			['·3', '3', "'s", '↵'],
			['*', '·x', '>>', '\\'],
			['·6', '6', '·5', '·six'],
		]);
		assert.ok(found.rows.every(({ thought }) => thought!.top.every(({ prob }) => Number.isNaN(prob)) && Number.isNaN(thought!.entropy)));
		assert.match(found.run.subtitle, /^no written reasoning in the source · .* · 3 latents$/);
		assert.deepEqual(found.details[0]!.layers.map(({ layer, top }) => [layer, top.length]), [[0, 5]]);
		assert.deepEqual(said(found), ['answer: The answer is: 6', undefined, undefined]);
	});

	test('residual streams lie beside the tokens that they belong to', async () => {
		const trace = await traced(bytesOf('hidden.npy'), 0, 'array:position,site,width');
		assert.deepEqual([...fromHalf((await trace.read('activations', 'hidden.resid', { start: 2, end: 3 })) as Uint16Array)], [200, 201, 202, 203, 210, 211, 212, 213, 220, 221, 222, 223]);
		const view = new TraceView(trace);
		assert.equal(view.run(1).layers, 2);
		assert.deepEqual(await view.rows({ start: 0, end: 10 }, 2), []);
	});

	test('a turn between two others is given, not said', async () => {
		const found = await shown(bytesOf('swe-agent.traj'));
		assert.deepEqual(said(found), ['thought: I look around.', 'call: ls', 'thought: The work is done.', 'thought:  I submit.', 'call: submit']);
		assert.equal(found.run.title, 'user: Fix the bug.');
	});

	test('parts that follow one another are sentences of their own', async () => {
		const message = { role: 'assistant', content: [{ type: 'reasoning', reasoning: 'One' }, { type: 'reasoning', reasoning: 'Two.' }, { type: 'text', text: '3' }], tool_calls: ['a', 'b'].map((name) => ({ function: { name, arguments: '{}' } })) };
		const found = await shown(utf8(JSON.stringify({ choices: [{ message }] })));
		assert.deepEqual(said(found), ['thought: One↵', 'thought: Two.', 'answer: 3', 'call: a({})↵', 'call: b({})']);
	});

	test('markup and hidden characters of a source are made visible', async () => {
		const found = await shown(utf8(JSON.stringify({ prompt: '<img src=x>\u202e', response: '<think>a\u200bb</think><script>\u0000' })));
		assert.deepEqual(said(found), ['thought: a⟨U+200B⟩b', 'answer: <script>⟨U+0000⟩']);
		assert.equal(found.run.title, '<img src=x>⟨U+202E⟩');
	});

	test('a report says where the trace comes from, and no seed', async () => {
		const { document } = await traced(bytesOf('openai-responses.jsonl'), 1);
		const part = tracePart(document, 'a.trace.safetensors');
		assert.match(part.subtitle, /imported from openai-responses, reasoning: summary/);
		assert.ok(part.provenance.some(({ label, value }) => label === 'Imported from' && value === 'file, sample resp_summary'));
		assert.ok(part.provenance.every(({ label }) => label !== 'Seed'));
	});
});
