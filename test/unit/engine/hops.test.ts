/** The bundled model that loops over depth, in the real child: its walk by the coda lens, what has halted, other loops and seeds, and states that are no numbers. */
import assert from 'node:assert/strict';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { depthView, loopRows } from '../../../src/analysis/loopRows';
import { Lookup } from '../../../src/analysis/lookup';
import { openFile } from '../../../src/trace/bytes.node';
import { openTrace } from '../../../src/trace/reader';
import { request, sha256, temporary, withEngine } from './harness';

const MODEL = 'models/hops';
/** From Ann to Bob, to Cid, to Dan. */
const WALK = ['Bob', 'Cid', 'Dan'];
const PROMPT = 'Cid>Dan Eve>Fay Ann>Bob Gus>Hal Hal>Ann Bob>Cid Fay>Gus Dan>Eve Ann+3?';
const run = (more: object = {}, options: object = {}) => request(PROMPT, { model: MODEL, options: { seed: 0, temperature: 0, topK: 5, ...options }, ...more });

describe('a model that loops over depth', () => {
	test('walks one look a loop, says so by the coda lens, halts, and reads the same from its file', () =>
		withEngine(async (engine) => {
			const out = join(await temporary(), 'hops.trace.safetensors');
			const { document } = await engine.call('analyze', run({ out }));
			const [arm] = document.arms;
			assert.equal(arm!.answer, 'Dan');
			const trace = await openTrace(await openFile(out));
			assert.deepEqual(trace.document.arms[0]!.steps, arm!.steps);
			const { arms, loops } = depthView(trace.document, (name) => name)!;
			const { answer } = arms[0]!;
			const [row] = await loopRows(new Lookup(trace), 'direct', { start: answer!, end: answer! + 1 });
			assert.equal(row!.text, 'Ann+3?');
			assert.deepEqual(row!.top.slice(0, 3).map(([first]) => first?.text), WALK);
			const { loop } = row!.halted!;
			assert.ok(loop >= 3 && loop < loops, `${loop}`);
			assert.deepEqual(row!.top.map((top) => top.length === 0), Array.from({ length: loops }, (_, i) => i + 1 > loop));
			assert.ok(row!.values.difference!.every((value, i) => Number.isNaN(value) === i + 1 > loop));
			assert.ok(row!.values.kl![0]! > 1 && row!.values.kl![loop - 1]! < 0.01, 'the first person is not the last');
			trace.dispose();
		}));

	test('with fewer loops it stops on its way, and another seed starts elsewhere and arrives at the same', () =>
		withEngine(async (engine) => {
			const answers: (string | undefined)[] = [];
			for (const loops of [1, 2, 3]) {
				const { document } = await engine.call('analyze', run({}, { loops }));
				assert.equal(document.model.depth!.loops, loops);
				answers.push(document.arms[0]!.answer);
			}
			assert.deepEqual(answers, WALK);
			const { document } = await engine.call('analyze', run({}, { seed: 7 }));
			assert.equal(document.arms[0]!.answer, 'Dan');
			await assert.rejects(engine.call('analyze', run({}, { loops: 255 })), /At most 253 loops of this model can be read out, and 255 were asked for/);
		}));

	test('a run without loops, latents or noise says that what was asked of them was ignored', () =>
		withEngine(async (engine) => {
			const { document } = await engine.call('analyze', request('Is Tom a hilpus?', { arms: ['direct'], options: { seed: 0, temperature: 0, topK: 5, loops: 3, latents: 2, noise: 0.5 } }));
			for (const what of ['number of loops', 'number of latents', 'scale of the noise']) {
				assert.ok(document.notes.some((note) => note.startsWith(`The ${what} was ignored, because `)), what);
			}
		}));

	test('a state that is no number is named by its loop', async () => {
		const folder = join(await temporary(), 'hops');
		await cp(MODEL, folder, { recursive: true, filter: (path) => !path.includes('train') });
		const manifest = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8')) as { files: Record<string, object> };
		const body = await readFile(join(folder, 'body.onnx'));
		const { model } = JSON.parse(await readFile(join(folder, 'tokenizer.json'), 'utf8')) as { model: { vocab: Record<string, number> } };
		// The embedding is the largest of the graph's arrays, and lies in one piece: found by where 153 rows of 64 numbers begin.
		const at = tableOf(body, Object.keys(model.vocab).length * 64 * 4);
		body.fill(0xff, at + model.vocab['Ann+3?']! * 256, at + (model.vocab['Ann+3?']! + 1) * 256);
		await writeFile(join(folder, 'body.onnx'), body);
		manifest.files['body'] = { name: 'body.onnx', sha256: sha256(body), bytes: body.length };
		await writeFile(join(folder, 'model.json'), JSON.stringify(manifest));
		await withEngine((engine) =>
			assert.rejects(engine.call('analyze', run({ model: folder })), /The model gives no finite state after loop 1 for this prompt, so it is broken: choose another model\.$/),
		);
	});
});

/** Offset of an array of so many bytes in a protocol buffer: field 9 of a tensor, and its length. */
function tableOf(bytes: Buffer, length: number): number {
	const varint: number[] = [];
	for (let left = length; left > 0; left >>>= 7) {
		varint.push(left > 0x7f ? (left & 0x7f) | 0x80 : left);
	}
	const head = Buffer.from([(9 << 3) | 2, ...varint]);
	const at = bytes.indexOf(head);
	assert.ok(at >= 0);
	return at + head.length;
}
