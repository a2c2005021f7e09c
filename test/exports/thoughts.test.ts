/** What is measured on thoughts works on exports as on the bundled models: tests side by side, evidence, distances, legibility, probes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { CAUSAL_TESTS } from '../../src/analysis/causal';
import type { CausalRow } from '../../src/engine/api';
import { CausalRun } from '../../src/engine/causal/sweep';
import type { Model } from '../../src/engine/model/model';
import type { EvidenceRecord } from '../../src/trace/evidence';
import { added, EXPORTS, signal, temporary } from './support';

const NAMES = ['Tom', 'Davis', 'Alex', 'Sally', 'Wren', 'Max'];
const KINDS = ['terpus', 'hilpus', 'yumpus', 'lorpus', 'rempus'];
/** Short enough for exports with 128 positions and a token for about every letter. */
const QUESTIONS = NAMES.flatMap((name, i) =>
	KINDS.slice(0, 4).map((kind, j) => `${name} is a ${kind}. Is ${name} a ${KINDS[(i + j + 1) % 5]}?`),
);
/** Runs of vectors that were computed in another order. */
const TOLERANCE = 1e-3;

async function tested(model: Model): Promise<CausalRow[]> {
	const rows: CausalRow[] = [];
	const params = {
		model: model.folder,
		prompts: QUESTIONS.slice(0, 1),
		options: { latents: 3, seed: 1, maxTokens: 3 },
		tests: [...CAUSAL_TESTS],
		scope: 'each' as const,
		reference: QUESTIONS.slice(1, 5).map((text) => ({ name: text, text })),
	};
	await new CausalRun(model, params, signal, (event) => event.kind === 'row' && rows.push(event.row)).run();
	return rows;
}

describe('thoughts of exports', { skip: EXPORTS === '' && 'npm test -- exports makes the exports' }, () => {
	let home = '';
	let prompt = '';
	let data = '';
	let labelled = '';
	before(async () => {
		home = await temporary();
		prompt = join(home, 'a.prompt.md');
		data = join(home, 'data.json');
		labelled = join(home, 'labelled.jsonl');
		await writeFile(prompt, `${QUESTIONS[0]}\n`);
		await writeFile(data, JSON.stringify(QUESTIONS.map((question, i) => ({ question, answer: i % 2 ? 'yes' : 'no' }))));
		await writeFile(labelled, QUESTIONS.map((text, i) => JSON.stringify({ prompt: text, label: i % 2 })).join('\n'));
	});

	function cli(...args: string[]) {
		const { status, stdout, stderr } = spawnSync('node', ['dist/cli.js', ...args], {
			encoding: 'utf8',
			env: { ...process.env, NEURALESE_HOME: home, XDG_CACHE_HOME: home },
		});
		return { status, stdout, stderr };
	}

	for (const name of ['gpt2/optimum', 'llama/optimum']) {
		test(`${name}: variants side by side give what they give one by one, mixtures too`, async () => {
			const model = await added(name);
			assert.ok(model.rows > 1);
			const together = await tested(model);
			model.unavailable.set('batches', 'the test says so');
			const single = await tested(model);
			model.dispose();
			for (const arm of ['coconut', 'soft']) {
				assert.ok(together.filter((row) => row.arm === arm).length > 40, arm);
			}
			assert.ok(together.some((row) => row.arm === 'cot'), 'the written chain is changed too');
			assert.equal(together.length, single.length);
			for (const [i, { deltaLogOdds, kl, ...row }] of together.entries()) {
				const { deltaLogOdds: otherDelta, kl: otherKl, ...other } = single[i]!;
				assert.deepEqual(row, other);
				assert.ok(Math.abs(deltaLogOdds - otherDelta) < TOLERANCE && Math.abs(kl - otherKl) < TOLERANCE, JSON.stringify(row));
			}
		});
	}

	test('llama/genai-fp32: a graph that is not told positions is tested row by row', async () => {
		const model = await added('llama/genai-fp32');
		assert.match(model.unavailable.get('batches') ?? '', /not told positions/);
		assert.equal(model.rows, 1);
		const rows = await tested(model);
		model.dispose();
		assert.ok(rows.filter(({ arm }) => arm === 'soft').every(({ kl }) => kl >= -TOLERANCE));
		assert.ok(rows.some(({ arm, kl }) => arm === 'soft' && kl > TOLERANCE));
	});

	for (const name of ['gpt2/optimum', 'llama/dynamo']) {
		test(`${name}: analyze gathers evidence, and says of each control that there is not why`, () => {
			const source = join(EXPORTS, name);
			const args = ['--latents', '2', '--max-tokens', '3', '--reference', data, '--json'];
			const { status, stdout, stderr } = cli('analyze', prompt, '--model', source, ...args);
			assert.equal(status, 0, stderr);
			const { evidence } = JSON.parse(stdout) as { evidence: EvidenceRecord };
			assert.deepEqual(evidence.claims.map(({ arm, thought }) => `${arm} ${thought}`), ['coconut 0', 'coconut 1', 'soft 0', 'soft 1']);
			assert.deepEqual([...new Set(evidence.cohorts.map(({ arm, role }) => `${arm} ${role}`))], ['coconut model', 'soft model']);
			assert.equal(evidence.ood.length, 2);
			assert.ok(evidence.tests.length > 40);
			assert.ok(evidence.skipped.every((why) => /^[^\n]+\.$/.test(why)));
			assert.ok(evidence.skipped.some((why) => /^Random weights are no control here, because its weights lie in files/.test(why)));
		});

		test(`${name}: distances, legibility, a set with causal tests and a probe`, () => {
			const model = ['--model', join(EXPORTS, name), '--max-tokens', '3'];
			const ood = cli('ood', prompt, ...model, '--latents', '2', '--reference', data, '--json');
			assert.equal(ood.status, 0, ood.stderr);
			const measured = JSON.parse(ood.stdout) as { arms: { rows: { measure: string; value: number | null }[] }[] };
			const inside = measured.arms[1]!.rows.filter(({ measure }) => measure === 'mixture-residual');
			assert.ok(inside.length === 2 && inside.every(({ value }) => value! < 0.01), 'a mixture of embeddings is one');
			const read = cli('legibility', prompt, ...model, '--load-bearing', '--json');
			assert.equal(read.status, 0, read.stderr);
			const set = cli('eval', data, ...model, '--latents', '2', '--limit', '2', '--causal', '--json');
			assert.equal(set.status, 0, set.stderr);
			const { causal } = JSON.parse(set.stdout) as { causal: { arm: string }[] };
			assert.deepEqual([...new Set(causal.map(({ arm }) => arm))], ['coconut', 'soft']);
			const probe = join(home, `${name.replace('/', '-')}.probe.safetensors`);
			const states = ['--arm', 'soft', '--latents', '2'];
			const trained = cli('probe', 'train', labelled, ...model, ...states, '--out', probe, '--json');
			assert.equal(trained.status, 0, trained.stderr);
			const shown = cli('analyze', prompt, ...model, '--latents', '2', '--no-evidence', '--probes', probe, '--json');
			assert.equal(shown.status, 0, shown.stderr);
			assert.equal(Object.keys((JSON.parse(shown.stdout) as { probes: object }).probes).length, 1);
		});
	}

	test('only logits: the written chain is tested, and what needs layers is refused in one sentence', () => {
		const model = ['--model', join(EXPORTS, 'no-cuts/two-streams'), '--max-tokens', '3'];
		const why = /because there is no one tensor that all of block 0 hands on to block 1/;
		const causal = cli('causal', prompt, ...model, '--json');
		assert.equal(causal.status, 0, causal.stderr);
		const { rows, skipped } = JSON.parse(causal.stdout) as { rows: CausalRow[]; skipped: string[] };
		assert.deepEqual([...new Set(rows.map(({ arm }) => arm))], ['cot']);
		assert.ok(skipped.some((line) => line.startsWith('ablate-zero') && why.test(line)));
		assert.equal(cli('legibility', prompt, ...model, '--load-bearing').status, 0);
		const probe = cli('probe', 'train', labelled, ...model, '--arm', 'cot', '--at', 'tokens', '--out', join(home, 'p.probe.safetensors'));
		assert.equal(probe.status, 1);
		assert.match(probe.stderr, why);
		const { status, stdout, stderr } = cli('analyze', prompt, ...model, '--reference', data, '--json');
		assert.equal(status, 0, stderr);
		const { evidence } = JSON.parse(stdout) as { evidence: EvidenceRecord };
		assert.deepEqual([...new Set(evidence.tests.map(({ arm }) => arm))], ['cot']);
	});
});
