import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseLabelled } from '../../../src/prompts/labelled';

const lines = (...items: unknown[]) => items.map((item) => JSON.stringify(item)).join('\n');

describe('labelled prompts', () => {
	test('labels, groups and steps; the line of each', () => {
		const found = parseLabelled(
			`\uFEFF${lines({ prompt: 'a', label: 1 }, { question: 'b', label: false, group: 3 })}\n\n${lines({ prompt: 'c', label: true, step: 2 }, { prompt: 'd', labels: [0, null, 1] })}\r\n`,
			'required',
		);
		assert.deepEqual(found, [
			{ prompt: 'a', group: 'a', label: 1, step: undefined, line: 1 },
			{ prompt: 'b', group: '3', label: 0, step: undefined, line: 2 },
			{ prompt: 'c', group: 'c', label: 1, step: 2, line: 4 },
			{ prompt: 'd', group: 'd', labels: [0, null, 1], line: 5 },
		]);
	});

	test('names of classes', () => {
		assert.deepEqual(parseLabelled(lines({ prompt: 'a', label: ' maths ' }), 'required')[0]!.label, 'maths');
	});

	test('without labels where a task gives them, as a list too', () => {
		assert.deepEqual(parseLabelled(JSON.stringify([{ question: 'a', answer: 'b', label: {} }]), 'ignored'), [{ prompt: 'a', group: 'a', line: 1 }]);
		assert.deepEqual(parseLabelled(lines({ prompt: 'a' }, { prompt: 'b', label: 0 }), 'optional').map(({ label }) => label), [undefined, 0]);
	});

	const wrong: [text: string, wording: RegExp][] = [
		['', /holds no prompts/],
		['{"prompt": "a", "label": 1}\n{"prompt"', /^Line 2 is not JSON/],
		['[1', /^The file is not JSON/],
		['null', /^Line 1 has no "prompt"/],
		[lines({ prompt: ' ', label: 1 }), /^Line 1 has no "prompt"/],
		[`\n${lines({ prompt: 'a' })}`, /^Line 2 has no "label"/],
		[lines({ prompt: 'a', label: 2 }), /^Line 1 has a label that is neither/],
		[lines({ prompt: 'a', label: '' }), /^Line 1 has a label that is neither/],
		[lines({ prompt: 'a', label: 'x'.repeat(300) }), /^Line 1 has a label that is neither/],
		[lines({ prompt: 'a', labels: [1, {}] }), /^Line 1 has a label that is neither/],
		[lines({ prompt: 'a', labels: 1 }), /^Line 1 has "labels" that are no list/],
		[lines({ prompt: 'a', labels: [1], label: 1 }), /^Line 1 has "labels" that are no list/],
		[lines({ prompt: 'a', label: 1, step: -1 }), /^Line 1 has a "step"/],
		[lines({ prompt: 'a', label: 1, group: {} }), /^Line 1 has a "group"/],
		[lines({ prompt: 'a', label: 1 }, { prompt: 'b', label: 'x' }), /^Line 2 names a class, and line 1 says 0 or 1/],
	];
	for (const [text, wording] of wrong) {
		test(`refuses ${JSON.stringify(text.slice(0, 60))}`, () => {
			assert.throws(() => parseLabelled(text, 'required'), (error: Error) => wording.test(error.message) && /^[^\n]+\.$/.test(error.message));
		});
	}
});
