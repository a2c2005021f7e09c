import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Unchanged } from '../../../src/host/unchanged';

describe('Unchanged', () => {
	test('moves what lies after an insertion and keeps what lies before it', () => {
		const unchanged = new Unchanged('Every yimpus is a felpus.', 'Every big yimpus is a felpus.');
		assert.deepEqual(unchanged.forward({ start: 0, end: 5 }), { start: 0, end: 5 });
		assert.deepEqual(unchanged.forward({ start: 6, end: 12 }), { start: 10, end: 16 });
		assert.equal(unchanged.back(10), 6);
		assert.equal(unchanged.back(7), undefined);
	});

	test('has no place for a range that was touched', () => {
		assert.equal(new Unchanged('a felpus b', 'a dumpus b').forward({ start: 2, end: 8 }), undefined);
	});

	test('never carries a range to another text, and comes back from where it went', () => {
		const text = fc.string({ maxLength: 12 });
		const carries = fc.property(text, text, text, text, (head, cut, put, tail) => {
			const [before, after] = [head + cut + tail, head + put + tail];
			const unchanged = new Unchanged(before, after);
			for (let start = 0; start < before.length; start++) {
				const moved = unchanged.forward({ start, end: start + 1 });
				if (moved) {
					assert.equal(after.slice(moved.start, moved.end), before[start]);
					assert.equal(unchanged.back(moved.start), start);
				}
			}
		});
		fc.assert(carries);
	});
});
