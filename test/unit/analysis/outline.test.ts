import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { shown, shownApart } from '../../../src/analysis/outline';
import { parseTask } from '../../../src/analysis/task';

describe('tokens as words', () => {
	const task = parseTask('Alex is a fompus. Is Alex a fompus or dumpus?');

	test('a token is shown as the entity that it names', () => {
		assert.equal(shown(' is a fompus.', task), 'fompus');
		assert.equal(shown(' is a fompus.', undefined), '·is a fompus.');
	});

	test('forms of one entity in one list keep their text', () => {
		const texts = [' is a fompus.', ' Every fompus', ' or dumpus?'];
		assert.deepEqual(shownApart(texts, task), ['is a fompus.', 'Every fompus', 'dumpus']);
		assert.deepEqual(shownApart(['a', 'a'], undefined), ['a', 'a']);
	});
});
