import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeProbe, isFitted, misfit, parseProbe, probeLogit, scoreProbe, type Probe } from '../../../src/analysis/probe';
import { encodeHeader } from '../../../src/trace/container';

const METADATA = {
	format: 'neuralese-probe',
	version: '1',
	name: 'within-k-hops',
	label: 'The entity is within k hops of the root',
	arm: 'latent',
	at: 'thoughts',
	site: 'resid',
	model: 'prosqa',
	seed: '0',
	classes: '["impus","yimpus"]',
	metrics:
		'{"groups":10,"splitBy":"problem","cells":[{"step":0,"layer":1,"auroc":0.9,"ci":[0.8,1],"shuffled":0.5,"random":0.51}]}',
};
/** 2 thoughts, 2 sites, 2 classes, width 2. */
const TENSORS: Record<string, { shape: number[]; values: number[] }> = {
	weight: { shape: [2, 2, 2, 2], values: [1, 0, 0, 1, 2, 0, 0, 2, -1, 0, 0, -1, 3, 1, 1, 3] },
	bias: { shape: [2, 2, 2], values: [0, 1, 2, 3, 4, 5, 6, 7] },
	mean: { shape: [2, 2, 2], values: [1, 2, 0, 0, 0, 0, 0.5, 0.25] },
	scale: { shape: [2, 2, 2], values: [1, 2, 1, 1, 1, 1, 2, 4] },
};

function file(metadata: Record<string, string> = METADATA, tensors = TENSORS, dtype = 'F32'): Uint8Array {
	const entries = Object.entries(tensors);
	const header = encodeHeader(
		entries.map(([name, { shape }]) => ({ name, dtype, shape })),
		metadata,
	);
	return Buffer.concat([header, ...entries.map(([, { values }]) => Buffer.from(Float32Array.from(values).buffer))]);
}

const without = (key: string) =>
	Object.fromEntries(Object.entries(METADATA).filter(([name]) => name !== key)) as Record<string, string>;

describe('probe files', () => {
	test('what the contract says', () => {
		const probe = parseProbe(file(), 'abc');
		assert.deepEqual(
			[probe.name, probe.arm, probe.site, probe.model, probe.classes, probe.sha256],
			['within-k-hops', 'latent', 'resid', 'prosqa', ['impus', 'yimpus'], 'abc'],
		);
		assert.deepEqual(probe.shape, { steps: 2, sites: 2, classes: 2, width: 2 });
		assert.deepEqual(probe.metrics, [{ step: 0, layer: 1, auroc: 0.9, ci: [0.8, 1], shuffled: 0.5, random: 0.51 }]);
		assert.deepEqual([...probe.scale], TENSORS['scale']!.values);
	});

	test('bytes inside a larger buffer at any offset', () => {
		const bytes = file();
		for (const offset of [1, 2, 3, 4]) {
			const larger = new Uint8Array(bytes.length + 9);
			larger.set(bytes, offset);
			assert.deepEqual(parseProbe(larger.subarray(offset, offset + bytes.length), '').weight, parseProbe(bytes, '').weight);
		}
	});

	test('scores are the formula', () => {
		const probe = parseProbe(file(), '');
		const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
		const hidden = Float32Array.of(2, 6);
		for (const [thought, site, index, logit] of [
			[0, 0, 0, 0 + 1 * (2 - 1)],
			[0, 0, 1, 1 + (1 * (6 - 2)) / 2],
			[0, 1, 1, 3 + 2 * 6],
			[1, 0, 0, 4 - 2],
			[1, 1, 0, 6 + (3 * 1.5) / 2 + (1 * 5.75) / 4],
		] as const) {
			assert.ok(
				Math.abs(scoreProbe(probe, hidden, thought, site, index) - sigmoid(logit)) < 1e-12,
				`${thought} ${site} ${index}`,
			);
		}
	});

	test('a thought beyond those that were fitted is not measured, unless one fit serves all', () => {
		const hidden = Float32Array.of(2, 6);
		assert.ok(Number.isNaN(scoreProbe(parseProbe(file(), ''), hidden, 2, 1, 0)));
		const shared = Object.fromEntries(
			Object.entries(TENSORS).map(([name, { shape, values }]) => [
				name,
				{ shape: [1, ...shape.slice(1)], values: values.slice(0, values.length / 2) },
			]),
		);
		const one = parseProbe(file(METADATA, shared), '');
		assert.equal(scoreProbe(one, hidden, 9, 1, 0), scoreProbe(one, hidden, 0, 1, 0));
	});

	test('files of before have thoughts, ask about named classes and were fitted everywhere', () => {
		const { at, asks, unfitted, training, modelSha256, task } = parseProbe(file(), '');
		assert.deepEqual({ at, asks, unfitted, training, modelSha256, task }, { at: 'thoughts', asks: 'named', unfitted: [], training: [], modelSha256: undefined, task: undefined });
	});

	test('what is written is read again', () => {
		const { sha256: _, ...old } = parseProbe(file(), '');
		const metric = { step: 1, layer: 1, auroc: 0.9, ci: [0.8, 1] as [number, number], shuffled: 0.5, random: 0.5 };
		const figures = { control: 0.6, selectivity: 0.3, selectivityCi: [0.2, 0.4] as [number, number], ece: 0.1, recallAt1Fpr: 0.2, recallCi: [0, 0.5] as [number, number], n: 50 };
		const probe: Omit<Probe, 'sha256'> = {
			...old,
			...{ at: 'tokens', asks: 'all', task: 'live', modelSha256: 'a'.repeat(64), unfitted: [[0, 1]], training: ['0'.repeat(32)] },
			metrics: [{ ...metric, ...figures }],
		};
		const split = { by: 'group' as const, training: 4, heldOut: 2, folds: 4 };
		const bytes = encodeProbe(probe, { seed: 1, n: 6, split, penalty: [{ step: 0, layer: 0, penalty: 0.1 }] });
		assert.deepEqual(parseProbe(bytes, 'x'), { ...probe, sha256: 'x' });
	});

	test('nothing is measured where nothing was fitted', () => {
		const probe = parseProbe(file({ ...METADATA, unfitted: '[[1,0]]' }), '');
		assert.deepEqual([0, 1].map((step) => [0, 1].map((site) => isFitted(probe, step, site))), [[true, true], [false, true]]);
		assert.ok(Number.isNaN(probeLogit(probe, Float32Array.of(1, 2), 1, 0, 0)));
		assert.ok(Number.isNaN(scoreProbe(probe, Float32Array.of(1, 2), 1, 0, 0)));
	});

	const fitting = { id: 'prosqa', sha256: 'a'.repeat(64), width: 2, sites: 2, arms: ['latent'] };
	const misfits: [string, Record<string, string>, Partial<typeof fitting>, RegExp | undefined][] = [
		['its own model', { modelSha256: 'a'.repeat(64) }, {}, undefined],
		['its own model, in a file of before', {}, {}, undefined],
		['another width', {}, { width: 4 }, /states of 2 values at 2 sites, and prosqa has 4 at 2: choose .* or train it again\.$/],
		['other sites', {}, { sites: 3 }, /has 2 at 3/],
		['another hash', { modelSha256: 'b'.repeat(64) }, {}, /another version of prosqa \(its hash differs\): choose/],
		['another model of before', { model: 'other' }, {}, /another model, not on prosqa: choose/],
		['an arm that is not there', { arm: 'cot' }, {}, /reads the arm cot, which prosqa does not have/],
	];
	for (const [name, metadata, more, wording] of misfits) {
		test(`held against a model: ${name}`, () => {
			const why = misfit(parseProbe(file({ ...METADATA, ...metadata }), ''), { ...fitting, ...more });
			assert.ok(wording ? wording.test(why ?? '') : why === undefined, why);
		});
	}

	const bad: [name: string, bytes: Uint8Array][] = [
		['a place that nobody knows', file({ ...METADATA, at: 'dreams' })],
		['a hash that is none', file({ ...METADATA, modelSha256: '../../x' })],
		['a cell that is not there', file({ ...METADATA, unfitted: '[[2,0]]' })],
		['cells that are no numbers', file({ ...METADATA, unfitted: '[["__proto__",0]]' })],
		['prompts that are no hashes', file({ ...METADATA, training: '["a prompt"]' })],
		['figures that are texts', file({ ...METADATA, metrics: METADATA.metrics.replace('"random":0.51', '"random":0.51,"ece":"<b>"') })],
		['another format', file({ ...METADATA, format: 'pt' })],
		['a newer version', file({ ...METADATA, version: '2' })],
		['no label', file(without('label'))],
		['a name with a slash', file({ ...METADATA, name: '../x' })],
		['metrics that are no JSON', file({ ...METADATA, metrics: '{' })],
		[
			'metrics without an interval',
			file({ ...METADATA, metrics: '{"cells":[{"step":0,"layer":1,"auroc":1,"shuffled":0.5,"random":0.5}]}' }),
		],
		['classes that do not fit the weight', file({ ...METADATA, classes: '["impus"]' })],
		['two classes without names', file(without('classes'))],
		['no mean', file(METADATA, Object.fromEntries(Object.entries(TENSORS).filter(([name]) => name !== 'mean')))],
		['a bias of another shape', file(METADATA, { ...TENSORS, bias: { shape: [8], values: TENSORS['bias']!.values } })],
		['a scale of zero', file(METADATA, { ...TENSORS, scale: { shape: [2, 2, 2], values: [1, 1, 1, 0, 1, 1, 1, 1] } })],
		[
			'a weight that is no number',
			file(METADATA, { ...TENSORS, weight: { shape: [2, 2, 2, 2], values: Array(16).fill(NaN) } }),
		],
		['integers', file(METADATA, TENSORS, 'I32')],
		['half a file', file().subarray(0, 300)],
		['nothing', new Uint8Array(0)],
	];
	for (const [name, bytes] of bad) {
		test(`refuses: ${name}`, () =>
			assert.throws(() => parseProbe(bytes, ''), /^\w*Error: [^\n]+: (export it again|write or download it again)\.$/));
	}
});
