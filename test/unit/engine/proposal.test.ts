/** What is proposed for a folder of which only tokens, weights and configuration are known. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseManifest } from '../../../src/engine/model/manifest';
import { propose, type Signs } from '../../../src/engine/adding/proposal';
import { readFileSync } from 'node:fs';
import { MODEL } from './harness';

/** Behind what the tokenizer puts before every text. */
const PROMPT = [{ kind: 'tokens' as const, tokens: ['<s>'] }, { kind: 'prompt' as const }];
const ANSWER = [{ kind: 'decode' as const, role: 'answer' as const, stop: [], limit: 8 }];

function proposed(tokens: readonly string[], more: Partial<Omit<Signs, 'has'>> = {}) {
	return propose({ has: (token) => tokens.includes(token), weights: [], config: {}, latents: true, ...more }, { prompt: PROMPT, answer: ANSWER });
}

describe('proposal', () => {
	test('says nothing about a plain decoder', () => {
		assert.deepEqual(proposed(['<s>', '</s>', '<bot>']), { arms: {}, trainedLatents: 0, reasons: [], undecided: [] });
	});

	test('of a Coconut checkpoint is its arm, with its tokens and its count', () => {
		const { arms, trainedLatents, reasons, undecided } = proposed(['<|start-latent|>', '<|end-latent|>', '<|latent|>'], { config: { max_latent_stage: 3, c_thought: 2 } });
		assert.deepEqual(arms['latent'], [
			...PROMPT,
			{ kind: 'tokens', tokens: ['<|start-latent|>'] },
			{ kind: 'latent', count: 6, feedback: { site: 'normed' } },
			{ kind: 'tokens', tokens: ['<|end-latent|>'] },
			...ANSWER,
		]);
		assert.equal(trainedLatents, 6);
		assert.match(reasons.join(' '), /between <\|start-latent\|> and <\|end-latent\|>.*max_latent_stage 3 and c_thought 2\./);
		assert.deepEqual(undecided, []);
		assert.match(proposed(['<|start-latent|>', '<|end-latent|>']).undecided.join(), /^How many thoughts/);
	});

	test('of a CODI checkpoint feeds nothing back without its projection, and says what is missing', () => {
		const { arms, undecided } = proposed(['<bot>', '<eot>'], { weights: ['codi.transformer.wte.weight', 'prj.1.weight', 'prj.ln.weight', 'expainable_llm.lm_head.weight'] });
		assert.equal(arms['latent'], undefined);
		assert.match(undecided[0]!, /projection .*\(prj\.1\.weight\).*thought\.onnx/);
		assert.match(undecided[1]!, /readout\.onnx/);
	});

	test('of one that loops over its depth says that a recipe cannot say so', () => {
		assert.match(proposed([], { config: { mean_recurrence: 32 } }).undecided[0]!, /config\.json says mean_recurrence 32/);
		assert.match(proposed([], { weights: ['transformer.core_block.0.attn.Wqkv.weight'] }).undecided[0]!, /core_block/);
	});

	test('gives pause tokens and written thoughts arms of their own, and latents only where vectors can be fed', () => {
		const { arms } = proposed(['<think>', '</think>', '<pause>']);
		assert.deepEqual(Object.keys(arms), ['cot', 'pause']);
		assert.ok(Object.values(arms).every((segments) => segments[0] === PROMPT[0] && segments[1] === PROMPT[1]));
		assert.deepEqual(Object.keys(proposed(['<think>', '</think>', '<pause>', '<bot>', '<eot>'], { latents: false }).arms), ['cot']);
		const manifest = JSON.parse(readFileSync(`${MODEL}/model.json`, 'utf8')) as { recipe: { arms: object } };
		parseManifest(JSON.stringify({ ...manifest, recipe: { ...manifest.recipe, arms: { ...manifest.recipe.arms, ...arms } } }));
	});

	test('bounds what it takes over', () => {
		const long = `prj.1.weight.${'x'.repeat(1_000)}.prj.1.weight`;
		assert.ok(proposed([], { weights: [long] }).undecided.every((sentence) => sentence.length <= 500));
	});
});
