/** Out-of-distribution measures on the bundled model against onnxruntime, NumPy, SciPy and scikit-learn in Python. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { OodParams, OodRow } from '../../../src/engine/api';
import { MODEL, PROMPT, withEngine } from './harness';

interface Fixture {
	reference: string[];
	prompt: string;
	n: { tokens: number; text: number };
	rows: OodRow[];
}

const { reference, prompt, n, rows } = (JSON.parse(readFileSync('test/fixtures/ood.json', 'utf8')) as { bundled: Fixture }).bundled;
/** Of single precision through the model's blocks. */
const TOLERANCE = 1e-3;
/** Percentage points: two members nearer than rounding may change places. */
const PLACES = 1;
/**
 * This model's embeddings are sums, so that some mixtures equal others: a tenth of the states of text has several best mixtures
 * of different entropy, and two solvers may choose differently.
 */
const MIXTURE_PLACES = 10;

const params = (more: Partial<OodParams> = {}): OodParams => ({
	model: MODEL,
	prompt,
	options: { seed: 0, temperature: 0, topK: 1 },
	reference: { name: 'test', prompts: reference },
	...more,
});

test('every measure and percentile agrees with Python; the reference is measured once', () =>
	withEngine(async (engine) => {
		const messages: string[] = [];
		const call = (more: Partial<OodParams> = {}) =>
			engine.call('ood', params(more), { onEvent: ({ message }) => messages.push(message) });
		const { arms, neighbour } = await call();
		assert.deepEqual([neighbour, arms.length, arms[0]!.name, arms[0]!.site], [5, 1, 'latent', 'normed']);
		const [arm] = arms;
		assert.deepEqual([arm!.tokens.n, arm!.text.n], [n.tokens, n.text]);
		assert.equal(arm!.rows.length, rows.length);
		for (const [i, expected] of rows.entries()) {
			const found = arm!.rows[i]!;
			const context = `${expected.measure} of thought ${expected.thought}: ${JSON.stringify(found)} for ${JSON.stringify(expected)}`;
			assert.deepEqual([found.thought, found.measure], [expected.thought, expected.measure]);
			assert.ok(Math.abs(found.value - expected.value) < TOLERANCE * Math.max(1, expected.value), context);
			const places = expected.measure === 'effective-tokens' ? MIXTURE_PLACES : PLACES;
			assert.ok(Math.abs(found.tokens - expected.tokens) <= places && Math.abs(found.text - expected.text) <= places, context);
		}
		assert.ok(messages.includes('Measuring the reference'));
		messages.length = 0;
		assert.deepEqual((await call()).arms, arms);
		assert.ok(!messages.includes('Measuring the reference'));
		await call({ reference: { name: 'test', prompts: [PROMPT] } });
		assert.ok(messages.includes('Measuring the reference'));
	}));

test('arms without thoughts, and no thoughts at all', () =>
	withEngine(async (engine) => {
		await assert.rejects(engine.call('ood', params({ arms: ['cot', 'direct'] })), /None of the arms has latent thoughts/);
		const { arms } = await engine.call('ood', params({ options: { seed: 0, temperature: 0, topK: 1, latents: 0 } }));
		assert.deepEqual(arms[0]!.rows, []);
	}));

test('a cancel ends the measuring of the reference', () =>
	withEngine(async (engine) => {
		const abort = new AbortController();
		const call = engine.call('ood', params(), {
			signal: abort.signal,
			onEvent: ({ message }) => message === 'Measuring the reference' && abort.abort(),
		});
		await assert.rejects(call, ({ code }: { code?: string }) => code === 'cancelled');
		assert.equal((await engine.call('ood', params())).arms.length, 1);
	}));

test('the pause twin is fed a token: no thought leaves the embeddings', () =>
	withEngine(async (engine) => {
		const { arms } = await engine.call('ood', params({ model: 'models/prosqa-pause' }));
		const values = (name: string) => arms[0]!.rows.filter(({ measure }) => measure === name).map(({ value }) => value);
		assert.ok(values('max-cosine').length > 0);
		assert.ok(values('max-cosine').every((value) => value > 1 - 1e-5));
		assert.ok(values('mixture-residual').every((value) => value < 1e-4));
		assert.ok(values('effective-tokens').every((value) => Math.abs(value - 1) < 1e-4));
	}));
