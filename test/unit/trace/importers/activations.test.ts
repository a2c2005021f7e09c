/** Arrays of numpy and safetensors, whose axes the user names: value 100·position + 10·site + column, whatever the order. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromHalf } from '../../../../src/trace/half';
import { encodeHeader } from '../../../../src/trace/container';
import { bytesOf, composeAll, importAll, open, says, utf8 } from './support';

const [POSITIONS, SITES, WIDTH] = [5, 3, 4];
const EXPECTED = Array.from({ length: POSITIONS * SITES * WIDTH }, (_, i) => 100 * Math.floor(i / (SITES * WIDTH)) + 10 * (Math.floor(i / WIDTH) % SITES) + (i % WIDTH));

async function states(bytes: Uint8Array, map: string) {
	const [{ document, tensors }] = (await composeAll(bytes, map)) as [Awaited<ReturnType<typeof composeAll>>[number]];
	const [tensor] = tensors;
	const values: number[] = [];
	for await (const chunk of tensor!.chunks) {
		values.push(...fromHalf(chunk as Uint16Array));
	}
	return { document, name: tensor!.name, shape: tensor!.shape, values };
}

describe('activations', () => {
	const files: [file: string, map: string][] = [
		['hidden.npy', 'array:position,site,width'],
		['hidden.npz', 'by_site:site,position,width'],
		['packed.npz', 'hidden:sample,position,site,width'],
		['layers.safetensors', 'layer.{site}:position,width'],
		['layers.safetensors', 'doubles:position,site,width'],
	];
	for (const [file, map] of files) {
		test(`${file} as ${map}`, async () => {
			const { document, name, shape, values } = await states(bytesOf(file), map);
			assert.deepEqual([name, shape], ['activations/hidden.resid', [POSITIONS, SITES, WIDTH]]);
			assert.deepEqual(values, EXPECTED);
			assert.deepEqual([document.model.layers, document.model.width, document.origin!.reasoning], [SITES - 1, WIDTH, 'none']);
		});
	}

	test('bfloat16, and samples in the middle of the axes', async () => {
		const bits = Uint16Array.of(0x3f80, 0x4000, 0x4040, 0x7fc0);
		const header = encodeHeader([{ name: 'h', dtype: 'BF16', shape: [2, 2, 1] }], {});
		const bytes = new Uint8Array(Buffer.concat([header, new Uint8Array(bits.buffer)]));
		const composed = await composeAll(bytes, 'h:position,sample,width');
		assert.equal(composed.length, 2);
		const second: number[] = [];
		for await (const chunk of composed[1]!.tensors[0]!.chunks) {
			second.push(...fromHalf(chunk as Uint16Array));
		}
		assert.deepEqual(second, [2, NaN]);
	});

	test('without a mapping there is a question with the tensors and a guess', async () => {
		const file = await open(bytesOf('hidden.npz'));
		assert.match(file.ask!.question, /"by_site" F32 \[3, 5, 4\], "ids" I64 \[5\].*--map 'by_site:position,site,width'/);
		assert.equal(file.ask!.guess, 'by_site:position,site,width');
		assert.deepEqual(file.warnings, [file.ask!.question]);
		assert.equal((await open(bytesOf('hidden.npz'), 'by_site:site,position,width')).ask, undefined);
		const none = await importAll(new Uint8Array(Buffer.concat([encodeHeader([], {})])));
		assert.deepEqual([none.samples.length, none.warnings.length], [0, 1]);
	});

	/** A log with one sample whose last model call has the states; two calls, three positions of prompt. */
	const log = (hidden_states: unknown, model = 'hf/x') => {
		const messages = [{ role: 'user', content: 'q' }, { role: 'assistant', content: 'One. Two.' }];
		const sample = { id: 1, epoch: 1, input: 'q', target: '', messages, output: { model, choices: [], metadata: { hidden_states } } };
		return utf8(JSON.stringify({ eval: { model }, status: 'success', samples: [sample] }));
	};
	const calls = (layers: number) => [[0, 1, 2], [3]].map((rows) => Array.from({ length: layers }, (_, layer) => rows.map((row) => [100 * row + 10 * layer])));

	test('of a log without tokens are an arm of their own, because its steps are sentences', async () => {
		const [{ document, tensors }] = (await composeAll(log(calls(2)))) as [Awaited<ReturnType<typeof composeAll>>[number]];
		assert.deepEqual(document.arms.map(({ name, steps }) => [name, steps.map(({ kind }) => kind)]), [
			['direct', ['answer', 'answer']],
			['activations', ['prompt', 'prompt', 'prompt', 'token']],
		]);
		assert.deepEqual(tensors.map(({ name, shape }) => [name, shape]), [['activations/hidden.resid', [4, 2, 1]]]);
		assert.equal(document.origin!.normed, true);
	});

	test('of nnterp begin after the first block, and their last site is not normed', async () => {
		const [sample] = (await importAll(log(calls(2), 'nnterp/x'))).samples;
		assert.deepEqual([...(await sample!.activations!.read({ start: 2, end: 4 }))], [NaN, 200, 210, NaN, 300, 310]);
		assert.equal(sample!.activations!.normed, false);
	});

	for (const [name, states, note] of [
		['that differ in length', [[[[1, 2]], [[1]]]], /their lists differ in length/],
		['that an older version dropped', {}, /as older versions of Inspect wrote them/],
		['without layers', [[]], /their lists differ in length/],
	] as const) {
		test(`${name} are left out with a note`, async () => {
			const [sample] = (await importAll(log(states))).samples;
			assert.equal(sample!.activations, undefined);
			assert.match(sample!.notes.join(), note);
		});
	}

	const wrong: [map: string, wording: RegExp][] = [
		['hidden', /is not NAME:AXES/],
		['array:site,width', /is not NAME:AXES/],
		['array:position,position,width', /is not NAME:AXES/],
		['array:width,position,site', /is not NAME:AXES/],
		['other:position,width', /names no tensor of it\): it has "array" F32/],
		['array:position,width', /is F32 \[5, 3, 4\], which/],
		['array{site}:position,site,width', /names no tensor/],
	];
	for (const [map, wording] of wrong) {
		test(`the mapping ${map}`, () => assert.rejects(importAll(bytesOf('hidden.npy'), map), says(wording)));
	}

	test('whole numbers are no activations; sizes that a header lies about', async () => {
		await assert.rejects(importAll(bytesOf('hidden.npz'), 'ids:position'), says(/is not NAME:AXES/));
		const longer = new Uint8Array(Buffer.concat([bytesOf('hidden.npy'), utf8('x')]));
		await assert.rejects(importAll(longer), says(/another size than its header says/));
		await assert.rejects(importAll(bytesOf('layers.safetensors').slice(0, -1)), says(/not a valid safetensors file/));
	});
});
