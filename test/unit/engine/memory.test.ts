/** How much memory there is, how much a model takes, and what is refused before it is loaded. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { describe, test } from 'node:test';
import { costOf } from '../../../src/engine/model/cost';
import { footprintOf, LOW_MEMORY_ROWS, positionBytes } from '../../../src/engine/model/footprint';
import { parseManifest, type Manifest } from '../../../src/engine/model/manifest';
import { availableMemory, groupLeft, LIMIT_VARIABLE, parseBytes, parseMeminfo } from '../../../src/engine/machine/memory';
import { Models } from '../../../src/engine/model/models';
import { checkExportFits, checkModelFits, checkPositionsFit, gigabytes, needsLowMemory, whyNoTable } from '../../../src/engine/model/room';
import { MODEL, request, withEngine } from './harness';

const GB = 1e9;

/** Of GPT-2-small's shape: 12 layers, 50 257 tokens, and weights beside its graphs. */
async function small(more: Partial<Manifest['shape']> = {}, quantisation = 'fp32'): Promise<Manifest> {
	const manifest = parseManifest(await readFile(`${MODEL}/model.json`, 'utf8'));
	const shape = { layers: 12, width: 768, heads: 12, headWidth: 64, vocabulary: 50_257, context: 1024, ...more };
	const weights = [{ name: 'model.onnx_data', sha256: '0'.repeat(64), bytes: 652_148_736 }];
	return { ...manifest, shape, quantisation, files: { ...manifest.files, weights } };
}

const chunkOf = (manifest: Manifest) => costOf(manifest).chunk;

describe('memory', () => {
	test('what a user writes as a limit is read, or refused', () => {
		const cases: [string, number | undefined][] = [
			['1000', 1000],
			['6GB', 6e9],
			[' 1.5 G ', 1.5e9],
			['500 MB', 5e8],
			['10kb', 1e4],
			['2tb', 2e12],
			['', undefined],
			['-1GB', undefined],
			['6 GiB', undefined],
			['much', undefined],
		];
		assert.deepEqual(cases.map(([text]) => parseBytes(text)), cases.map(([, bytes]) => bytes));
	});

	test('what the system says is available is read from its own line', () => {
		const text = 'MemTotal:       24684100 kB\nMemFree:        21817848 kB\nMemAvailable:   23970596 kB\nBuffers:          347884 kB\n';
		assert.equal(parseMeminfo(text), 23_970_596 * 1024);
		assert.equal(parseMeminfo('MemTotal: 1 kB'), undefined);
		assert.equal(parseMeminfo(undefined), undefined);
	});

	test('a group leaves what its limit leaves, where files that were read make way', () => {
		const stat = 'anon 5\ninactive_file 300\nactive_file 7\n';
		assert.equal(groupLeft({ limit: '1000\n', usage: '500\n', stat, cache: 'inactive_file' }), 800);
		assert.equal(groupLeft({ limit: '1000\n', usage: '5000\n', stat, cache: 'inactive_file' }), 0);
		assert.equal(groupLeft({ limit: '1000', usage: '500', stat: '', cache: 'inactive_file' }), 500);
		for (const limit of ['max\n', '9223372036854771712\n', '', undefined]) {
			assert.equal(groupLeft({ limit, usage: '500', stat, cache: 'inactive_file' }), Infinity);
		}
	});

	test('there is some here, no more than the machine has, and less with a limit', () => {
		const free = availableMemory();
		assert.ok(free > 0 && free <= totalmem(), String(free));
		const rss = process.memoryUsage.rss();
		limited(String(rss + 1e8), () => assert.ok(Math.abs(availableMemory() - 1e8) < 5e7));
		limited('1', () => assert.equal(availableMemory(), 0));
		limited('a lot', () => assert.throws(availableMemory, /NEURALESE_MEMORY_LIMIT is "a lot": write a number of bytes/));
	});

	test('a model of GPT-2-small’s shape takes its weights once or twice, and its head 62 rows of a call', async () => {
		const manifest = await small();
		const [low, full] = [true, false].map((mode) => footprintOf(manifest, mode, chunkOf(manifest)));
		const graphs = 3 * (manifest.files.body.bytes + manifest.files.head.bytes);
		assert.equal(low!.weights - graphs, 652_148_736);
		assert.equal(full!.weights - graphs, 2 * 652_148_736);
		assert.ok(low!.computing > 62 * 6 * 50_257 * Float32Array.BYTES_PER_ELEMENT, String(low!.computing));
		assert.equal(low!.total, low!.weights + low!.computing);
	});

	test('the estimate grows with weights, vocabulary and context up to a thousand positions', async () => {
		const total = async (...of: Parameters<typeof small>) => {
			const manifest = await small(...of);
			return footprintOf(manifest, true, chunkOf(manifest)).total;
		};
		const plain = await total();
		assert.ok((await total({ vocabulary: 150_000 })) > plain);
		assert.ok((await total({ context: 128 })) < plain);
		assert.equal(await total({ context: 131_072 }), plain);
		assert.ok((await total({}, 'fp16')) > plain);
	});

	test('every graph of the folder counts, in the estimate and in the time that loading may take', async () => {
		const manifest = await small();
		const file = { name: 'graph.onnx', sha256: '0'.repeat(64), bytes: GB };
		const weights = (files: object) => footprintOf({ ...manifest, files: { ...manifest.files, ...files } }, true, 64).weights;
		const seconds = (files: object) => costOf({ ...manifest, files: { ...manifest.files, ...files } }).loadSeconds;
		for (const files of [{ thought: file }, { graphs: { denoiser: file } }, { embed: file }, { readout: { ...file, start: 'a', stop: [], limit: 1 } }]) {
			assert.equal(weights(files) - weights({}), 3 * GB, Object.keys(files).join());
			assert.ok(seconds(files) > seconds({}) + 10, Object.keys(files).join());
		}
	});

	test('auto keeps one copy where two do not fit, and what does not fit at all is refused with both numbers', async () => {
		const manifest = await small();
		const low = footprintOf(manifest, true, costOf(manifest, LOW_MEMORY_ROWS).chunk).total;
		const full = footprintOf(manifest, false, chunkOf(manifest)).total;
		const cases: [mode: 'auto' | 'low' | 'full', large: boolean, free: number, low: boolean][] = [
			['auto', false, full, false],
			['auto', false, full - 1, true],
			['auto', true, full, true],
			['low', false, full, true],
			['full', true, 0, false],
		];
		for (const [mode, large, free, expected] of cases) {
			assert.equal(needsLowMemory(manifest, mode, large, free), expected, `${mode} ${large} ${free}`);
		}
		checkModelFits(manifest, true, low);
		// Where it keeps one copy, its chunks are short too: an estimate with long ones would refuse what fits.
		const thin = await small({ layers: 2, width: 128 });
		const short = footprintOf(thin, true, costOf(thin, LOW_MEMORY_ROWS).chunk).total;
		assert.ok(short < footprintOf(thin, true, chunkOf(thin)).total);
		checkModelFits(thin, true, short);
		assert.throws(() => checkModelFits(thin, true, short - 1), /needs about/);
		assert.throws(
			() => checkModelFits(manifest, true, low - 1),
			/^EngineError: The model needs about 0\.9\d GB of memory \(0\.6\d GB for its weights\) and 0\.9\d GB can be had: close other programs, or choose a smaller or quantised model\.$/,
		);
		assert.throws(() => checkModelFits(manifest, false, low), /set neuralese\.memory \(--memory\) to auto or low/);
		assert.throws(() => checkExportFits(2 * GB, GB), /^EngineError: Adding the model needs about 2\.0 GB of memory and 1\.0 GB can be had: /);
	});

	test('keys and values of long sequences are refused before they are computed', async () => {
		const manifest = await small({ context: 131_072 });
		assert.equal(positionBytes(manifest.shape), 2 * 12 * 768 * 4);
		checkPositionsFit(manifest, 1024, GB);
		assert.throws(
			() => checkPositionsFit(manifest, 131_072, GB),
			/The keys and values of 131072 positions need about 29 GB of memory and 1\.0 GB can be had: shorten the prompt/,
		);
		assert.equal(gigabytes(12_345_678), '12 MB');
	});

	test('a model that does not fit is refused by the child before its weights are read, and others still load', async () => {
		const kept = process.env[LIMIT_VARIABLE];
		process.env[LIMIT_VARIABLE] = '60MB';
		try {
			await withEngine((engine) =>
				assert.rejects(engine.call('analyze', request('Is Tom a hilpus?')), (error: Error & { code?: string }) => {
					assert.match(error.message, /^The model needs about [\d.]+ MB of memory \([\d.]+ MB for its weights\) and [\d.]+ MB can be had: [^\n]+\.$/);
					assert.equal(error.code, 'no-memory');
					return true;
				}),
			);
		} finally {
			restore(kept);
		}
		await withEngine(async (engine) => assert.equal((await engine.call('load', { model: MODEL })).lowMemory, false));
	});

	test('the table of all input embeddings is kept where it is small and fits', async () => {
		const { shape } = await small();
		assert.equal(whyNoTable(shape, 155e6), undefined);
		assert.equal(whyNoTable(shape, 100e6), 'the embeddings of its 50257 tokens take 0.15 GB, and 0.10 GB can be had');
		assert.match(whyNoTable({ ...shape, vocabulary: 150_000 }, GB)!, /^the embeddings of its 150000 tokens take 0\.46 GB, and at most 0\.27 GB of them are kept$/);
	});

	test('logits of more positions than a call of the head has are those of each', async () => {
		const models = new Models();
		try {
			await models.use(MODEL, { signal: new AbortController().signal, progress: () => {} }, async ({ body, head, manifest: { shape } }) => {
				const { resid } = await body.forward({ ids: [1, 2, 3] }, body.empty);
				const rows = 3 * Math.ceil(head.positions(1) / 3) + 3;
				const hidden = Float32Array.from({ length: rows * shape.width }, (_, i) => resid[shape.layers]![i % (3 * shape.width)]!);
				const [all, few] = [await head.logits(hidden), await head.logits(resid[shape.layers]!)];
				assert.equal(all.length, rows * shape.vocabulary);
				assert.ok(all.every((value, i) => Math.abs(value - few[i % few.length]!) < 1e-4));
			});
		} finally {
			models.dispose();
		}
	});

	test('models that nobody uses make way for one that does not fit beside them', async () => {
		const models = new Models();
		const context = { signal: new AbortController().signal, progress: () => {} };
		const first = await models.use(MODEL, context, (model) => model);
		// Room for the model, but not for it and its estimate twice.
		limited('1', () => assert.throws(() => checkModelFits(first.manifest, true)));
		await assert.rejects(limitedAsync('1', () => models.use('models/prosqa-pause', context, () => {})), /needs about .* of memory/);
		assert.equal(await models.use(MODEL, context, (model) => model === first), false);
		models.dispose();
	});
});

function restore(kept: string | undefined): void {
	if (kept === undefined) {
		delete process.env[LIMIT_VARIABLE];
	} else {
		process.env[LIMIT_VARIABLE] = kept;
	}
}

function limited(limit: string, body: () => void): void {
	const kept = process.env[LIMIT_VARIABLE];
	process.env[LIMIT_VARIABLE] = limit;
	try {
		body();
	} finally {
		restore(kept);
	}
}

async function limitedAsync<T>(limit: string, body: () => Promise<T>): Promise<T> {
	const kept = process.env[LIMIT_VARIABLE];
	process.env[LIMIT_VARIABLE] = limit;
	try {
		return await body();
	} finally {
		restore(kept);
	}
}
