import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { listed, shelved } from '../../../src/analysis/shelf';
import { sampleDocument } from '../trace/sample';

describe('lists of traces', () => {
	test('a trace says its prompt, its model, what its arms answered and whether they agree', () => {
		const document = sampleDocument();
		assert.deepEqual(listed(document), {
			prompt: 'davis.prompt.md',
			created: '2026-01-01T00:00:00.000Z',
			model: 'Sample',
			answers: 'cot gerpus · latent jelpus · direct jelpus · they differ',
		});
		const alone = { ...document, arms: document.arms.slice(1) };
		assert.equal(listed(alone).answers, 'latent jelpus · direct jelpus · they agree');
		assert.equal(listed({ ...document, arms: [] }).answers, '');
	});

	test('an imported one stands under the file that it is from; control characters are seen', () => {
		const document = sampleDocument();
		const origin = { format: 'f', file: 'log\u202e.eval', sample: '1', reasoning: 'full', steps: 'tokens', scores: [], sampling: {} } as const;
		assert.doesNotMatch(listed({ ...document, origin: { ...origin, scores: [] } }).prompt, /\u202e/);
	});

	test('by prompt, then the newest first', () => {
		const of = (prompt: string, created: string) => ({ prompt, created });
		const groups = shelved([of('b', '2026-01-01'), of('a', '2025-01-01'), of('a', '2026-03-01'), of('a', '2026-02-01')]);
		assert.deepEqual(groups.map(({ prompt, traces }) => [prompt, traces.map(({ created }) => created)]), [
			['a', ['2026-03-01', '2026-02-01', '2025-01-01']],
			['b', ['2026-01-01']],
		]);
	});
});
