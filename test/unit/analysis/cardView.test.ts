import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cardView, recordView, type CardFacts } from '../../../src/analysis/cardView';

const CARD: CardFacts = {
	id: 'tiny-0123abcd',
	name: 'tiny\u202e',
	description: 'Made from model.onnx.',
	sha256: 'a'.repeat(64),
	shape: { layers: 30, width: 576, heads: 3, vocabulary: 49_152, context: 8_192 },
	quantisation: 'int8',
	arms: ['direct', 'soft'],
	trainedLatents: 0,
	probes: [],
	relatives: {},
	chat: true,
	selfTest: [
		{ name: 'prefill in chunks', maxAbsDiff: 3.26e-6, ok: true },
		{ name: 'a late patch', maxAbsDiff: Infinity, ok: false },
	],
	available: ['layers', 'latents'],
	unavailable: [{ what: 'patches', why: 'its self-test failed' }],
};
const valueOf = (card: ReturnType<typeof cardView>, label: string) => card.facts.find((fact) => fact.label === label)?.value;

describe('model card', () => {
	test('every fact in words, and what cannot be seen made visible', () => {
		const card = cardView(CARD);
		assert.doesNotMatch(card.name, /\u202e/);
		assert.deepEqual(
			['Layers', 'Sites', 'Vocabulary', 'Context', 'Weights', 'Arms', 'Trained thoughts', 'Probes', 'Chat template', 'Licence'].map((label) => valueOf(card, label)),
			['30', '31 (0 … 30)', '49\u202f152 tokens', '8\u202f192 positions', 'int8', 'direct, soft', 'none', 'none', 'yes', 'not stated'],
		);
		assert.equal(card.facts.at(-1)?.code, true);
		assert.equal(valueOf(card, 'Runs on'), undefined);
	});

	test('what is missing says why, and a test says how far its two ways are apart', () => {
		const { available, unavailable, tests } = cardView(CARD);
		assert.deepEqual(available.map(({ label }) => label), ['Layers', 'Latent thoughts']);
		assert.deepEqual(unavailable.map(({ label, why }) => [label, why]), [['Patches', 'its self-test failed']]);
		assert.deepEqual(tests.map(({ difference, ok }) => [difference, ok]), [['3.3e-6', true], ['not finite', false]]);
		assert.ok([...available, ...unavailable].every(({ definition }) => definition !== ''));
	});

	test('a model of which only logits can be seen has no width to show', () => {
		const only = cardView({ ...CARD, shape: { ...CARD.shape, layers: 0, width: 49_152 }, available: [] });
		assert.equal(valueOf(only, 'Layers'), 'cannot be seen');
		assert.equal(valueOf(only, 'Width'), undefined);
	});

	test('what computes it, and why nothing faster does', () => {
		assert.equal(valueOf(cardView({ ...CARD, provider: { used: 'cpu', why: 'there is no CUDA' }, lowMemory: true }), 'Runs on'), 'cpu, low memory, because there is no CUDA');
	});

	test('what the export showed of how it thinks, and what it left open', () => {
		const card = cardView({ ...CARD, proposal: { reasons: ['The arm latent thinks.', 'It has 6 thoughts.'], undecided: ['How many\u202e pauses.'] } });
		assert.equal(valueOf(card, 'Arms, why'), 'The arm latent thinks. It has 6 thoughts.');
		assert.equal(valueOf(card, 'Not decided'), 'How many⟨U+202E⟩ pauses.');
		assert.equal(valueOf(cardView({ ...CARD, proposal: { reasons: [], undecided: [] } }), 'Not decided'), undefined);
	});

	test('of a trace it is what the trace says', () => {
		const { id, name, sha256, quantisation, trainedLatents } = CARD;
		const record = { id, name, sha256, tokenizerSha256: '', layers: 2, width: 8, vocabulary: 10, quantisation, trainedLatents, recipe: {} };
		const card = recordView(record, 'From the trace.');
		assert.equal(card.note, 'From the trace.');
		assert.deepEqual([valueOf(card, 'Sites'), card.available, card.tests], ['3 (0 … 2)', [], []]);
	});
});
