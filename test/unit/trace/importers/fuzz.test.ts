/** Damaged files: whatever is read of them, nothing fails but in one sentence of ours, and nothing hangs. */
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { TraceError } from '../../../../src/trace/error';
import { bytesOf, composeAll, FILES, unreadable } from './support';

/** Damages a file at a few places that are told as fractions of its length. */
function damaged(bytes: Uint8Array, { cut, flips, splices }: Damage): Uint8Array {
	const out = bytes.slice(0, Math.floor(bytes.length * cut));
	for (const [where, value] of flips) {
		out[Math.floor(where * out.length)] = value;
	}
	for (const [from, to, length] of splices) {
		out.copyWithin(Math.floor(to * out.length), Math.floor(from * out.length), Math.floor(from * out.length) + length);
	}
	return out;
}

interface Damage {
	cut: number;
	flips: [number, number][];
	splices: [number, number, number][];
}

const fraction = fc.double({ min: 0, max: 0.999999, noNaN: true });
const damage: fc.Arbitrary<Damage> = fc.record({
	cut: fc.oneof(fc.constant(1), fraction),
	flips: fc.array(fc.tuple(fraction, fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
	splices: fc.array(fc.tuple(fraction, fraction, fc.integer({ min: 1, max: 64 })), { maxLength: 2 }),
});

async function attempt(bytes: Uint8Array): Promise<'read' | 'refused'> {
	try {
		for (const { document, tensors } of await composeAll(bytes)) {
			assert.equal(unreadable(document, tensors), undefined);
			for (const { chunks } of tensors) {
				for await (const chunk of chunks) {
					assert.ok(chunk.length >= 0);
				}
			}
		}
		return 'read';
	} catch (error) {
		assert.ok(error instanceof TraceError, `not a sentence of ours: ${(error as Error).stack}`);
		assert.match(error.message, /^[A-Z].*\.$/s);
		return 'refused';
	}
}

describe('damaged files', () => {
	for (const name of readdirSync(FILES)) {
		test(`${name}: read or refused in one sentence`, async () => {
			const bytes = bytesOf(name);
			const outcomes = new Set<string>();
			const property = fc.asyncProperty(damage, async (one) => void outcomes.add(await attempt(damaged(bytes, one))));
			await fc.assert(property, { numRuns: Number(process.env['FUZZ_RUNS'] ?? 150) });
			assert.ok(outcomes.has('refused'));
		});

		test(`${name}: cut at every byte of its beginning and its end`, async () => {
			const bytes = bytesOf(name);
			const ends = Array.from({ length: 200 }, (_, i) => i);
			for (const length of [...ends, ...ends.map((i) => bytes.length - 1 - i)].filter((one) => one >= 0 && one < bytes.length)) {
				await attempt(bytes.slice(0, length));
			}
		});
	}
});
