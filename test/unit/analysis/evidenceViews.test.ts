/** From the evidence record to what the panel shows: words, orders, controls, and what is absent where nothing was measured. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ordinal, percent, withInterval } from '../../../src/analysis/estimates';
import { EvidenceIndex } from '../../../src/analysis/evidenceIndex';
import { graphView } from '../../../src/analysis/graphView';
import { legibilityView } from '../../../src/analysis/legibilityView';
import { levelView } from '../../../src/analysis/levelView';
import { meterViews } from '../../../src/analysis/meterView';
import { MEASURES, type Measure } from '../../../src/analysis/ood';
import { oodViews } from '../../../src/analysis/oodViews';
import { patchControl, patchForm, patchPlane, patchViews, roundUp } from '../../../src/analysis/patchViews';
import { parseTask } from '../../../src/analysis/task';
import { testViews } from '../../../src/analysis/testViews';
import { PROMPT } from '../trace/sample';
import { change, estimate, evidenceSample } from './evidenceSample';

const task = parseTask(PROMPT)!;
const index = () => new EvidenceIndex(evidenceSample());

describe('estimates in words', () => {
	test('percentiles at the ends are not rounded to them', () => {
		assert.deepEqual(
			[0, 0.2, 1, 2, 3, 4, 11, 12, 13, 21, 93.2, 99.6, 100, NaN].map(ordinal),
			['0th', '<1st', '1st', '2nd', '3rd', '4th', '11th', '12th', '13th', '21st', '93rd', '>99th', '100th', '–'],
		);
	});

	test('intervals', () => {
		assert.equal(withInterval(estimate(-0.97, 0.11)), '−0.97 [−1.08, −0.86]');
		assert.equal(percent({ value: 0.12, ci: [0.08, 0.18], n: 150 }), '12 % [8, 18]');
	});
});

describe('meter', () => {
	test('three numbers, each with what it is of and its control', () => {
		assert.deepEqual(
			meterViews(evidenceSample(), 'latent').map(({ name, value, label, control }) => [name, value, label, control]),
			[
				['distance', '93rd pct', 'from tokens · 48th from states of text', 'twin <1st pct from tokens'],
				[
					'effect',
					'0.42 nats',
					'if every thought were its nearest token · the answer stays',
					'twin 0.01 [0.00, 0.02] · this model 0.45 [0.40, 0.50] · n = 150',
				],
				['capacity', '≈ 14 bits', 'a thought · effective dimension 9.3 of 4', 'twin ≈ 0 bits, dimension 1.5 · 150 prompts'],
			],
		);
	});

	test('definitions name the twin, the neighbour and the noise', () => {
		const [distance, effect, capacity] = meterViews(evidenceSample(), 'latent').map(({ definition }) => definition);
		assert.match(distance!, /5th nearest token.*20 tokens and 100 states of text.*sample-pause/);
		assert.match(effect!, /the answer changes in 12 % \[8, 18\], on the twin in 0 % \[0, 3\]/);
		assert.match(capacity!, /90 % of the answers, 0\.25 of a thought’s norm\. Answers that stay: at 0\.25 95 % \[90, 100\]\./);
	});

	test('a control that is missing is said to be missing, and so are bits', () => {
		const { twin, ...evidence } = evidenceSample();
		assert.ok(twin);
		const [meter] = evidence.meter;
		meter!.distance = { tokens: 93, text: 48 };
		meter!.effect = { kl: 2, changed: true };
		meter!.capacity = { dimension: 3, width: 4, unchanged: [] };
		evidence.cohorts = [];
		assert.deepEqual(
			meterViews(evidence, 'latent').map(({ value, label, control }) => [value, label, control]),
			[
				['93rd pct', 'from tokens · 48th from states of text', 'no control: this model has no twin'],
				['2.00 nats', 'if every thought were its nearest token · the answer changes', 'no control: this model has no twin'],
				['3.0', 'effective dimensions a thought, of 4', 'no control: this model has no twin'],
			],
		);
	});

	test('a twin that was not measured (yet) leaves its place empty, or is told beside what was', () => {
		const evidence = evidenceSample();
		const [meter] = evidence.meter;
		meter!.distance = { tokens: 93, text: 48 };
		meter!.effect = { kl: 2, changed: true };
		meter!.capacity!.twinBits = undefined;
		evidence.cohorts.pop();
		assert.deepEqual(
			meterViews(evidence, 'latent').map(({ control }) => control),
			['', '', 'not measured on the twin · 150 prompts'],
		);
	});

	test('what was not measured is absent, and another arm has nothing', () => {
		const evidence = evidenceSample();
		evidence.meter[0]!.distance = undefined;
		assert.deepEqual(
			meterViews(evidence, 'latent').map(({ name }) => name),
			['effect', 'capacity'],
		);
		assert.deepEqual(meterViews(evidence, 'cot'), []);
	});
});

describe('level', () => {
	test('rungs ascend, with the reasons made printable', () => {
		const [claim] = evidenceSample().claims;
		claim!.rungs[0]!.why = 'a\u202Eb';
		const view = levelView(claim!);
		assert.deepEqual(
			[view.level, view.claim, view.rungs.map(({ level, state }) => `${level} ${state}`)],
			[1, 'reads as impus', ['1 reached', '2 not reached', '3 not measured', '4 not measured']],
		);
		assert.equal(view.rungs[1]!.why, 'a⟨U+202E⟩b');
	});
});

describe('tests', () => {
	const views = testViews(index(), { latent: 'latent', thought: 0, written: 'cot', sentence: 0 });

	test('of a thought, recomputed before frozen, then all thoughts, then the sentence', () => {
		assert.deepEqual(
			views.map(({ of, label, later }) => [of, label, later]),
			[
				['thought', 'nearest token, rescaled', 'recomputed'],
				['thought', 'its nearest token', 'recomputed'],
				['thought', 'another prompt’s', 'recomputed'],
				['thought', 'another question’s', 'recomputed'],
				['thought', 'zero', 'recomputed'],
				['thought', 'removed, with later ones (untrained)', 'none'],
				['thought', 'nearest token, rescaled', 'frozen'],
				['all thoughts', 'another prompt’s', 'none'],
				['sentence', 'stopped before it', 'none'],
				['sentence', 'stopped after it', 'none'],
				['sentence', 'left this sentence out', 'frozen'],
			],
		);
	});

	test('a change has its control beside it, what was not measured is NaN, and texts are printable', () => {
		const zero = views.find(({ label }) => label === 'zero')!;
		assert.deepEqual(
			[zero.answer, zero.changed, zero.deltaLogOdds, zero.control],
			['ger⟨U+202E⟩pus', true, -3, { answer: 'jelpus', changed: false, deltaLogOdds: -0.01 }],
		);
		const raw = views.find(({ label }) => label === 'its nearest token')!;
		assert.deepEqual([raw.deltaLogOdds, raw.kl, raw.control], [NaN, NaN, undefined]);
		assert.match(views.find(({ label }) => label === 'another question’s')!.by, /thought 0 of "other"; the answer is that prompt’s own/);
		assert.match(views.find(({ label }) => label.startsWith('removed'))!.by, /first 0 thoughts.*not trained with/);
	});

	test('an unknown test is shown by its name, and what is absent has none', () => {
		const evidence = evidenceSample();
		evidence.tests = [change({ test: 'resample', step: 0, draws: estimate(-3, 1, 32) })];
		const [many] = testViews(new EvidenceIndex(evidence), { latent: 'latent', thought: 0, sentence: 0 });
		assert.equal(many!.by, 'in its place: a vector; Δ log-odds −3.00 [−4.00, −2.00] over 32 other prompts');
		evidence.tests = [change({ test: 'swap\u202E', form: 'half', step: 2 }), change({ test: 'jitter', form: '0.25', step: 2 })];
		const of = (tested: Parameters<typeof testViews>[1]) => testViews(new EvidenceIndex(evidence), tested).map(({ label }) => label);
		assert.deepEqual(of({ latent: 'latent', thought: 2, sentence: 2 }), ['itself with noise, 0.25 × norm', 'swap⟨U+202E⟩, half']);
		assert.deepEqual(of({ thought: 2, sentence: 2 }), []);
	});
});

describe('distances from language', () => {
	test('every measure has words of its own and keeps its numbers', () => {
		const planes = new Map<Measure, Float32Array>(MEASURES.map((name, i) => [name, Float32Array.of(i, i + 0.5, NaN)]));
		const views = oodViews(evidenceSample().ood[0]!, planes);
		assert.deepEqual([views.length, new Set(views.map(({ label }) => label)).size], [8, 8]);
		assert.deepEqual(
			views.slice(2, 3).map(({ label, value, tokens, text }) => [label, value, tokens, text]),
			[['distance to 5th nearest token', 2, 2.5, NaN]],
		);
		assert.match(views.find(({ label }) => label.includes('nearest state'))!.definition, /after the final norm/);
	});
});

describe('graph', () => {
	const view = (thought: number) => graphView(index().reading('latent', thought)!, task, index().weightyOf('latent'));

	test('nodes by distance, the unreachable one farther than all, with who they are', () => {
		assert.deepEqual(
			view(0).nodes.map(({ label, distance, group, asked, option, answer }) => [label, distance, group, asked, option, answer]),
			[
				['Davis', 0, 'earlier', true, undefined, undefined],
				['impus', 1, 'path', undefined, undefined, undefined],
				['yimpus', 2, 'later', undefined, undefined, undefined],
				['sterpus', 2, 'later', undefined, undefined, undefined],
				['felpus', 3, 'later', undefined, undefined, undefined],
				['jelpus', 3, 'later', undefined, true, true],
				['bompus', 4, 'unreachable', undefined, undefined, undefined],
				['gerpus', 4, 'unreachable', undefined, true, undefined],
			],
		);
	});

	test('edges are the prompt’s facts, the controls stand in words', () => {
		const { nodes, edges, live, control } = view(0);
		assert.deepEqual(
			edges.map(([from, to]) => `${nodes[from]!.label} ${nodes[to]!.label}`).sort(),
			['Davis impus', 'bompus gerpus', 'impus sterpus', 'impus yimpus', 'sterpus jelpus', 'yimpus felpus'],
		);
		assert.deepEqual([live, control], [0.9, 'other questions 0.12 [0.07, 0.17], n = 150, p = 0.032 · twin 0.40 · random weights 0.02']);
		assert.equal(view(1).control, 'no control was measured');
	});

	test('all thoughts have the same nodes; what holds nothing in any of them is one node, and no mass is lost', () => {
		const labels = (thought: number) => view(thought).nodes.map(({ label }) => label);
		assert.deepEqual(labels(0), labels(1));
		const quiet = graphView(index().reading('latent', 0)!, task, new Set());
		assert.deepEqual(quiet.nodes.at(-1), { label: '1 other', group: 'unreachable', distance: 4, mass: 0.003, rank: 7 });
		const mass = (nodes: { mass: number }[]) => nodes.reduce((sum, one) => sum + one.mass, 0);
		assert.ok(Math.abs(mass(quiet.nodes) - mass(view(0).nodes)) < 1e-9);
	});

	test('a list without a structure keeps its order, and of a long one those that hold the most', () => {
		const candidates = Array.from({ length: 30 }, (_, i) => ({ label: `c${i}`, group: 'candidate' as const, mass: i / 1000, rank: 30 - i }));
		const reading = { arm: 'latent', thought: 0, candidates, live: 0.4 };
		const { nodes, edges } = graphView(reading, undefined, new Set());
		assert.deepEqual([nodes.length, edges.length, nodes[0]!.label, nodes[19]!.label, nodes[20]!.label], [21, 0, 'c10', 'c29', '10 others']);
		assert.ok(Math.abs(nodes[20]!.mass - 0.045) < 1e-9);
		assert.ok(nodes.every(({ distance, group }) => distance === 0 && group === 'candidate'));
		assert.equal(graphView(reading, task, new Set()).edges.length, 0);
	});
});

describe('patches', () => {
	test('one heatmap for each thing that was put in, all on one symmetric scale with round ends', () => {
		assert.deepEqual(patchViews(index(), 'latent'), [
			{ name: 'patch:zero', kind: 'patch', domain: [-5, 5], label: 'zero' },
			{ name: 'patch:resample', kind: 'patch', domain: [-5, 5], label: 'another prompt’s' },
		]);
		assert.deepEqual(patchViews(index(), 'cot'), []);
	});

	test('names lead to planes', () => {
		assert.deepEqual([patchForm('patch:mean'), patchForm('within-k-hops:patch'), patchForm('patch')], ['mean', undefined, undefined]);
		assert.deepEqual([patchPlane('mean'), patchPlane('')], ['causal.patch-mean.effect', 'causal.patch.effect']);
	});

	test('the control’s values by row and site', () => {
		const control = patchControl(index(), 'latent', 'zero', { start: 0, end: 2 }, 3)!;
		assert.deepEqual([...control].map((value) => Math.round(value * 10) / 10), [NaN, 0.1, NaN, NaN, NaN, 0.2]);
		assert.equal(patchControl(index(), 'latent', 'mean', { start: 0, end: 2 }, 3), undefined);
	});

	test('scales end at 1, 2 or 5 times a power of ten', () => {
		assert.deepEqual([0, NaN, Infinity, 0.003, 0.2, 1, 1.2, 3.4, 5, 7, 21.2].map(roundUp), [1, 1, 1, 0.005, 0.2, 1, 2, 5, 5, 10, 50]);
	});
});

describe('a file from elsewhere', () => {
	test('with a hundred thousand changes of one thought, each of another form, is told in part and at once', () => {
		const tests = Array.from({ length: 100_000 }, (_, i) => [
			change({ test: 'patch', form: `${i}`, step: 0, site: 0 }),
			change({ test: `other ${i}`, step: 0, answer: 'x'.repeat(1_000), control: { answer: 'y'.repeat(1_000), changed: true, deltaLogOdds: null, kl: null } }),
		]).flat();
		const begun = performance.now();
		const hostile = new EvidenceIndex({ ...evidenceSample(), tests });
		assert.equal(patchViews(hostile, 'latent').length, 16);
		const shown = testViews(hostile, { latent: 'latent', thought: 0, sentence: 0 });
		assert.equal(shown.length, 200);
		assert.ok(shown.every(({ answer, control }) => answer.length < 400 && control!.answer.length < 400));
		assert.ok(performance.now() - begun < 5_000);
	});

	test('evidence of arms, thoughts and sentences that are not there is never shown', () => {
		const tests = [change({ test: 'resample', step: 99 }), change({ test: 'drop-span', step: 7, arm: 'cot' }), change({ test: 'patch', step: 99, site: 0 })];
		const hostile = new EvidenceIndex({ ...evidenceSample(), tests });
		assert.deepEqual(testViews(hostile, { latent: 'latent', thought: 0, written: 'cot', sentence: 0 }), []);
		assert.equal(patchControl(hostile, 'latent', '', { start: 0, end: 2 }, 3), undefined);
		assert.deepEqual(meterViews(evidenceSample(), 'nosuch'), []);
	});
});

describe('legibility', () => {
	test('figures with units, those that were not measured left out', () => {
		const [record] = evidenceSample().legibility;
		assert.deepEqual(
			legibilityView(record!).figures.map(({ label, value }) => `${label}: ${value}`),
			[
				'surprisal under judge: 1.32 bits a token',
				'KL to base: 0.21 nats a token',
				'repeated 3-grams: 25 %',
				'rare words: 0 % of 9',
				'steps that are facts: 3 of 3',
			],
		);
		assert.deepEqual(legibilityView({ arm: 'cot', tokens: 1 }).figures, []);
	});
});
