/** Views of thoughts by themselves: codes, gate, readout, noise, how thinking ended, and the whole axis. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ending, endingInShort, halted } from '../../../src/analysis/halt';
import { idleReason } from '../../../src/analysis/idle';
import { TraceView } from '../../../src/analysis/view';
import { OVERVIEW_MARKS, type Lane } from '../../../src/shared/panel';
import type { TraceDocument } from '../../../src/trace/document';
import { LiveTrace } from '../../../src/trace/live';
import type { PlaneData, PlaneName } from '../../../src/trace/planes';
import { sampleDocument, sampleTensors } from '../trace/sample';
import { change, estimate, evidenceSample } from './evidenceSample';

const RULE = { rule: 'entropy', below: 0.01, for: 3 };
const LATENT = [{ kind: 'prompt' }, { kind: 'latent', count: 4, through: 'thought', noise: { shape: [2], scale: 0.5 }, stop: [RULE] }];
/** Nearest, second and third code of two parts, thought by thought; a part with two classes has no third. */
const ROOM = [0, 1, 2, 1, 0, 2, 2, 1, 0, 1, 2, 0];
const HEADING = [0, 1, -1, 1, 0, -1, 1, 0, -1, 0, 1, -1];

/** The sample's latent arm as one that thinks in two narrow parts, with a gate and a trained readout. */
function narrow(change: (document: TraceDocument) => void = () => {}): TraceView {
	const document = sampleDocument();
	document.model.codes = [
		{ name: 'room', from: 0, to: 1, classes: ['kitchen', 'hall\u202e', 'attic'], state: 'discrete' },
		{ name: 'heading', from: 1, to: 2, classes: ['N', 'S'], state: 'continuous' },
	];
	document.model.recipe = { arms: { latent: LATENT, direct: [{ kind: 'prompt' }], cot: [{ kind: 'decode', role: 'thought', stop: ['<a>'] }] } };
	const arm = document.arms[1]!;
	document.arms[1] = {
		...arm,
		latentWidth: 2,
		stopped: { rule: 'entropy', at: 4 },
		thoughts: arm.thoughts.map((thought) => ({ ...thought, gate: thought.index / 4, readout: `step ${thought.index}` })),
	};
	change(document);
	const trace = new LiveTrace(document);
	for (const { name, shape, chunks } of sampleTensors(document)) {
		const [of, plane] = name.split(/\/(.*)/s) as [string, PlaneName];
		trace.addRows(of, plane, { start: 0, end: shape[0]! }, (chunks as PlaneData[])[0]!);
	}
	const all = { start: 0, end: 4 };
	const distances = (ids: number[]) => Float32Array.from(ids, (id, i) => (id < 0 ? NaN : 0.5 + (i % 3)));
	trace.addRows('latent', 'code.room.id', all, Int32Array.from(ROOM));
	trace.addRows('latent', 'code.room.distance', all, distances(ROOM));
	trace.addRows('latent', 'code.heading.id', all, Int32Array.from(HEADING));
	trace.addRows('latent', 'code.heading.distance', all, distances(HEADING));
	trace.addRows('latent', 'latent.topk_id', all, Int32Array.from({ length: 8 }, (_, i) => 4 + i));
	trace.addRows('latent', 'latent.topk_logit', all, Float32Array.from({ length: 8 }, (_, i) => Math.log(i % 2 ? 0.2 : 0.6)));
	trace.addRows('latent', 'latent.lse', all, new Float32Array(4));
	trace.addRows('latent', 'latent.entropy', all, Float32Array.of(1, 2, 3, 4));
	return new TraceView(trace);
}

const lane = (lanes: readonly Lane[], label: string) => lanes.find((one) => one.label === label)!;

describe('rows', () => {
	test('have the nearest and the second nearest code of each part, gate and readout', async () => {
		const [first, second] = await narrow().rows({ start: 0, end: 2 }, 2);
		assert.deepEqual(first!.thought!.codes, [
			{ part: 'room', state: 'discrete', nearest: [{ text: 'kitchen', distance: 0.5 }, { text: 'hall⟨U+202E⟩', distance: 1.5 }] },
			{ part: 'heading', state: 'continuous', nearest: [{ text: 'N', distance: 0.5 }, { text: 'S', distance: 1.5 }] },
		]);
		assert.deepEqual([second!.thought!.gate, second!.thought!.readout], [0.25, 'step 1']);
	});

	test('the header says which columns have something to show', () => {
		assert.deepEqual(narrow().run(0).columns, {
			sentences: true,
			thoughts: true,
			codes: [
				{ part: 'room', state: 'discrete' },
				{ part: 'heading', state: 'continuous' },
			],
			gate: true,
			readout: true,
		});
		const alone = narrow((document) => document.arms.shift());
		assert.equal(alone.run(0).columns.sentences, false);
		assert.equal(alone.run(0, { arms: ['latent', 'cot'] }).columns.sentences, true, 'an arm that will write has its column from the start');
		assert.equal(alone.run(0, { arms: ['latent', 'direct'] }).columns.sentences, false);
	});

	test('latents that are narrower than the codes’ parts are another arm’s, and have none', () => {
		assert.deepEqual(narrow((document) => (document.arms[1]!.latentWidth = 1)).run(0).columns.codes, []);
	});

	test('a run in progress has codes as far as it has come', async () => {
		const document = narrow().source.document;
		const trace = new LiveTrace(document);
		trace.addRows('latent', 'code.room.id', { start: 0, end: 1 }, Int32Array.from(ROOM.slice(0, 3)));
		trace.addRows('latent', 'code.heading.id', { start: 0, end: 1 }, Int32Array.from(HEADING.slice(0, 3)));
		const rows = await new TraceView(trace).rows({ start: 0, end: 4 }, 2);
		assert.deepEqual(rows.map(({ thought }) => thought!.codes?.map(({ nearest }) => nearest[0]!.text)), [['kitchen', 'N'], undefined, undefined, undefined]);
		const { lanes } = await new TraceView(trace).overview(4, 2);
		const room = lane(lanes, 'room') as Extract<Lane, { kind: 'codes' }>;
		assert.deepEqual([...room.share], [1, 0, 0, ...Array<number>(9).fill(0)]);
	});
});

describe('details', () => {
	test('every code with its columns, how the thought was made, and what it was fed as', async () => {
		const { codes, made } = await narrow().details(1);
		assert.deepEqual(codes.map(({ part, from, to, nearest }) => [part, from, to, nearest.map(({ text }) => text)]), [
			['room', 0, 1, ['hall⟨U+202E⟩', 'kitchen', 'attic']],
			['heading', 1, 2, ['S', 'N']],
		]);
		assert.deepEqual([made!.through, made!.from, made!.width, made!.modelWidth, made!.gate, made!.readout], [true, 'state after the final norm', 2, 4, 0.25, 'step 1']);
		assert.deepEqual(made!.noise, { scale: 0.5, own: true, seed: 0 });
		assert.deepEqual([made!.fed!.top.map(({ text, prob }) => `${text} ${prob.toFixed(1)}`), made!.fed!.entropy], [['sterpus 0.6', 'felpus 0.2'], 2]);
	});

	test('the noise of the run takes the recipe’s place; a recipe without noise has none', async () => {
		const louder = narrow((document) => (document.options = { ...document.options, noise: 2, seed: 7 }));
		assert.deepEqual((await louder.details(0)).made!.noise, { scale: 2, own: false, seed: 7 });
		assert.equal((await narrow((document) => (document.model.recipe = {})).details(0)).made!.noise, undefined);
		assert.equal((await narrow().details(99)).made, undefined);
	});
});

describe('how thinking ended', () => {
	const arm = (stopped: Parameters<typeof halted>[0]['stopped'], thoughts = 4) => ({ ...sampleDocument().arms[1]!, thoughts: sampleDocument().arms[1]!.thoughts.slice(0, thoughts), stopped });
	const recipe = { arms: { latent: LATENT } };

	test('by a rule, with its bound; at the limit; or as the recipe counts', () => {
		assert.equal(endingInShort(arm({ rule: 'entropy', at: 4 })), '4 latents, stopped by entropy');
		assert.match(ending(arm({ rule: 'entropy', at: 4 }), recipe)!, /stopped after 4 thoughts, because the entropy of the next token is below 0.01 nats 3 times in a row\.$/);
		assert.match(ending(arm({ rule: 'gate', at: 1 }), recipe)!, /after 1 thought, because the rule gate holds\.$/, 'a record without the rule still names it');
		assert.equal(endingInShort(arm({ rule: 'limit', at: 4 })), '4 latents, stopped by their limit');
		assert.match(ending(arm({ rule: 'limit', at: 4 }), recipe)!, /at the recipe’s limit, because none of its rules held/);
		assert.equal(endingInShort(arm(undefined)), '4 latents');
		assert.match(ending(arm(undefined), { arms: { latent: [{ kind: 'latent' }] } })!, /^It thought 4 thoughts, as many as it was to/);
	});

	test('before the first thought, while it runs, and where there is nothing to end', () => {
		assert.match(ending(arm({ rule: 'token', at: 0 }, 0), recipe)!, /before its first thought/);
		assert.equal(ending({ ...arm(undefined), state: 'running' }, recipe), undefined);
		assert.match(ending({ ...arm(undefined), state: 'cancelled' }, recipe)!, /cut off after 4 thoughts/);
		assert.equal(ending(arm(undefined, 0), recipe), undefined);
	});

	test('the last thought before a stop is marked, and those of a later segment', () => {
		const places = (at: number) => [0, 1, 2, 3].map((index) => halted({ name: 'latent', stopped: { rule: 'entropy', at } }, index, recipe)?.place);
		assert.deepEqual(places(4), [undefined, undefined, undefined, 'here']);
		assert.deepEqual(places(2), [undefined, 'here', 'before', 'before']);
		assert.equal(halted({ name: 'latent' }, 3, recipe), undefined);
	});

	test('the header’s line and the arm’s own sentence have it', () => {
		const run = narrow().run(0);
		assert.match(run.subtitle, /· 4 latents, stopped by entropy ·/);
		assert.match(run.arms[0]!.ending!, /below 0.01 nats/);
	});
});

describe('idle thoughts', () => {
	const control = (draws = estimate(0, 0)) => ({ answer: 'jelpus', changed: false, deltaLogOdds: 0, kl: 0, draws });
	const resampled = (draws: ReturnType<typeof estimate> | undefined, over = control()) => [change({ test: 'resample', step: 0, draws, control: over })];

	test('are those whose whole interval lies within the control’s, or is negligible', () => {
		assert.match(idleReason(resampled(estimate(0.002, 0.005)))!, /150 other prompts.*Δ log-odds 0.00 \[0.00, \+0.01\] nats, on the control 0.00/);
		assert.match(idleReason(resampled(estimate(-0.1, 0.05), control(estimate(0, 0.2))))!, /leave the answer/, 'the control varies as much, without moving');
	});

	test('nothing is said of one that moves the answer, was hardly tested, or has no control that stays', () => {
		assert.equal(idleReason(resampled(estimate(-0.2, 0.05))), undefined);
		assert.equal(idleReason([{ ...resampled(estimate(0, 0.001))[0]!, changed: true }]), undefined);
		assert.equal(idleReason(resampled(estimate(0, 0.001, 19))), undefined);
		assert.equal(idleReason(resampled(estimate(0, 0.001), control(estimate(-5, 1)))), undefined);
		assert.equal(idleReason([change({ test: 'resample', step: 0, draws: estimate(0, 0.001) })]), undefined, 'no control');
		assert.equal(idleReason([{ ...resampled(estimate(0, 0.001))[0]!, later: 'frozen' }]), undefined, 'later thoughts may still hold it');
	});
});

describe('overview', () => {
	test('shares of codes, entropies at the layer, gates and marks, bin by bin', async () => {
		const { rows, bins, lanes, marks } = await narrow().overview(2, 1);
		assert.deepEqual([rows, bins, lanes.map(({ label }) => label)], [4, 2, ['room', 'heading', 'entropy', 'gate']]);
		const room = lane(lanes, 'room') as Extract<Lane, { kind: 'codes' }>;
		assert.deepEqual([...room.share], [0.5, 0.5, 0, 0, 0.5, 0.5]);
		const [entropy, gate] = ['entropy', 'gate'].map((label) => lane(lanes, label) as Extract<Lane, { kind: 'curve' }>);
		assert.deepEqual([[...entropy!.least], [...gate!.least], [...gate!.most]], [[1, 1], [0, 0.5], [0.25, 0.75]]);
		assert.deepEqual([...marks], [0, OVERVIEW_MARKS.spare | OVERVIEW_MARKS.halted]);
	});

	test('never more bins than rows; a heatmap’s scores at the layer where one is asked for', async () => {
		const { bins, lanes } = await narrow().overview(500, 2, 'first-option');
		const scores = lane(lanes, 'heatmap') as Extract<Lane, { kind: 'scores' }>;
		assert.deepEqual([bins, [...scores.mean].map((value) => value.toFixed(3))], [4, ['0.102', '0.112', '0.122', '0.132']]);
		assert.ok((lane((await narrow().overview(4, 2, 'unknown')).lanes, 'heatmap') as typeof scores).mean.every(Number.isNaN));
	});

	test('idle thoughts are marked where the evidence says so', async () => {
		const idle = change({ test: 'resample', step: 1, draws: estimate(0, 0), control: { answer: '', changed: false, deltaLogOdds: 0, kl: 0, draws: estimate(0, 0) } });
		const view = narrow((document) => (document.evidence = { ...evidenceSample(), tests: [idle] }));
		assert.deepEqual([...(await view.overview(4, 2)).marks].map((one) => (one & OVERVIEW_MARKS.idle) > 0), [false, true, false, false]);
		assert.match((await view.rows({ start: 1, end: 2 }, 2))[0]!.thought!.idle!, /leave the answer/);
	});

	test('without thoughts: how surprising the sentences are, or how long', async () => {
		const written = (source: LiveTrace) => new TraceView(source).overview(4, 2);
		const document = { ...sampleDocument(), arms: [sampleDocument().arms[0]!] };
		const source = new LiveTrace(document);
		const [length] = (await written(source)).lanes;
		assert.deepEqual([length!.label, [...(length as Extract<Lane, { kind: 'curve' }>).most]], ['length', [1, 1, 1, 1]]);
		const { steps } = document.arms[0]!;
		source.addRows('cot', 'tokens.logprob', { start: 0, end: steps.length }, new Float32Array(steps.length).fill(Math.log(0.25)));
		const [surprisal] = (await written(source)).lanes;
		assert.equal(surprisal!.label, 'surprisal');
		assert.ok([...(surprisal as Extract<Lane, { kind: 'curve' }>).most].every((bits) => Math.abs(bits - 2) < 1e-6));
	});

	test('10 000 rows come in as many bins as there are pixels, read in parts, and can be called off', async () => {
		const document = sampleDocument();
		const arm = document.arms[1]!;
		const count = 10_000;
		const steps = Array.from({ length: count + 1 }, (_, thought) => ({ kind: 'latent' as const, id: -1, thought }));
		document.arms = [{ ...arm, steps, thoughts: Array.from({ length: count }, (_, index) => ({ index, producedAt: index, fedAt: index + 1 })) }];
		const source = new LiveTrace(document);
		source.addRows('latent', 'lens.entropy', { start: 0, end: count }, Float32Array.from({ length: count * 3 }, (_, i) => Math.floor(i / 3)));
		const asked: number[] = [];
		const read = source.read.bind(source);
		source.read = (name, plane, rows) => (asked.push(rows.end - rows.start), read(name, plane, rows));
		const view = new TraceView(source);
		const { bins, lanes } = await view.overview(400, 2);
		const entropy = lane(lanes, 'entropy') as Extract<Lane, { kind: 'curve' }>;
		assert.deepEqual([bins, entropy.least[0], entropy.most[0], entropy.most[399]], [400, 0, 24, 9999]);
		assert.ok(Math.max(...asked) <= 1024, `${Math.max(...asked)} rows at once`);
		await assert.rejects(view.overview(400, 2, undefined, AbortSignal.abort()), /abort/i);
	});
});
