/** A trace of 4 GB, all of it holes: what is read of it, and what is not. */
import assert from 'node:assert/strict';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { TraceView } from '../../../src/analysis/view';
import type { ByteSource } from '../../../src/trace/bytes';
import { openFile } from '../../../src/trace/bytes.node';
import { DOCUMENT_TENSOR } from '../../../src/trace/check';
import { encodeHeader } from '../../../src/trace/container';
import type { Step, TraceDocument } from '../../../src/trace/document';
import { openTrace, type TraceFile } from '../../../src/trace/reader';
import { sampleDocument } from './sample';

const POSITIONS = 16_000;
const [LAYERS, WIDTH, TOP] = [32, 4096, 10];
const SITES = LAYERS + 1;
/** The prompt stands before the sentences, each of ten tokens. */
const PROMPT = 1_000;
const SENTENCE = 10;
/** What every row of the planes that are shown takes together, and more. */
const POSITION_BYTES = SITES * (TOP * 8 + 16) + 4;

interface Read {
	offset: number;
	length: number;
}

let folder: string;
let reads: Read[];
let trace: TraceFile;

function largeDocument(): TraceDocument {
	const base = sampleDocument();
	const prompt = Array.from({ length: PROMPT }, (): Step => ({ kind: 'prompt', id: 1 }));
	const written = Array.from({ length: POSITIONS - PROMPT }, (_, i): Step => ({ kind: 'token', id: i % SENTENCE === SENTENCE - 1 ? 2 : 1 }));
	const latents = Array.from({ length: 50 }, (_, thought): Step => ({ kind: 'latent', id: -1, thought }));
	const [cot, latent] = base.arms as [TraceDocument['arms'][number], TraceDocument['arms'][number]];
	return {
		...base,
		model: { ...base.model, layers: LAYERS, width: WIDTH },
		arms: [
			{ ...cot, steps: [...prompt, ...written] },
			{ ...latent, steps: [...prompt, ...latents], thoughts: latents.map((_, i) => ({ index: i, producedAt: PROMPT - 1 + i, fedAt: PROMPT + i })) },
		],
		probes: [{ name: 'p', label: 'P', arm: 'cot', at: 'tokens', sha256: '', metrics: [] }],
		tokens: [{ id: 1, text: ' word' }, { id: 2, text: '.' }, { id: 0, text: ' zero' }],
	};
}

before(async () => {
	folder = await mkdtemp(join(tmpdir(), 'large-'));
	const document = largeDocument();
	const json = new TextEncoder().encode(JSON.stringify(document));
	const tensors = document.arms.flatMap(({ name, steps: { length } }) => [
		{ name: `${name}/hidden.resid`, dtype: 'F16', shape: [length, SITES, WIDTH] },
		{ name: `${name}/tokens.logprob`, dtype: 'F32', shape: [length] },
		{ name: `${name}/lens.topk_id`, dtype: 'I32', shape: [length, SITES, TOP] },
		{ name: `${name}/lens.topk_logit`, dtype: 'F32', shape: [length, SITES, TOP] },
		...['lens.lse', 'lens.entropy', 'lens.kl_final', 'probe.p.score'].map((plane) => ({ name: `${name}/${plane}`, dtype: 'F32', shape: [length, SITES] })),
	]);
	const header = encodeHeader([{ name: DOCUMENT_TENSOR, dtype: 'U8', shape: [json.length] }, ...tensors], { format: 'neuralese-trace' });
	const bytes = tensors.reduce((sum, { dtype, shape }) => sum + shape.reduce((product, extent) => product * extent, dtype === 'F16' ? 2 : 4), 0);
	const path = join(folder, 'large.trace.safetensors');
	const file = await open(path, 'w');
	await file.write(header);
	await file.write(json);
	await file.truncate(header.length + json.length + bytes);
	await file.close();
	const source = await openFile(path);
	const watched: ByteSource = {
		size: source.size,
		read: (offset, length) => (reads.push({ offset, length }), source.read(offset, length)),
		dispose: () => source.dispose(),
	};
	reads = [];
	trace = await openTrace(watched);
});
after(async () => {
	trace.dispose();
	await rm(folder, { recursive: true });
});

/** What was read since the last call, as rows of planes. */
function rowsRead(): { plane: string; start: number; end: number }[] {
	return reads.splice(0).map(({ offset, length }) => {
		const tensor = trace.tensors.find(({ start, length: size }) => offset >= start && offset + length <= start + size);
		assert.ok(tensor, `${length} bytes at ${offset} lie in no tensor`);
		const stride = tensor.length / tensor.shape[0]!;
		return { plane: tensor.name, start: (offset - tensor.start) / stride, end: (offset - tensor.start + length) / stride };
	});
}

const total = () => reads.reduce((sum, { length }) => sum + length, 0);

describe('a trace of 4 GB', () => {
	test('opening it reads its header and its document, once', () => {
		const [first] = trace.tensors;
		assert.ok(trace.tensors.at(-1)!.start > 4e9);
		assert.equal(total(), first!.start + first!.length);
		reads = [];
	});

	test('the first view reads what it shows', async () => {
		const view = new TraceView(trace);
		const run = view.run(1);
		assert.equal(reads.length, 0);
		await Promise.all([view.rows({ start: 0, end: 64 }, LAYERS), view.tile('p', { start: 0, end: 64 })]);
		assert.equal(run.rows, (POSITIONS - PROMPT) / SENTENCE);
		assert.ok(total() <= 64 * SENTENCE * POSITION_BYTES, `${total()} bytes`);
		assert.deepEqual(rowsRead().filter(({ plane }) => plane.endsWith('hidden.resid')), []);
	});

	test('a click on a cell reads the position of that cell and no other', async () => {
		const view = new TraceView(trace);
		const thought = 42;
		const sentence = 1_234;
		const last = PROMPT + sentence * SENTENCE + SENTENCE - 1;
		await view.tile('p', { start: sentence, end: sentence + 1 });
		assert.deepEqual(rowsRead(), [{ plane: 'cot/probe.p.score', start: last, end: last + 1 }]);
		await view.details(thought);
		const read = rowsRead();
		const ofThought = read.filter(({ plane }) => plane.startsWith('latent/'));
		assert.equal(ofThought.length, 5);
		assert.ok(ofThought.every(({ start, end }) => start === PROMPT - 1 + thought && end === start + 1), JSON.stringify(read));
		// In the same row stand a sentence's tokens, which are read as they stand, and its own cell.
		const first = PROMPT + thought * SENTENCE;
		assert.ok(read.filter(({ plane }) => plane.startsWith('cot/')).every(({ start, end }) => start >= first && end <= first + SENTENCE), JSON.stringify(read));
	});

	test('the residual stream of a position at all sites is one read of its bytes', async () => {
		const values = await trace.read('cot', 'hidden.resid', { start: 15_999, end: 16_000 });
		assert.equal(values!.length, SITES * WIDTH);
		assert.equal(total(), SITES * WIDTH * 2);
		assert.deepEqual(rowsRead(), [{ plane: 'cot/hidden.resid', start: 15_999, end: 16_000 }]);
	});
});
