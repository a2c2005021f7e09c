/** Chains of thought read under other models, by the real child, against whole sequences that share nothing with it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { LegibilityEvent, LegibilityParams, WrittenChain } from '../../../src/engine/api';
import { readManifest } from '../../../src/engine/model/folder';
import { parseManifest, type Manifest } from '../../../src/engine/model/manifest';
import { Model } from '../../../src/engine/model/model';
import { Runtime } from '../../../src/engine/runtime';
import { parseProblems } from '../../../src/prompts/problems';
import { openFile } from '../../../src/trace/bytes.node';
import type { PlaneName } from '../../../src/trace/planes';
import { openTrace } from '../../../src/trace/reader';
import { MODEL, modelCopy, PROMPT, replaced, request, temporary, withEngine } from './harness';

const BASE = 'models/prosqa-pause';
/** Bits and nats, of float32 through two blocks. */
const TOLERANCE = 1e-4;
const PROMPTS = (parseProblems(readFileSync('test/fixtures/prosqa-published.json', 'utf8')) as { question: string }[])
	.slice(0, 4)
	.map(({ question }) => question);

async function chains(more: Partial<LegibilityParams>, signal?: AbortSignal, seen: (event: LegibilityEvent) => void = () => {}) {
	return withEngine(async (engine) => {
		const found: WrittenChain[] = [];
		const onEvent = (event: LegibilityEvent) => {
			seen(event);
			if (event.kind === 'chain') {
				found.push(event.chain);
			}
		};
		const params = { model: MODEL, prompts: PROMPTS, options: { seed: 0, temperature: 0, topK: 1 }, ...more };
		return { ...(await engine.call('legibility', params, { signal, onEvent })), found };
	});
}

async function load(folder: string): Promise<Model> {
	const { text, sha256 } = await readManifest(folder);
	const { signal } = new AbortController();
	return Model.load(Runtime.load(), { folder, manifest: parseManifest(text), sha256, signal, progress: () => {} });
}

/** Natural logarithms of every next token's probability after each position, the whole sequence in one pass and without the head's own sums. */
async function logSoftmaxes(model: Model, ids: readonly number[]): Promise<number[][]> {
	const { vocabulary } = model.manifest.shape;
	const { resid } = await model.body.forward({ ids }, model.body.empty);
	const logits = await model.head.logits(resid.at(-1)!);
	return ids.map((_, i) => {
		const row = [...logits.subarray(i * vocabulary, (i + 1) * vocabulary)];
		const lse = Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0));
		return row.map((logit) => logit - lse);
	});
}

function close(found: number, expected: number, what: string): void {
	assert.ok(Math.abs(found - expected) < TOLERANCE, `${what}: ${found} for ${expected}`);
}

test('surprisal and KL equal those of full logits, token by token; means are over the chain alone', async () => {
	const { found, reference, base, skipped } = await chains({ base: BASE });
	assert.deepEqual([reference?.id, base?.id, skipped], ['prosqa-pause', 'prosqa-pause', []]);
	assert.equal(found.length, PROMPTS.length);
	const [own, other] = [await load(MODEL), await load(BASE)];
	const { tokenizer } = own;
	for (const [index, chain] of found.entries()) {
		const [thoughts, answers] = (['thought', 'answer'] as const).map((role) =>
			chain.sentences.filter((sentence) => sentence.role === role).flatMap(({ tokens }) => tokens),
		) as [WrittenChain['sentences'][number]['tokens'], WrittenChain['sentences'][number]['tokens']];
		const ids = [...tokenizer.encode(PROMPTS[index]!).ids, tokenizer.idOf('<cot>')!];
		const first = ids.length;
		ids.push(...thoughts.map(({ id }) => id), tokenizer.idOf('<a>')!, ...answers.map(({ id }) => id));
		const [p, q] = [await logSoftmaxes(own, ids), await logSoftmaxes(other, ids)];
		const sums = { bits: 0, kl: 0 };
		[...thoughts, ...answers].forEach((token, i) => {
			const at = first + i + (i < thoughts.length ? 0 : 1);
			assert.equal(ids[at], token.id);
			const kl = p[at - 1]!.reduce((sum, value, id) => sum + Math.exp(value) * (value - q[at - 1]![id]!), 0);
			close(token.bits, -p[at - 1]![token.id]! / Math.LN2, `own bits of token ${i} of prompt ${index}`);
			close(token.referenceBits, -q[at - 1]![token.id]! / Math.LN2, `bits of token ${i} of prompt ${index}`);
			close(token.kl, kl, `KL at token ${i} of prompt ${index}`);
			sums.bits += i < thoughts.length ? token.referenceBits : 0;
			sums.kl += i < thoughts.length ? token.kl : 0;
		});
		const { record } = chain;
		assert.equal(record!.tokens, thoughts.length);
		close(record!.reference!.surprisalBits, sums.bits / thoughts.length, 'mean bits');
		close(record!.base!.kl, sums.kl / thoughts.length, 'mean KL');
	}
	own.dispose();
	other.dispose();
});

test('under itself a model is as far from itself as nothing, and its surprisal is its own', async () => {
	const { found } = await chains({ base: MODEL, referenceModel: MODEL });
	for (const token of found.flatMap(({ sentences }) => sentences).flatMap(({ tokens }) => tokens)) {
		close(token.referenceBits, token.bits, token.text);
		close(token.kl, 0, token.text);
	}
});

/** The words of the task one by one, so that ` is a yimpus.` is four tokens. Two words are left out. */
const LEFT_OUT = ['zumpus', 'felpus'];
const words = (text: string) => text.match(/\w+|[^\w\s]/g) ?? [];

async function byWords(folder: string, manifest: Manifest): Promise<string[]> {
	const { model } = JSON.parse(readFileSync(`${MODEL}/tokenizer.json`, 'utf8')) as { model: { vocab: Record<string, number> } };
	const entries = Object.keys(model.vocab).filter((entry) => !entry.startsWith('<'));
	const vocabulary = ['<unk>', ...new Set(entries.flatMap(words))].filter((word) => !LEFT_OUT.includes(word));
	const tokenizer = {
		added_tokens: [{ id: 0, content: '<unk>', single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }],
		normalizer: null,
		pre_tokenizer: { type: 'Split', pattern: { Regex: '\\w+|[^\\w\\s]' }, behavior: 'Removed', invert: true },
		post_processor: null,
		decoder: null,
		model: { type: 'WordLevel', vocab: Object.fromEntries(vocabulary.map((word, id) => [word, id])), unk_token: '<unk>' },
	};
	await replaced(folder, manifest, 'tokenizer', new TextEncoder().encode(JSON.stringify(tokenizer)));
	// It has no recipe of the bundled kind.
	manifest.recipe = { trainedLatents: 0, arms: { direct: [{ kind: 'prompt' }, { kind: 'decode', role: 'answer', stop: ['?'], limit: 2 }] } };
	Object.assign(manifest, { id: 'by-words', probes: [], relatives: {}, reference: undefined });
	return vocabulary;
}

describe('a reference model with another tokenizer', () => {
	test('is given the text, and its bits are told by character; KL is not measured', async () => {
		let vocabulary: string[] = [];
		const folder = await modelCopy(async (path, manifest) => void (vocabulary = await byWords(path, manifest)));
		// The shorter prompt: a word has more tokens than the bundled context has room for.
		const { found, skipped } = await chains({ base: folder, prompts: [PROMPT] });
		assert.deepEqual(skipped, ['KL to the base model was not measured, because "by-words" has another tokenizer.']);
		const [chain] = found;
		const tokens = chain!.sentences.flatMap((sentence) => sentence.tokens);
		const text = words(PROMPT + tokens.map((token) => token.text).join(''));
		const ids = text.map((word) => Math.max(0, vocabulary.indexOf(word)));
		const model = await load(folder);
		const rows = await logSoftmaxes(model, ids);
		model.dispose();
		let at = words(PROMPT).length;
		for (const token of tokens) {
			const parts = words(token.text);
			const bits = parts.map((_, i) => -rows[at + i - 1]![ids[at + i]!]! / Math.LN2).reduce((a, b) => a + b, 0);
			close(token.referenceBits, bits, token.text);
			assert.ok(Number.isNaN(token.kl));
			at += parts.length;
		}
		assert.ok(tokens.every(({ text: one }) => words(one).length === 4));
		assert.equal(chain!.record!.base, undefined);
		assert.equal(chain!.record!.reference!.id, 'by-words');
	});

	test('cannot tell the bits of a word that it does not know', async () => {
		const folder = await modelCopy(async (path, manifest) => void (await byWords(path, manifest)));
		const { found, skipped } = await chains({ referenceModel: folder, prompts: [PROMPT.replace(/hilpus/g, 'zumpus').replace(/yimpus/g, 'felpus')] });
		const tokens = found[0]!.sentences.flatMap((sentence) => sentence.tokens);
		assert.ok(tokens.some(({ text }) => LEFT_OUT.some((word) => text.includes(word))));
		for (const { text, referenceBits } of tokens) {
			assert.equal(Number.isNaN(referenceBits), LEFT_OUT.some((word) => text.includes(word)), text);
		}
		assert.deepEqual(skipped, []);
	});

	test('whose context is too short is told of, once for all prompts', async () => {
		const folder = await modelCopy(async (path, manifest) => {
			await byWords(path, manifest);
			manifest.shape.context = 40;
		});
		const { found, skipped } = await chains({ referenceModel: folder });
		assert.deepEqual(skipped, [
			'Surprisal under the reference model was not measured, because prompt and chain do not fit the context of "by-words", which is 40 tokens.',
		]);
		assert.ok(found.every(({ record }) => record && !record.reference));
	});
});

describe('what cannot be measured', () => {
	test('without a base nothing is read under it, and the sentence says how to name one', async () => {
		const { found, skipped, reference, base } = await chains({});
		assert.deepEqual([reference, base], [undefined, undefined]);
		assert.equal(skipped.length, 1);
		assert.match(skipped[0]!, /names no base: name one with --base or --reference-model/);
		assert.ok(found.every(({ record }) => record!.legalSteps && record!.rareWords && !record!.base));
	});

	test("a base that is not beside the model, and one that is: the manifest's id is a folder's name", async () => {
		const model = await modelCopy((_, manifest) => void (manifest.relatives = { base: 'nowhere' }));
		const { skipped } = await chains({ model, prompts: [PROMPT] });
		assert.match(skipped[0]!, /^Surprisal under the base model, and KL to it, was not measured, because the folder nowhere beside this model's holds/);
		assert.ok(!skipped[0]!.includes(model));
		const beside = await modelCopy((_, manifest) => void (manifest.relatives = { base: 'model' }));
		assert.equal((await chains({ model: beside, prompts: [PROMPT] })).base?.id, 'prosqa');
	});

	test('a folder that was named and holds no model takes its measure away and nothing else', async () => {
		const { skipped, found } = await chains({ base: BASE, referenceModel: await temporary(), prompts: [PROMPT] });
		assert.match(skipped[0]!, /^Surprisal under the reference model was not measured, because the folder that was named/);
		assert.ok(found[0]!.record!.base && !found[0]!.record!.reference);
	});

	test('latents before the chain stand for no token: the reference reads the text, and no KL is told', async () => {
		const model = await modelCopy((_, manifest) => {
			const { cot, latent } = manifest.recipe.arms;
			manifest.probes = [];
			manifest.recipe.arms = { both: [...latent!.slice(0, 3), ...cot!.slice(1)] };
		});
		const { found, skipped } = await chains({ model, base: BASE, prompts: [PROMPT] });
		assert.match(skipped[0]!, /latent thoughts stand before the chain/);
		const tokens = found[0]!.sentences.flatMap((sentence) => sentence.tokens);
		assert.ok(tokens.length > 0 && tokens.every(({ kl, referenceBits }) => Number.isNaN(kl) && referenceBits > 0));
	});

	test('arms without a chain, and a prompt that does not fit, fail with one sentence', async () => {
		await assert.rejects(chains({ arms: ['direct', 'latent'] }), /None of the arms writes a chain of thought: choose/);
		await assert.rejects(chains({ prompts: [PROMPT, PROMPT.repeat(20)] }), /Problem 2 cannot be run\. Arm cot needs/);
	});

	test('a cancel ends it', async () => {
		const abort = new AbortController();
		await assert.rejects(
			chains({ base: BASE }, abort.signal, ({ kind }) => kind === 'chain' && abort.abort()),
			({ code }: { code?: string }) => code === 'cancelled',
		);
	});
});

test('an analysis that gathers evidence keeps the same numbers, as planes of the arm that wrote and of no other', async () => {
	const out = join(await temporary(), 'x.trace.safetensors');
	const [prompt] = PROMPTS;
	const evidence = { base: BASE, reference: { name: 'test', prompts: PROMPTS.slice(1) } };
	await withEngine((engine) => engine.call('analyze', request(prompt!, { evidence, out })));
	const trace = await openTrace(await openFile(out));
	const { found } = await chains({ base: BASE, prompts: [prompt!] });
	const tokens = found[0]!.sentences.flatMap((sentence) => sentence.tokens);
	const record = trace.document.evidence!.legibility;
	assert.deepEqual(JSON.parse(JSON.stringify(record)), JSON.parse(JSON.stringify([found[0]!.record])));
	const { steps } = trace.document.arms.find(({ name }) => name === 'cot')!;
	const rows = { start: 0, end: steps.length };
	const measured = async (plane: PlaneName) => [...((await trace.read('cot', plane, rows)) as Float32Array)];
	const [bits, kl] = [await measured('legibility.surprisal'), await measured('legibility.kl')];
	assert.deepEqual([bits.length, kl.length], [steps.length, steps.length]);
	const known = (values: number[]) => values.filter((value) => !Number.isNaN(value));
	known(bits).forEach((value, i) => close(value, tokens[i]!.referenceBits, tokens[i]!.text));
	known(kl).forEach((value, i) => close(value, tokens[i]!.kl, tokens[i]!.text));
	assert.deepEqual([known(bits).length, known(kl).length], [tokens.length, tokens.length]);
	assert.equal(await trace.read('direct', 'legibility.kl', { start: 0, end: 1 }), undefined);
	assert.ok(trace.document.evidence!.skipped.every((why) => !why.includes('urprisal')));
	trace.dispose();
});

test('a reference folder of another kind is no model', async () => {
	const folder = await temporary();
	await writeFile(`${folder}/model.json`, '{}');
	assert.match((await chains({ referenceModel: folder, prompts: [PROMPT] })).skipped[0]!, /holds no model that can be used/);
});
