/** What is proposed for a folder of which only tokens, weights and configuration are known. */
import assert from 'node:assert/strict';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { encodeHeader } from '../../../src/trace/container';
import { parseManifest } from '../../../src/engine/model/manifest';
import { propose, type Signs } from '../../../src/engine/adding/proposal';
import { familyOf, noGraph } from '../../../src/engine/adding/unexported';
import { readFileSync } from 'node:fs';
import { MODEL, temporary } from './harness';

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

describe('a checkpoint without a graph', () => {
	const signal = new AbortController().signal;

	async function folder(name: string, weight: string, config: object): Promise<string> {
		const path = join(await temporary(), name);
		await mkdir(path);
		await writeFile(join(path, 'model.safetensors'), Buffer.concat([encodeHeader([{ name: weight, shape: [1], dtype: 'F32' }], {}), Buffer.alloc(4)]));
		await writeFile(join(path, 'config.json'), JSON.stringify(config));
		await copyFile(join(MODEL, 'tokenizer.json'), join(path, 'tokenizer.json'));
		return path;
	}

	test('is told how to become a model, by its weights before its configuration', async () => {
		for (const [weight, config, wording] of [
			['prj.1.weight', {}, /--family codi, because it has the weight prj\.1\.weight\.$/],
			['expainable_llm.lm_head.weight', {}, /--family sim-cot, because/],
			['base_causallm.lm_head.weight', {}, /--family coconut, because/],
			['transformer.core_block.0.norm_1.weight', { total_ut_steps: 4 }, /--family huginn, because it has the weight/],
			['model.embed_tokens.weight', { total_ut_steps: 4 }, /--family ouro, because config\.json says total_ut_steps 4\.$/],
			['model.embed_tokens.weight', {}, /only the checkpoint "model\.safetensors": make a model folder of it with models\/tools\/export\.py\.$/],
		] as const) {
			const path = await folder('checkpoint', weight, config);
			const { message, code } = await noGraph(path, signal);
			assert.match(message, wording);
			assert.equal(code, 'bad-model');
			assert.equal((await noGraph(join(path, 'model.safetensors'), signal)).message.split(', only ')[1], message.split(', only ')[1]);
		}
	});

	test('of Coconut is known by its tokens; what is no checkpoint is asked for a graph', async () => {
		const has = (token: string) => ['<|start-latent|>', '<|end-latent|>'].includes(token);
		assert.equal(familyOf({ has, weights: [], config: {} })?.family, 'coconut');
		for (const path of [await temporary(), join(await temporary(), 'none.safetensors')]) {
			assert.match((await noGraph(path, signal)).message, /no exported model at ".*": name an \.onnx file/);
		}
	});
});
