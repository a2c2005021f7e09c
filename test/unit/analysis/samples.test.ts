import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { arranged, sampleInWords, type ListedSample } from '../../../src/analysis/samples';

const sample = (id: string, more: Partial<ListedSample> = {}): ListedSample => ({
	...{ id, title: `What is ${id}?`, steps: 1, unit: 'tokens', reasoning: 'full', scores: [], hasLogprobs: false, hasActivations: false },
	...more,
});
const score = (value: string) => ({ scores: [{ name: 'match', value }] });
const ids = (samples: readonly ListedSample[]) => samples.map(({ id }) => id).join(' ');

describe('lists of samples', () => {
	test('the order of the file, the longest first, ties as they were', () => {
		const samples = [sample('a', { steps: 3 }), sample('b', { steps: 9 }), sample('c', { steps: 3 })];
		assert.equal(ids(arranged(samples, { reasoning: false, order: 'file' })), 'a b c');
		assert.equal(ids(arranged(samples, { reasoning: false, order: 'length' })), 'b a c');
		assert.equal(ids(samples), 'a b c', 'the list itself stays');
	});

	test('letters, words and numbers are scores; what is none comes last', () => {
		const samples = ['good', 'C', '0.2', 'false', 'P', '', '-1'].map((value) => sample(value || 'empty', score(value)));
		const ordered = arranged([...samples, sample('none')], { reasoning: false, order: 'score' });
		assert.equal(ids(ordered), '-1 false 0.2 P C good empty none');
	});

	test('a summary and a redacted part are not the chain of thought', () => {
		const samples = (['none', 'summary', 'full', 'redacted'] as const).map((reasoning) => sample(reasoning, { reasoning }));
		assert.equal(ids(arranged(samples, { reasoning: true, order: 'file' })), 'full');
	});

	test('in words', () => {
		assert.equal(sampleInWords(sample('a', { ...score('I'), unit: 'sentences' })), 'match I · 1 sentence · full reasoning');
		assert.equal(
			sampleInWords(sample('a', { steps: 4, reasoning: 'summary', hasLogprobs: true, hasActivations: true })),
			'4 tokens · reasoning summarised · log-probabilities · activations',
		);
		assert.equal(sampleInWords(sample('a', { steps: 0, reasoning: 'none' })), '0 tokens · no reasoning');
	});
});
