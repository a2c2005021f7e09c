import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ProbeCell } from '../../../src/shared/panel';
import * as glossary from '../../../webview/glossary';

const CELL = { step: 2, layer: 2, auroc: 0.951, ci: [0.93, 0.972], shuffled: 0.507, random: 0.563 } satisfies ProbeCell;

describe('glossary', () => {
	test('a score is told with its place, its claim, its controls, and what it is not', () => {
		const text = glossary.score('the first option is the answer.', 0.87, 'Step 3, layer 2', CELL);
		for (const part of [
			'Step 3, layer 2: 0.87',
			'not a calibrated',
			'claims: the first option is the answer.',
			'AUROC .95 [.93, .97]',
			'shuffled .51',
			'random direction .56',
		]) {
			assert.ok(text.includes(part), `${part} in: ${text}`);
		}
		assert.doesNotMatch(text, /selectivity|calibration error|recall/);
		const figures = { selectivity: -0.284, control: 0.713, ece: 0.052, recallAt1Fpr: 0.004, recallCi: [0, 0.021] as [number, number] };
		const more = glossary.score('x', 0.87, 'Step 3, layer 2', { ...CELL, ...figures });
		assert.ok(more.includes('selectivity -0.28 (AUROC less .71 on control labels, a coin for each word)'), more);
		assert.ok(more.includes('calibration error .05, recall at 1 % false positives <.01 [.00, .02]'), more);
		assert.match(glossary.score('x', Number.NaN, 'Step 1, layer 0', undefined), /not measured/);
		assert.match(glossary.score('x', 0.5, 'Step 1, layer 0', undefined), /no held-out figures for this step and layer/);
	});

	test('a token without a probability says so, another has it with its surprisal', () => {
		assert.match(glossary.token({ step: 1, text: '<a>' }), /no probability of “<a>” in this trace \(yet\)/);
		assert.match(glossary.token({ step: 1, text: 'x', prob: 0.25 }), /p = 0\.25.*2\.00 bits/);
	});

	test('a token is told with every model that it was read under, by name, and the underline with its unit and range', () => {
		const text = glossary.token({ step: 1, text: 'x', prob: 0.25, referenceBits: 3, kl: 0.5 }, { reference: 'other', base: 'parent' });
		assert.match(text, /2\.00 bits\. Under other 3\.00 bits\. KL\(this model \|\| parent\) = 0\.50 nats\.$/);
		assert.match(glossary.token({ step: 1, text: 'x', kl: 0 }), /no probability.*the base model\) = 0\.00 nats/);
		assert.match(glossary.underline('kl', { base: 'parent' }), /KL\(this model \|\| parent\).*full from 2 nats on/);
		assert.match(glossary.underline('reference', { reference: 'other' }), /other expects.*full from 5 bits/);
	});

	test('a word is called live only where the task says so', () => {
		assert.match(glossary.word({ text: 'x', prob: 0.5, live: true }, 2), /A live candidate/);
		assert.match(glossary.word({ text: 'x', prob: 0.5, live: false }, 2), /does not allow/);
		assert.doesNotMatch(glossary.word({ text: 'x', prob: 0.5 }, 2), /task/);
	});

	test('entropy says how many tokens it is spread over', () => {
		assert.match(glossary.entropy(Math.log(8), 1), /2\.079 nats.*= 8 tokens/);
	});

	test('an arm without an answer says why, one with an answer how it compares', () => {
		const cot = { name: 'cot', label: 'chain of thought' };
		assert.match(glossary.arm({ ...cot, state: 'running' }), /running/);
		assert.match(glossary.arm({ ...cot, state: 'limit', answer: 'x', agrees: false, comparedWith: 'latent' }), /cut off.*disagrees with the arm “latent”/);
	});
});
