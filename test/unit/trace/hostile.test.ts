/** Files on disk that are meant to do harm, or are harmed while they are open: each is refused in one sentence, and nothing waits for ever. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, mkdtemp, readdir, readFile, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { TraceView } from '../../../src/analysis/view';
import { memoryBytes } from '../../../src/trace/bytes';
import { openFile } from '../../../src/trace/bytes.node';
import { encodeHeader, MAX_TENSORS } from '../../../src/trace/container';
import type { TraceDocument } from '../../../src/trace/document';
import { TraceError, type TraceErrorCode } from '../../../src/trace/error';
import { openImport } from '../../../src/trace/importers/importers';
import type { PlaneName } from '../../../src/trace/planes';
import { openTrace } from '../../../src/trace/reader';
import { removeAbandoned } from '../../../src/trace/replace.node';
import { watched } from '../../../src/trace/watch';
import { writeTrace } from '../../../src/trace/writer.node';
import { bytesOf, FILES } from './importers/support';
import { sampleDocument, sampleTensors } from './sample';

let folder: string;
before(async () => (folder = await mkdtemp(join(tmpdir(), 'hostile-'))));
after(() => rm(folder, { recursive: true, force: true }));

const open = async (path: string) => openTrace(await openFile(path));
const says = (code: TraceErrorCode, wording = /./) => (error: unknown) =>
	error instanceof TraceError && error.code === code && /^[^\n]{1,400}[.]$/.test(error.message) && wording.test(error.message);

async function file(name: string, content: Uint8Array | string): Promise<string> {
	const path = join(folder, name);
	await writeFile(path, content);
	return path;
}

async function written(name: string): Promise<string> {
	const path = join(folder, name);
	await writeTrace(path, sampleDocument(), sampleTensors(sampleDocument()));
	return path;
}

function bare(json: Uint8Array | string, more: { name: string; dtype: string; shape: number[] }[] = []): Uint8Array {
	const utf8 = Buffer.from(json);
	return Buffer.concat([encodeHeader([{ name: 'trace.json', dtype: 'U8', shape: [utf8.length] }, ...more], { format: 'neuralese-trace' }), utf8]);
}

describe('files that are no traces', () => {
	test('nothing, a folder, a device, a pipe', async () => {
		await assert.rejects(open(await file('empty', '')), says('bad-trace', /0 bytes cannot hold a header/));
		await assert.rejects(open(folder), says('cannot-read', /not a regular file/));
		if (process.platform !== 'win32') {
			await assert.rejects(open('/dev/zero'), says('cannot-read', /not a regular file/));
			const pipe = join(folder, 'pipe.trace.safetensors');
			execFileSync('mkfifo', [pipe]);
			await assert.rejects(open(pipe), says('cannot-read', /not a regular file/));
		}
	});

	test('cut anywhere in its header, as a file', async () => {
		const whole = await readFile(await written('whole'));
		const header = 8 + Number(whole.readBigUInt64LE(0));
		const path = await file('cut', whole.subarray(0, header));
		for (let end = header; end >= 0; end -= end > 64 ? 7 : 1) {
			await truncate(path, end);
			await assert.rejects(open(path), says('bad-trace'), `cut at ${end}`);
		}
	});

	test('a bit flipped in the header is refused or changes no extent', async () => {
		const whole = await readFile(await written('flipped'));
		const header = 8 + Number(whole.readBigUInt64LE(0));
		for (let bit = 0; bit < header * 8; bit += 7) {
			const changed = Buffer.from(whole);
			changed[bit >> 3]! ^= 1 << (bit & 7);
			try {
				const trace = await openTrace(memoryBytes(changed));
				assert.ok(trace.tensors.every(({ start, length }) => start >= header && start + length <= whole.length));
			} catch (error) {
				assert.ok(says('bad-trace')(error), `bit ${bit}: ${String(error)}`);
			}
		}
	});

	test('as many tensors as there may be, each of a plane that is known or not', async () => {
		const json = JSON.stringify(sampleDocument());
		const many = Array.from({ length: MAX_TENSORS - 1 }, (_, i) => ({ name: `cot/later.${i}`, dtype: 'F32', shape: [0] }));
		assert.equal((await openTrace(memoryBytes(bare(json, many)))).tensors.length, MAX_TENSORS);
		const wrong = many.map(({ dtype, shape }, i) => ({ name: `cot/probe.${i}.score`, dtype, shape }));
		await assert.rejects(openTrace(memoryBytes(bare(json, wrong))), says('bad-trace', /has not the shape/));
	});

	for (const [name, unit] of [['objects', '{},'], ['lists', '[],'], ['numbers', '1,']] as const) {
		test(`a document of millions of ${name} is refused before it is built`, async () => {
			const count = Math.ceil(8_100_000 / unit.replace(/[\d}\]]/g, '').length);
			const json = Buffer.concat([Buffer.from('{"version":1,"notes":['), Buffer.alloc(count * unit.length, unit), Buffer.from('0]}')]);
			await assert.rejects(openTrace(memoryBytes(bare(json))), says('bad-trace', /more than 8000000 values/));
		});
	}

	test('brackets and commas inside of texts are no values', async () => {
		const document = sampleDocument();
		document.notes = [`${'[{,'.repeat(5_000)}\\"`, '"\\'];
		assert.deepEqual((await openTrace(memoryBytes(bare(JSON.stringify(document))))).document.notes, document.notes);
		document.arms[0]!.text = '[{,'.repeat(2_700_000);
		await assert.rejects(openTrace(memoryBytes(bare(JSON.stringify(document)))), says('bad-trace', /arms.0.text/));
	});

	test('what could not be read again for its size is not written', async () => {
		const document: TraceDocument = { ...sampleDocument(), model: { ...sampleDocument().model, recipe: new Array(8_000_000).fill(0) } };
		await assert.rejects(writeTrace(join(folder, 'huge'), document, []), says('cannot-write', /more than 8000000 values/));
	});

	for (const [name, text] of [['words without end', ' word'], ['quotes without end', '"'], ['bytes without end', '⟨E2⟩']] as const) {
		test(`a chain of thought of ${name} is outlined`, async () => {
			const document = sampleDocument();
			const length = 100_000;
			document.arms = [{ ...document.arms[0]!, steps: Array.from({ length }, () => ({ kind: 'token' as const, id: 1 })) }];
			document.tokens = [{ id: 1, text }];
			const view = new TraceView(await openTrace(memoryBytes(bare(JSON.stringify(document)))));
			const begun = performance.now();
			assert.equal(view.run(1).rows, 1);
			// The square of the length would take minutes.
			assert.ok(performance.now() - begun < 20_000);
		});
	}
});

describe('files that change while they are open', () => {
	const small = { start: 0, end: 1 };
	const all = { start: 0, end: Infinity };
	const changes: [name: string, change: (path: string) => Promise<unknown>][] = [
		['cut off', (path) => truncate(path, 100)],
		['emptied', (path) => truncate(path, 0)],
		['grown', (path) => appendFile(path, 'x')],
		['written over by as many bytes', async (path) => writeFile(path, Buffer.alloc((await readFile(path)).length))],
		['touched', (path) => utimes(path, 1, 1)],
		['replaced by another', async (path) => (await writeFile(`${path}.new`, 'x'), rename(`${path}.new`, path))],
	];
	for (const [i, [name, change]] of changes.entries()) {
		test(`${name}: one sentence, whatever is read next, and it can be opened again once it is whole`, async () => {
			const path = await written(`changed-${i}`);
			const trace = await open(path);
			await trace.read('cot', 'tokens.id', small);
			// More than is read at once.
			const bytes = await openFile(await file(`large-${i}`, Buffer.alloc(3 * 2 ** 20)));
			await bytes.read(0, bytes.size);
			await new Promise((resolve) => setTimeout(resolve, 5));
			await change(path);
			await change(join(folder, `large-${i}`));
			await assert.rejects(trace.read('cot', 'tokens.id', small), says('replaced'));
			await assert.rejects(trace.read('latent', 'lens.topk_id', all), says('replaced'));
			await assert.rejects(bytes.read(0, bytes.size), says('replaced'));
			trace.dispose();
			bytes.dispose();
			await written(`changed-${i}`);
			const again = await open(path);
			assert.ok(await again.read('cot', 'tokens.id', small));
			again.dispose();
		});
	}

	test('whoever watches is told once, and not of other failures', async () => {
		const path = await written('watched');
		let told = 0;
		const file = await open(path);
		const trace = watched(file, () => told++);
		assert.equal(trace.document, file.document);
		assert.ok(await trace.read('cot', 'tokens.id', small));
		assert.equal(told, 0);
		await written('watched');
		await Promise.all(['tokens.id', 'lens.lse'].map((plane) => assert.rejects(trace.read('cot', plane as PlaneName, all), says('replaced'))));
		assert.equal(told, 1);
		trace.dispose();
		const failing = watched({ ...file, document: file.document, read: () => Promise.reject(new Error('the disk')), dispose: () => {} }, () => told++);
		await assert.rejects(failing.read('cot', 'tokens.id', all), /the disk/);
		assert.equal(told, 1);
	});

	test('logs and data sets that are imported', async () => {
		let refused = 0;
		for (const name of (await readdir(FILES)).filter((one) => one !== 'objects.npy')) {
			const path = await file(name, bytesOf(name));
			const bytes = await openFile(path);
			const imported = await openImport(bytes, { map: name === 'hidden.npy' ? 'array:position,site,width' : undefined });
			await utimes(path, 1, 1);
			try {
				for await (const ref of imported.samples()) {
					await ref.read();
				}
			} catch (error) {
				assert.ok(says('replaced')(error), `${name}: ${String(error)}`);
				refused++;
			}
			bytes.dispose();
		}
		// Small files are read whole when they are opened.
		assert.ok(refused > 0);
	});

	test('removed: what is open stays readable', async () => {
		const path = await written('removed');
		const trace = await open(path);
		await rm(path);
		assert.ok(await trace.read('cot', 'tokens.id', all));
		trace.dispose();
		await assert.rejects(trace.read('cot', 'tokens.id', all), says('replaced', /closed while it was being read/));
		await assert.rejects(open(path), says('cannot-read', /ENOENT/));
	});
});

test('what killed writers left in a folder goes, once nobody can still be writing it', async () => {
	const place = await mkdtemp(join(folder, 'abandoned-'));
	const uuid = '01234567-89ab-cdef-0123-456789abcdef';
	const names = [`.a.trace.safetensors.${uuid}.tmp`, `.b.${uuid}.tmp`, `a.${uuid}.tmp`, '.b.tmp', 'b'];
	await Promise.all(names.map((name) => writeFile(join(place, name), '')));
	await Promise.all(names.slice(1).map((name) => utimes(join(place, name), 1, 1)));
	await removeAbandoned(place);
	assert.deepEqual((await readdir(place)).sort(), names.filter((_, i) => i !== 1).sort());
});
