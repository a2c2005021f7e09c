/** Traces that earlier versions wrote. They are never regenerated: a version that cannot read one of them is broken. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { TraceView } from '../../../src/analysis/view';
import { openFile } from '../../../src/trace/bytes.node';
import { SCHEMA_VERSION } from '../../../src/trace/document';
import { openTrace } from '../../../src/trace/reader';

const FOLDER = 'test/fixtures';
const FILES = readdirSync(FOLDER).filter((name) => /^golden-v\d+.*\.trace\.safetensors$/.test(name));
const ALL = { start: 0, end: Infinity };

describe('golden traces', () => {
	test('there is one of every version', () => {
		const versions = new Set(FILES.map((name) => Number(/^golden-v(\d+)/.exec(name)![1])));
		assert.deepEqual(
			[...versions].sort(),
			Array.from({ length: SCHEMA_VERSION }, (_, i) => i + 1),
		);
	});

	for (const name of FILES) {
		test(`${name}: the invariants of a real run hold`, async () => {
			const trace = await openTrace(await openFile(join(FOLDER, name)));
			const { document } = trace;
			const sites = document.model.layers + 1;
			assert.equal(document.version, SCHEMA_VERSION);
			assert.ok(document.arms.length > 0);
			for (const { name: arm, steps } of document.arms) {
				const floats = async (plane: Parameters<typeof trace.read>[1]) => [
					...((await trace.read(arm, plane, ALL)) as Float32Array),
				];
				const [ids, logprobs, logits, lse, kl, entropy] = [
					await floats('tokens.id'),
					await floats('tokens.logprob'),
					await floats('lens.topk_logit'),
					await floats('lens.lse'),
					await floats('lens.kl_final'),
					await floats('lens.entropy'),
				];
				const top = logits.length / lse.length;
				assert.deepEqual(
					ids,
					steps.map((step) => step.id),
				);
				assert.ok(logprobs.every((logprob) => Number.isNaN(logprob) || logprob <= 1e-5));
				for (const [cell, total] of lse.entries()) {
					const row = logits.slice(cell * top, (cell + 1) * top);
					const mass = row.reduce((sum, logit) => sum + Math.exp(logit - total), 0);
					assert.ok(mass > 0 && mass <= 1 + 1e-4, `${arm}: the top tokens of cell ${cell} have mass ${mass}`);
					assert.deepEqual(
						row,
						[...row].sort((a, b) => b - a),
					);
					assert.ok(entropy[cell]! >= -1e-4 && entropy[cell]! <= Math.log(document.model.vocabulary) + 1e-4);
					assert.ok(cell % sites === sites - 1 ? Math.abs(kl[cell]!) < 1e-4 : kl[cell]! > -1e-4);
				}
				// What was sampled greedily is what the last site put first one position before.
				const best = (await trace.read(arm, 'lens.topk_id', ALL)) as Int32Array;
				for (const [position, step] of steps.entries()) {
					if (document.options.temperature === 0 && !step.forced && (step.kind === 'token' || step.kind === 'answer')) {
						assert.equal(step.id, best[(position * sites - 1) * top], `${arm}: token at ${position}`);
					}
				}
			}
			for (const { span, id } of document.arms[0]!.steps.filter((step) => step.kind === 'prompt')) {
				const text = document.tokens.find((token) => token.id === id)!.text;
				assert.equal(document.prompt.text.slice(span!.start, span!.end).trim(), text.trim());
			}
			trace.dispose();
		});

		test(`${name}: it can be shown`, async () => {
			const view = new TraceView(await openTrace(await openFile(join(FOLDER, name))));
			const run = view.run(1);
			const rows = await view.rows(ALL, run.layers);
			assert.equal(rows.length, run.rows);
			assert.ok(run.rows > 0 && run.arms.every((arm) => arm.answer));
			assert.ok(rows.some((row) => row.thought?.top.some((word) => word.live)));
			assert.ok(rows.some((row) => row.sentence?.verdict));
			assert.ok((await view.details(0)).neighbours.length > 0);
			assert.ok(await view.tokenAt(0));
			view.source.dispose();
		});
	}
});
