import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { pythonOf } from '../../../src/analysis/python';

describe('Copy as Python', () => {
	test('only the slices that are shown are read', () => {
		const text = pythonOf('davis.trace.safetensors', [
			{ arm: 'latent', plane: 'lens.topk_id', rows: { start: 17, end: 18 }, site: 2 },
			{ arm: 'latent', plane: 'latent.vec', rows: { start: 0, end: 6 } },
		]);
		assert.equal(
			text,
			`from safetensors import safe_open

with safe_open("davis.trace.safetensors", framework="np") as trace:
    lens_topk_id = trace.get_slice("latent/lens.topk_id")[17:18, 2]
    latent_vec = trace.get_slice("latent/latent.vec")[0:6]
`,
		);
	});

	test('names of files and probes cannot leave their quotes, and what cannot be seen is written out', () => {
		const text = pythonOf('a"b\\\u202e\u{e0001}é.trace.safetensors', [
			{ arm: 'cot', plane: 'probe.x"): import os #.score', rows: { start: 0, end: 1 } },
			{ arm: 'latent', plane: 'probe.x"): import os #.score', rows: { start: 0, end: 1 } },
		]);
		assert.match(text, /safe_open\("a\\"b\\\\\\u202e\\U000e0001é\.trace\.safetensors", /);
		assert.match(text, /^ {4}probe_x_import_os_score_1 = trace\.get_slice\("latent\/probe\.x\\"\): import os #\.score"\)\[0:1\]$/m);
	});
});
