import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rename, rm, truncate, writeFile, appendFile, mkdir, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { memoryBytes } from '../../../src/trace/bytes';
import { openFile } from '../../../src/trace/bytes.node';
import { encodeHeader } from '../../../src/trace/container';
import { TraceError } from '../../../src/trace/error';
import { fromHalf } from '../../../src/trace/half';
import { migrate } from '../../../src/trace/migrations';
import { MIP_THRESHOLD } from '../../../src/trace/mips';
import type { PlaneData, PlaneName, TensorInput } from '../../../src/trace/planes';
import { openTrace } from '../../../src/trace/reader';
import { writeTrace } from '../../../src/trace/writer.node';
import { evidenceTensors, LAYERS, sampleDocument, sampleEvidence, sampleTensors, WIDTH } from './sample';

const folders: string[] = [];
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

async function folder(): Promise<string> {
	const path = await mkdtemp(join(tmpdir(), 'trace-'));
	folders.push(path);
	return path;
}

async function written(document = sampleDocument(), tensors = sampleTensors(document)): Promise<string> {
	const path = join(await folder(), 'a.trace.safetensors');
	await writeTrace(path, document, tensors);
	return path;
}

const open = async (path: string) => openTrace(await openFile(path));
const code = (expected: string) => (error: unknown) =>
	error instanceof TraceError && error.code === expected && /^[^\n]+[.]$/.test(error.message);

/** A file with the given document and at most one plane, of zeros. */
function bare(
	document: unknown,
	metadata: Record<string, string> = { format: 'neuralese-trace' },
	plane?: { name: string; dtype: string; shape: number[] },
): Uint8Array {
	const json = new TextEncoder().encode(typeof document === 'string' ? document : JSON.stringify(document));
	const tensors = [{ name: 'trace.json', dtype: 'U8', shape: [json.length] }, ...(plane ? [plane] : [])];
	const zeros = new Uint8Array(plane?.shape.reduce((product, extent) => product * extent, 4) ?? 0);
	return Buffer.concat([encodeHeader(tensors, metadata), json, zeros]);
}

describe('trace files', () => {
	test('the document and every plane come back as they were', async () => {
		const document = sampleDocument();
		const trace = await open(await written(document));
		assert.deepEqual(trace.document, JSON.parse(JSON.stringify(document)));
		for (const { name, chunks, shape } of sampleTensors(document)) {
			const [arm, plane] = [name.slice(0, name.indexOf('/')), name.slice(name.indexOf('/') + 1) as PlaneName];
			const [expected] = chunks as PlaneData[];
			const stride = expected!.length / shape[0]!;
			assert.deepEqual(await trace.read(arm, plane, { start: 0, end: Infinity }), expected, name);
			assert.deepEqual(await trace.read(arm, plane, { start: 1, end: 3 }), expected!.slice(stride, 3 * stride), name);
		}
		trace.dispose();
	});

	test('evidence and its planes come back as they were', async () => {
		const document = { ...sampleDocument(), evidence: sampleEvidence() };
		const tensors = evidenceTensors(document);
		const trace = await open(await written(document, [...sampleTensors(document), ...tensors]));
		assert.deepEqual(trace.document.evidence, sampleEvidence());
		assert.equal(tensors.length, 3);
		for (const { name, chunks } of tensors) {
			const plane = name.slice('latent/'.length) as PlaneName;
			assert.deepEqual(await trace.read('latent', plane, { start: 0, end: Infinity }), (chunks as PlaneData[])[0], name);
		}
		trace.dispose();
	});

	test('bytes in memory at any alignment, also of a Buffer, whose slices are views', async () => {
		const bytes = await readFile(await written());
		const [expected] = sampleTensors(sampleDocument())[1]!.chunks as Float32Array[];
		for (const shift of [0, 1, 2, 3]) {
			const moved = Buffer.alloc(bytes.length + shift);
			moved.set(bytes, shift);
			const trace = await openTrace(memoryBytes(moved.subarray(shift)));
			const read = (await trace.read('cot', 'tokens.logprob', { start: 0, end: 1e9 }))!;
			assert.deepEqual(read, expected);
			read.fill(0);
			assert.deepEqual(
				await trace.read('cot', 'tokens.logprob', { start: 0, end: 1e9 }),
				expected,
				'what was read is a copy',
			);
		}
		const view = {
			size: bytes.length,
			read: async (offset: number, length: number) => bytes.subarray(offset, offset + length),
			dispose: () => {},
		};
		assert.deepEqual(await (await openTrace(view)).read('cot', 'tokens.logprob', { start: 0, end: 1e9 }), expected);
	});

	test('rows outside the plane are cut off; a plane that is not there is undefined', async () => {
		const trace = await open(await written());
		for (const rows of [
			{ start: -5, end: 0 },
			{ start: 1000, end: 2000 },
			{ start: 3, end: 1 },
			{ start: NaN, end: NaN },
		]) {
			assert.equal((await trace.read('latent', 'tokens.id', rows))?.length ?? 0, 0, JSON.stringify(rows));
		}
		assert.equal(await trace.read('nobody', 'tokens.id', { start: 0, end: 1 }), undefined);
		assert.equal(await trace.read('cot', 'latent.vec', { start: 0, end: 1 }), undefined);
		trace.dispose();
	});

	test('a position over all layers is one read', async () => {
		const bytes = await openFile(await written());
		let reads = 0;
		const trace = await openTrace({
			size: bytes.size,
			read: (offset, length) => (reads++, bytes.read(offset, length)),
			dispose: () => bytes.dispose(),
		});
		reads = 0;
		const position = await trace.read('latent', 'hidden.resid', { start: 2, end: 3 });
		assert.equal(reads, 1);
		assert.deepEqual([...fromHalf(position as Uint16Array)].slice(0, 3), [3, 3.125, 3.25]);
		assert.equal(position!.length, (LAYERS + 1) * WIDTH);
		trace.dispose();
	});

	test('metadata are strings that tell what the file is, and no path is in the file', async () => {
		const path = await written();
		const trace = await open(path);
		assert.equal(trace.metadata.get('format'), 'neuralese-trace');
		assert.equal(trace.metadata.get('schema_version'), '1');
		assert.equal(trace.metadata.get('seed'), '0');
		for (const key of [
			'producer',
			'model_sha256',
			'tokenizer_sha256',
			'prompt_sha256',
			'recipe',
			'sampling',
			'runtime',
			'created',
		]) {
			assert.ok(trace.metadata.get(key), key);
		}
		trace.dispose();
		assert.equal((await readFile(path)).includes(tmpdir()), false);
	});

	test('tensors begin at multiples of their value size', async () => {
		const trace = await open(await written());
		for (const { name, dtype, start } of trace.tensors) {
			assert.equal(start % { U8: 1, F16: 2, F32: 4, I32: 4 }[dtype as 'U8'], 0, name);
		}
		trace.dispose();
	});

	test('long planes that a heatmap draws get max-mips', async () => {
		const document = sampleDocument();
		const [arm] = document.arms.splice(0, document.arms.length, {
			...document.arms[0]!,
			name: 'latent',
			thoughts: [],
			steps: [],
		});
		const rows = MIP_THRESHOLD * 5 + 3;
		document.arms[0]!.steps = Array.from({ length: rows }, () => arm!.steps[0]!);
		const scores = Float32Array.from({ length: rows * (LAYERS + 1) }, (_, i) => (i < 36 ? NaN : Math.sin(i * i)));
		function* chunks() {
			for (let at = 0; at < scores.length; at += 1000) {
				yield scores.subarray(at, at + 1000);
			}
		}
		const tensors: TensorInput[] = [
			{ name: 'latent/probe.x.score', dtype: 'F32', shape: [rows, LAYERS + 1], chunks: chunks() },
			{ name: 'latent/tokens.id', dtype: 'I32', shape: [rows], chunks: [new Int32Array(rows)] },
		];
		const trace = await open(await written(document, tensors));
		assert.deepEqual(
			trace.tensors.map(({ name, shape }) => [name, shape[0]]),
			[
				['trace.json', trace.tensors[0]!.shape[0]],
				['latent/probe.x.score', rows],
				['latent/probe.x.score.mip1', MIP_THRESHOLD + 1024 + 1],
				['latent/probe.x.score.mip2', 1281],
				['latent/tokens.id', rows],
			],
		);
		for (const level of [1, 2]) {
			const mip = (await trace.readMip('latent', 'probe.x.score', level, { start: 0, end: Infinity }))!;
			const group = 4 ** level;
			for (const row of [0, 1, 2, 700, mip.length / 3 - 1]) {
				const values = Array.from({ length: group }, (_, i) => scores[(row * group + i) * 3 + 2]).filter(
					(value) => value !== undefined && !Number.isNaN(value),
				) as number[];
				assert.ok(Object.is(mip[row * 3 + 2], values.length ? Math.max(...values) : NaN), `level ${level} row ${row}`);
			}
		}
		assert.equal(await trace.readMip('latent', 'probe.x.score', 3, { start: 0, end: 1 }), undefined);
		trace.dispose();
	});

	test('of effects of either sign a mip keeps the one farthest from 0', async () => {
		const document = sampleDocument();
		const [latent] = document.arms.splice(1, 1);
		const rows = MIP_THRESHOLD + 1;
		const steps = Array.from({ length: rows + 1 }, (_, i) => (i === 0 ? { kind: 'token' as const, id: 0 } : { kind: 'latent' as const, id: -1, thought: i - 1 }));
		document.arms = [{ ...latent!, steps, thoughts: Array.from({ length: rows }, (_, index) => ({ index, producedAt: index, fedAt: index + 1 })) }];
		const effects = Float32Array.from({ length: rows * (LAYERS + 1) }, (_, i) => (i < 9 ? [-3, NaN, 1, 2, NaN, -1, 1, NaN, -1][i]! : NaN));
		const trace = await open(await written(document, [{ name: 'latent/causal.patch.effect', dtype: 'F32', shape: [rows, LAYERS + 1], chunks: [effects] }]));
		const mip = await trace.readMip('latent', 'causal.patch.effect', 1, { start: 0, end: 2 });
		assert.deepEqual(mip, Float32Array.of(-3, NaN, 1, NaN, NaN, NaN));
		trace.dispose();
	});

	test('a file of a later version is refused politely', async () => {
		await assert.rejects(openTrace(memoryBytes(bare({ ...sampleDocument(), version: 2 }))), code('newer-trace'));
	});

	test('planes of later versions are skipped, known planes of a wrong shape are not', async () => {
		const document = sampleDocument();
		const more: TensorInput = { name: 'latent/other.ablate.effect', dtype: 'F32', shape: [1], chunks: [Float32Array.of(1)] };
		(await open(await written(document, [...sampleTensors(document), more]))).dispose();
		for (const [name, dtype, shape] of [
			['latent/lens.lse', 'F32', [1, 3]],
			['latent/lens.lse', 'I32', [document.arms[1]!.steps.length, 3]],
			['latent/lens.lse', 'F32', [document.arms[1]!.steps.length * 3]],
			['latent/lens.topk_id', 'I32', [document.arms[1]!.steps.length, 3, 1001]],
			['latent/latent.vec', 'F32', [5, WIDTH]],
			['cot/probe.x.score.mip1', 'F32', [1, 3]],
		] as const) {
			await assert.rejects(
				openTrace(memoryBytes(bare(document, undefined, { name, dtype, shape: [...shape] }))),
				code('bad-trace'),
				name,
			);
		}
	});

	test('older versions are migrated step by step', () => {
		const rename =
			(from: string, to: string) =>
			({ [from]: value, ...rest }: Record<string, unknown>) => ({ ...rest, [to]: value });
		assert.deepEqual(migrate({ version: 1, a: 5 }, [rename('a', 'b'), rename('b', 'c')], 3), { version: 3, c: 5 });
		assert.deepEqual(migrate({ version: 2, b: 5 }, [rename('a', 'b'), rename('b', 'c')], 3), { version: 3, c: 5 });
		for (const bad of [null, [], 'x', {}, { version: '1' }, { version: 0 }, { version: 1.5 }]) {
			assert.throws(() => migrate(bad), code('bad-trace'));
		}
	});

	const damage: [name: string, change: (document: any) => unknown][] = [
		['no prompt', (d) => delete d.prompt],
		['text that is no text', (d) => (d.prompt.text = 7)],
		['span outside the text', (d) => (d.arms[0].steps[0].span = { start: 0, end: 100_000 })],
		['span that ends before it starts', (d) => (d.arms[0].steps[0].span = { start: 5, end: 1 })],
		['fractional span', (d) => (d.arms[0].steps[0].span = { start: 0.5, end: 1 })],
		['pieces of unequal length', (d) => d.prompt.pieces[0].file.end++],
		['pieces that overlap', (d) => d.prompt.pieces.push(d.prompt.pieces[0])],
		['thought outside the steps', (d) => (d.arms[1].thoughts[0].producedAt = 9999)],
		['thought fed elsewhere', (d) => d.arms[1].thoughts[0].fedAt++],
		['thoughts out of order', (d) => d.arms[1].thoughts.reverse()],
		['unknown step kind', (d) => (d.arms[0].steps[0].kind = 'magic')],
		['token below -1', (d) => (d.arms[0].steps[0].id = -2)],
		['two arms of one name', (d) => (d.arms[0].name = 'latent')],
		['arm name with a slash', (d) => (d.arms[0].name = 'a/b')],
		['arm name with a control character', (d) => (d.arms[0].name = 'a\n')],
		['two probes of one name', (d) => d.probes.push(d.probes[0])],
		['endless list of notes', (d) => (d.notes = Array(1001).fill('x'))],
		['note as long as a book', (d) => (d.notes = ['x'.repeat(30_000)])],
		['more layers than its planes', (d) => (d.model.layers = 1e9)],
		['evidence of no arm', (d) => (d.evidence.claims[0].arm = 'other')],
		['evidence of no thought', (d) => (d.evidence.readings[0].thought = 4)],
		['evidence of no layer', (d) => (d.evidence.tests[1].site = 3)],
		['a level above the ladder', (d) => (d.evidence.claims[0].level = 5)],
		['a rung that is none', (d) => (d.evidence.claims[0].rungs[0].state = 'maybe')],
		['five rungs', (d) => d.evidence.claims[0].rungs.push(d.evidence.claims[0].rungs[0])],
		['a mass above 1', (d) => (d.evidence.readings[0].candidates[0].mass = 1.5)],
		['a rank of 0', (d) => (d.evidence.readings[0].candidates[0].rank = 0)],
		['an unknown group', (d) => (d.evidence.readings[0].candidates[0].group = 'magic')],
		['an estimate that is null', (d) => (d.evidence.cohorts[0].thoughts[0].live.value = null)],
		['an interval of three', (d) => d.evidence.cohorts[0].thoughts[0].live.ci.push(1)],
		['a claim as long as a book', (d) => (d.evidence.claims[0].claim = 'x'.repeat(3_000))],
		['an effect that is no number', (d) => (d.evidence.tests[0].deltaLogOdds = 'much')],
		['evidence that is a list', (d) => (d.evidence = [])],
		['endless reasons', (d) => (d.evidence.skipped = Array(1001).fill('x'))],
	];
	for (const [name, change] of damage) {
		test(`refuses: ${name}`, async () => {
			const document = { ...sampleDocument(), evidence: sampleEvidence() };
			change(document);
			await assert.rejects(openTrace(memoryBytes(bare(document))), code('bad-trace'));
		});
	}

	test('refuses documents that are no JSON, nest endlessly or pollute prototypes', async () => {
		for (const json of ['', '{', 'null', '[]', '{"version":1}', '['.repeat(5_000_000), '{"a":'.repeat(100_000)]) {
			await assert.rejects(openTrace(memoryBytes(bare(json))), code('bad-trace'));
		}
		const json = JSON.stringify(sampleDocument()).replace('{', '{"__proto__":{"polluted":true},');
		const trace = await openTrace(memoryBytes(bare(json)));
		assert.equal((trace.document as unknown as Record<string, unknown>)['polluted'], undefined);
		assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
	});

	test('refuses a number beyond all numbers, as JSON may have it', async () => {
		const json = JSON.stringify({ ...sampleDocument(), evidence: sampleEvidence() });
		assert.match(json, /"kl":[\d.]+/);
		await openTrace(memoryBytes(bare(json)));
		await assert.rejects(openTrace(memoryBytes(bare(json.replace(/"kl":[\d.]+/, '"kl":1e999')))), code('bad-trace'));
	});

	test('other safetensors files are told apart', async () => {
		await assert.rejects(openTrace(memoryBytes(bare(sampleDocument(), { format: 'pt' }))), /is not a trace: open one/);
		await assert.rejects(openTrace(memoryBytes(encodeHeader([], { format: 'neuralese-trace' }))), /is not a trace: open one/);
		await assert.rejects(openTrace(memoryBytes(new Uint8Array(0))), code('bad-trace'));
	});

	test('a truncated file is refused at every byte of its header and document, and at many after', async () => {
		const whole = new Uint8Array(await readFile(await written()));
		const header = 8 + Number(new DataView(whole.buffer).getBigUint64(0, true));
		for (let end = 0; end < whole.length; end += end < header ? 1 : 997) {
			await assert.rejects(openTrace(memoryBytes(whole.subarray(0, end))), code('bad-trace'), `cut at ${end}`);
		}
	});

	test('random damage is refused with a sentence or leaves a readable trace', async () => {
		const whole = new Uint8Array(await readFile(await written()));
		await fc.assert(
			fc.asyncProperty(fc.array(fc.tuple(fc.nat(16_000), fc.nat(255)), { minLength: 1, maxLength: 8 }), async (edits) => {
				const bytes = whole.slice();
				for (const [at, value] of edits) {
					bytes[at % bytes.length] = value;
				}
				try {
					const trace = await openTrace(memoryBytes(bytes));
					await trace.read('latent', 'lens.topk_id', { start: 0, end: 1e9 });
				} catch (error) {
					assert.ok(error instanceof TraceError, String(error));
				}
			}),
			{ numRuns: 500 },
		);
	});

	test('a file that changes while it is open is an error, not a mixture', async () => {
		for (const change of [
			(path: string) => truncate(path, 100),
			(path: string) => appendFile(path, 'x'),
			async (path: string) => (await writeFile(`${path}.new`, 'x'), rename(`${path}.new`, path)),
		]) {
			const path = await written();
			const trace = await open(path);
			await new Promise((resolve) => setTimeout(resolve, 5));
			await change(path);
			await assert.rejects(async () => trace.read('latent', 'tokens.id', { start: 0, end: 1 }), code('replaced'));
			trace.dispose();
		}
	});

	test('what cannot be opened says so', async () => {
		const place = await folder();
		await assert.rejects(openFile(join(place, 'missing')), code('cannot-read'));
		await assert.rejects(openFile(place), code('cannot-read'));
	});
});

describe('writing', () => {
	test('a failure leaves neither a temporary file nor a changed target', async () => {
		const path = await written();
		const before = await readFile(path);
		const document = sampleDocument();
		const broken = (chunks: Iterable<PlaneData>): TensorInput[] => [
			{ name: 'latent/lens.lse', dtype: 'F32', shape: [document.arms[1]!.steps.length, 3], chunks },
		];
		function* failing(): Generator<PlaneData> {
			yield new Float32Array(3);
			throw new Error('the model stopped');
		}
		for (const chunks of [failing(), [new Float32Array(1)], [new Float32Array(1e5)]]) {
			await assert.rejects(writeTrace(path, document, broken(chunks)), code('cannot-write'));
		}
		assert.deepEqual(await readFile(path), before);
		assert.deepEqual(await readdir(join(path, '..')), ['a.trace.safetensors']);
	});

	test('places that cannot be written to are named with advice', async () => {
		const place = await folder();
		const document = sampleDocument();
		await assert.rejects(writeTrace(join(place, 'missing', 'x'), document, []), /the folder does not exist/);
		await mkdir(join(place, 'taken', 'inside'), { recursive: true });
		await assert.rejects(writeTrace(join(place, 'taken'), document, []), code('cannot-write'));
		await assert.rejects(writeTrace(join(place, 'x'.repeat(300)), document, []), /choose a shorter one/);
		assert.deepEqual(await readdir(place), ['taken']);
		const locked = join(place, 'taken', 'inside');
		await chmod(locked, 0o500);
		if (process.getuid?.() !== 0) {
			await assert.rejects(writeTrace(join(locked, 'x'), document, []), /you may not write there/);
		}
	});

	test('what could not be read again is not written', async () => {
		const place = await folder();
		const document = sampleDocument();
		document.arms[0]!.name = 'a/b';
		await assert.rejects(writeTrace(join(place, 'x'), document, []), code('cannot-write'));
		await assert.rejects(
			writeTrace(
				join(place, 'x'),
				{ ...sampleDocument(), arms: [sampleDocument().arms[0]!, sampleDocument().arms[0]!] },
				[],
			),
			code('cannot-write'),
		);
		const short: TensorInput = { name: 'latent/lens.lse', dtype: 'F32', shape: [1, 3], chunks: [new Float32Array(3)] };
		await assert.rejects(writeTrace(join(place, 'x'), sampleDocument(), [short]), code('cannot-write'));
		assert.deepEqual(await readdir(place), []);
	});

	test('the same input gives the same bytes', async () => {
		assert.deepEqual(await readFile(await written()), await readFile(await written()));
	});
});
