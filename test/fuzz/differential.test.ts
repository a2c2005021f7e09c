/** Our reader against Python's safetensors on damaged files: both read the same, or a rule of ours that theirs lacks says why not. FUZZ_SEED=N damages otherwise. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { generator } from '../../src/shared/random';
import { memoryBytes } from '../../src/trace/bytes';
import { encodeHeader } from '../../src/trace/container';
import { TraceError } from '../../src/trace/error';
import { openTrace, readTable } from '../../src/trace/reader';
import { writeTrace } from '../../src/trace/writer.node';
import { sampleDocument, sampleTensors } from '../unit/trace/sample';
import { amount } from './amount';
import { mutated } from './mutations';

const CASES = amount(4_000, 120_000);
/** Of one process of Python, whose answers are held at once. */
const BATCH = 4_000;
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);

type Verdict = { error: string } | { torn: true } | { tensors: Record<string, [dtype: string, shape: number[], hex: string]>; metadata: Record<string, string>; rules: string[] };

let folder: string;
before(() => (folder = mkdtempSync(join(tmpdir(), 'fuzz-'))));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Sound files: tensors of many types, names that need escapes, values of no extent; and a trace. */
async function seeds(): Promise<Buffer[]> {
	const many = ['F32', 'F16', 'I64', 'BOOL', 'BF16', 'F8_E4M3', 'C64'].map((dtype, i) => ({ name: `t/${i}`, dtype, shape: [i % 3, 2] }));
	const odd = [
		{ name: 'é"\\\n', dtype: 'U8', shape: [] },
		{ name: '', dtype: 'I32', shape: [2, 1] },
		{ name: '__proto__', dtype: 'U16', shape: [0] },
	];
	const sizes: Record<string, number> = { F32: 4, F16: 2, I64: 8, BOOL: 1, BF16: 2, F8_E4M3: 1, C64: 8, U8: 1, I32: 4, U16: 2 };
	const file = (tensors: typeof many, metadata: Record<string, string>) => {
		const length = tensors.reduce((sum, { dtype, shape }) => sum + shape.reduce((product, extent) => product * extent, sizes[dtype]!), 0);
		return Buffer.concat([encodeHeader(tensors, metadata), Buffer.from({ length } as ArrayLike<number>).fill('neuralese')]);
	};
	const path = join(folder, 'seed.trace.safetensors');
	const document = sampleDocument();
	document.arms.splice(1);
	document.arms[0]!.steps.splice(3);
	await writeTrace(path, document, sampleTensors(document));
	return [file(many, { format: 'pt', k: '' }), file(odd, {}), file([], {}), readFileSync(path)];
}

function judge(cases: readonly Buffer[]): Verdict[] {
	const length = (one: Buffer) => Buffer.from(Uint32Array.of(one.length).buffer);
	const { status, stdout, stderr } = spawnSync(process.env['NEURALESE_PYTHON'] ?? 'python3', ['test/fuzz/reference.py', folder], {
		input: Buffer.concat(cases.flatMap((one) => [length(one), one])),
		encoding: 'utf8',
		maxBuffer: 2 ** 30,
	});
	assert.equal(status, 0, stderr.slice(-2_000));
	return stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Verdict);
}

/** What we read, in the shape of a verdict; a refusal is one sentence. */
async function ours(file: Buffer): Promise<Verdict> {
	try {
		const { metadata, tensors } = await readTable(memoryBytes(file));
		const told = [...tensors.values()].map(({ name, dtype, shape, start, length }) => [name, [dtype, shape, file.toString('hex', start, start + length)]]);
		return { tensors: Object.fromEntries(told), metadata: Object.fromEntries(metadata), rules: [] };
	} catch (error) {
		assert.ok(error instanceof TraceError && /^[^\n]+\.$/.test(error.message), String(error));
		return { error: error.message };
	}
}

describe('our reader and Python\'s', () => {
	test(`agree on ${CASES} damaged files but for rules that have a name`, async () => {
		const random = generator(SEED, 'damaged safetensors');
		const sound = await seeds();
		const broken = new Map<string, number>();
		const counts = { read: 0, refused: 0, stricter: 0, opened: 0 };
		for (let done = 0; done < CASES; done += BATCH) {
			const cases = Array.from({ length: Math.min(BATCH, CASES - done) }, () => mutated(sound[Math.floor(random() * sound.length)]!, random));
			for (const [i, theirs] of judge(cases).entries()) {
				const file = cases[i]!;
				const where = `seed ${SEED}, case ${done + i}: ${file.toString('base64')}`;
				const read = await ours(file);
				assert.ok(!('torn' in theirs), `Python disagrees with itself, ${where}`);
				if ('error' in theirs) {
					assert.ok('error' in read, `we read what Python refuses (${theirs.error}), ${where}`);
					counts.refused++;
				} else if ('error' in read) {
					assert.ok(theirs.rules.length > 0, `we refuse for no rule (${read.error}), ${where}`);
					theirs.rules.forEach((rule) => broken.set(rule, (broken.get(rule) ?? 0) + 1));
					counts.stricter++;
				} else {
					assert.deepEqual(theirs.rules, [], `we read what a rule of ours forbids, ${where}`);
					assert.deepEqual(read, theirs, where);
					counts.read++;
				}
				counts.opened += (await opens(file, where)) && 'tensors' in read ? 1 : 0;
			}
		}
		console.log(JSON.stringify({ ...counts, rules: Object.fromEntries([...broken].sort(([, a], [, b]) => b - a)) }));
		// Damage that nobody or everybody refuses would show nothing.
		assert.ok(counts.read > CASES / 20 && counts.refused > CASES / 20 && counts.stricter > CASES / 100 && counts.opened > 0, JSON.stringify(counts));
	});
});

/** Whether it is a trace; whatever it is, we read it whole or refuse it in a sentence. */
async function opens(file: Buffer, where: string): Promise<boolean> {
	try {
		const trace = await openTrace(memoryBytes(file));
		for (const { name } of trace.document.arms) {
			await trace.read(name, 'lens.topk_id', { start: 0, end: Infinity });
		}
		return true;
	} catch (error) {
		assert.ok(error instanceof TraceError, `${String(error)}, ${where}`);
		return false;
	}
}
