/** Causal tests by the real child: every row against a run of the whole sequence that shares nothing, and what is refused. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { CAUSAL_TESTS, type CausalTest } from '../../../src/analysis/causal';
import { effect } from '../../../src/analysis/effect';
import type { CausalEvent, CausalParams, CausalRow } from '../../../src/engine/api';
import { readManifest } from '../../../src/engine/folder';
import { parseManifest } from '../../../src/engine/manifest';
import { Model } from '../../../src/engine/model';
import { Runtime } from '../../../src/engine/runtime';
import { parsePrompt, toPromptInput } from '../../../src/prompts/prompt';
import { MODEL, PROMPT, withEngine } from './harness';

/** Of log-odds and KL, which are differences of sums of float32. */
const TOLERANCE = 1e-4;
const THOUGHTS = 6;

async function example(name: string): Promise<string> {
	return toPromptInput(parsePrompt({ name, text: await readFile(`media/examples/${name}`, 'utf8') }), name).text;
}

const OTHER = PROMPT.replace('Is Tom a', 'Is Max a');

async function rows(params: Partial<CausalParams>, signal?: AbortSignal) {
	return withEngine(async (engine) => {
		const events: CausalEvent[] = [];
		const { skipped } = await engine.call(
			'causal',
			{
				model: MODEL,
				prompts: [await example('davis.prompt.md')],
				options: { seed: 0 },
				tests: [...CAUSAL_TESTS],
				scope: 'each',
				reference: [
					{ name: 'sally', text: await example('sally.prompt.md') },
					{ name: 'wren', text: await example('wren.prompt.md') },
				],
				donor: { name: 'sally', text: await example('sally.prompt.md') },
				...params,
			},
			{ signal, onEvent: (event) => events.push(event) },
		);
		const found = events.flatMap((event) => (event.kind === 'row' ? [event.row] : []));
		const clean = events.flatMap((event) => (event.kind === 'clean' ? [event] : []));
		return { rows: found, clean, skipped };
	});
}

/** Runs the latent arm over the whole sequence for every thought again, with no cache at all. */
class Naive {
	private constructor(
		private readonly model: Model,
		private readonly embeddings: Float32Array,
	) {}

	static async of(): Promise<Naive> {
		const { text, sha256 } = await readManifest(MODEL);
		const { signal } = new AbortController();
		const loading = { folder: MODEL, manifest: parseManifest(text), sha256, signal, progress: () => {} };
		const model = await Model.load(Runtime.load(), loading);
		return new Naive(model, (await model.embeddings())!);
	}

	/** `change`: what is fed as each thought. Also returns what was fed. */
	async run(
		prompt: string,
		change: (own: Float32Array, index: number, logits: Float32Array) => Float32Array = (own) => own,
		count = THOUGHTS,
	) {
		const { tokenizer } = this.model;
		const fed = [...tokenizer.encode(prompt).ids, tokenizer.idOf('<latent>')!].map((id) => this.embed(id));
		const thoughts: Float32Array[] = [];
		for (let index = 0; index < count; index++) {
			const { normed, logits } = await this.last(fed);
			thoughts.push(change(normed, index, logits));
			fed.push(thoughts.at(-1)!);
		}
		const { logits } = await this.last([...fed, this.embed(tokenizer.idOf('<a>')!)]);
		return { logits, thoughts };
	}

	/** Tokens only, after the prompt. */
	async tokens(prompt: string, ids: readonly number[]) {
		const all = [...this.model.tokenizer.encode(prompt).ids, ...ids];
		return (await this.last(all.map((id) => this.embed(id)))).logits;
	}

	embed(id: number): Float32Array {
		const { width } = this.model.manifest.shape;
		return this.embeddings.slice(id * width, (id + 1) * width);
	}

	id(token: string): number {
		return this.model.tokenizer.idOf(token)!;
	}

	dispose(): void {
		this.model.dispose();
	}

	private async last(fed: readonly Float32Array[]) {
		const { width, layers } = this.model.manifest.shape;
		const embeddings = new Float32Array(fed.length * width);
		fed.forEach((vector, i) => embeddings.set(vector, i * width));
		const { resid } = await this.model.body.forward({ embeddings }, this.model.body.empty);
		const hidden = resid[layers]!.slice(-width);
		const { normed } = await this.model.head.read(hidden, 1, [0], 1);
		return { normed, logits: await this.model.head.logits(hidden) };
	}
}

const norm = (vector: Float32Array) => Math.hypot(...vector);

describe('causal tests', () => {
	test('equal runs of the whole sequence without a shared prefix', async () => {
		const naive = await Naive.of();
		try {
			const prompt = await example('davis.prompt.md');
			const { rows: found, clean: answers } = await rows({ arms: ['latent'] });
			assert.deepEqual(answers, [{ kind: 'clean', index: 0, arm: 'latent', answer: 'fompus' }]);
			const clean = await naive.run(prompt);
			const sally = (await naive.run(await example('sally.prompt.md'))).thoughts;
			const wren = (await naive.run(await example('wren.prompt.md'))).thoughts;
			const mean = sally.map((vector, i) => vector.map((value, j) => (value + wren[i]![j]!) / 2));
			const nearest = (logits: Float32Array) => naive.embed(logits.indexOf(Math.max(...logits)));
			const by: Partial<Record<string, (own: Float32Array, index: number, logits: Float32Array) => Float32Array>> = {
				'ablate-zero': (own) => own.map(() => 0),
				'ablate-mean': (_, index) => mean[index]!,
				resample: (_, index) => sally[index]!,
				interchange: (_, index) => sally[index]!,
				'snap-1 raw': (_, __, logits) => nearest(logits),
				'snap-1 rescaled': (own, _, logits) => {
					const token = nearest(logits);
					return token.map((value) => (value * norm(own)) / norm(token));
				},
				'mixture raw': (own, _, logits) => {
					const weights = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
					const sum = weights.reduce((a, b) => a + b);
					const mixed = own.map(() => 0);
					weights.forEach((weight, id) => naive.embed(id).forEach((value, j) => (mixed[j]! += (weight / sum) * value)));
					return mixed;
				},
			};
			let compared = 0;
			for (const row of found) {
				const replace = by[[row.test, row.form].filter((part) => part !== undefined).join(' ')];
				const step = row.step;
				const changed = replace
					? await naive.run(prompt, (own, index, logits) =>
							step === 'all' || step === index
								? replace(own, index, logits)
								: row.later === 'frozen' && index > step
									? clean.thoughts[index]!
									: own,
						)
					: row.test === 'truncate'
						? await naive.run(prompt, undefined, step as number)
						: undefined;
				if (changed) {
					same(row, effect(clean.logits, changed.logits));
					compared++;
				}
			}
			assert.equal(compared, 7 * (2 * THOUGHTS) + THOUGHTS + 1);
		} finally {
			naive.dispose();
		}
	});

	test('written thoughts: early answers and dropped spans equal runs of the shortened text', async () => {
		const naive = await Naive.of();
		try {
			const prompt = await example('davis.prompt.md');
			const { rows: found } = await rows({ arms: ['cot'] });
			const chain: number[] = await written(prompt);
			assert.ok(chain.length > 3);
			const answered = (kept: readonly number[]) => naive.tokens(prompt, [naive.id('<cot>'), ...kept, naive.id('<a>')]);
			const clean = await answered(chain);
			assert.equal(found.length, 2 * chain.length, 'one token is one sentence');
			for (const row of found) {
				const step = row.step as number;
				const kept = row.test === 'drop-span' ? chain.filter((_, i) => i !== step) : chain.slice(0, step);
				same(row, effect(clean, await answered(kept)));
			}
		} finally {
			naive.dispose();
		}
	});

	test('a patch at the last site is a replaced next thought, and none after the last', async () => {
		const { rows: found } = await rows({ arms: ['latent'], tests: ['resample', 'patch'] });
		const row = (test: CausalTest, step: number, site?: number) =>
			found.find(
				(one) =>
					one.test === test &&
					one.step === step &&
					one.site === site &&
					one.later !== 'frozen' &&
					(test !== 'patch' || one.form === 'resample'),
			)!;
		assert.equal(found.filter(({ test: name }) => name === 'patch').length, 3 * 3 * THOUGHTS);
		for (let step = 0; step < THOUGHTS - 1; step++) {
			same(row('patch', step, 2), row('resample', step + 1));
		}
		same(row('patch', THOUGHTS - 1, 2), { deltaLogOdds: 0, kl: 0 });
	});

	test('noise has the seed of the run, and no effect is told of what changes nothing', async () => {
		const noise = async (seed: number) => (await rows({ arms: ['latent'], tests: ['noise'], options: { seed } })).rows;
		assert.deepEqual(await noise(1), await noise(1));
		assert.notDeepEqual(await noise(1), await noise(2));
		const { rows: found } = await rows({ arms: ['latent'], tests: ['truncate'] });
		const last = found.at(-1)!;
		assert.deepEqual([last.step, last.trained, last.changed], [THOUGHTS, true, false]);
		same(last, { deltaLogOdds: 0, kl: 0 });
	});

	test('the pause twin: other prompts have the same dummy, so resampling it changes nothing', async () => {
		const { rows: found } = await rows({ model: 'models/prosqa-pause', arms: ['latent'], tests: ['resample', 'ablate-mean'] });
		assert.equal(found.length, 2 * 2 * THOUGHTS);
		found.forEach((row) => same(row, { deltaLogOdds: 0, kl: 0 }));
	});

	test('what cannot be tested is said', async () => {
		const { rows: found, skipped } = await rows({ arms: ['cot', 'direct'], tests: ['noise', 'transplant'], donor: undefined });
		assert.deepEqual(found, []);
		assert.match(skipped.join('\n'), /^transplant was not run, because no other prompt was given\./m);
		assert.match(skipped.join('\n'), /^noise was not run, because it changes latent thoughts/m);
		const alone = await rows({ arms: ['latent'], tests: ['resample', 'patch'], reference: [] });
		assert.match(alone.skipped.join('\n'), /^resample was not run, because there is no reference prompt/m);
		assert.deepEqual([...new Set(alone.rows.map(({ form }) => form))], ['zero']);
	});

	test('a cancelled test ends', async () => {
		const abort = new AbortController();
		const prompts = new Array<string>(200).fill(OTHER);
		setTimeout(() => abort.abort(), 300);
		await assert.rejects(rows({ prompts }, abort.signal), { code: 'cancelled' });
	});
});

function same(row: Pick<CausalRow, 'deltaLogOdds' | 'kl'>, expected: Pick<CausalRow, 'deltaLogOdds' | 'kl'>): void {
	const difference = Math.max(Math.abs(row.deltaLogOdds - expected.deltaLogOdds), Math.abs(row.kl - expected.kl));
	assert.ok(difference <= TOLERANCE, `${JSON.stringify(row)} differs by ${difference}`);
}

/** Ids of the chain of thought. */
async function written(prompt: string): Promise<number[]> {
	return withEngine(async (engine) => {
		const { document } = await engine.call('analyze', {
			model: MODEL,
			prompt: { name: 'test', format: 'plain', text: prompt, pieces: [] },
			arms: ['cot'],
			options: { seed: 0, temperature: 0, topK: 1 },
		});
		const own = document.arms[0]!.steps.filter(({ kind, forced }) => kind === 'token' && !forced);
		return own.slice(0, -1).map(({ id }) => id);
	});
}
