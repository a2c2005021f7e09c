import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { TraceView } from '../../../src/analysis/view';
import type { TraceDocument } from '../../../src/trace/document';
import { openFile } from '../../../src/trace/bytes.node';
import { LiveTrace } from '../../../src/trace/live';
import type { PlaneData, PlaneName } from '../../../src/trace/planes';
import { openTrace } from '../../../src/trace/reader';
import { writeTrace } from '../../../src/trace/writer.node';
import { PROMPT, sampleDocument, sampleTensors } from '../trace/sample';
import { evidenceSample } from './evidenceSample';

function live(document: TraceDocument = sampleDocument(), upTo = Infinity): LiveTrace {
	const trace = new LiveTrace(document);
	for (const { name, shape, chunks } of sampleTensors(document)) {
		const [arm, plane] = name.split(/\/(.*)/s) as [string, PlaneName];
		const rows = Math.min(shape[0]!, upTo);
		const [data] = chunks as PlaneData[];
		trace.addRows(arm, plane, { start: 0, end: rows }, data!.slice(0, (data!.length / shape[0]!) * rows));
	}
	return trace;
}

const view = (document?: TraceDocument) => new TraceView(live(document));
const all = { start: 0, end: 100 };
const first = sampleDocument().arms[1]!.thoughts[0]!.producedAt;

describe('header', () => {
	test('title, extents, arms and agreement', () => {
		const run = view().run(7, { arms: ['other', 'direct', 'cot'], notes: ['First.'] });
		assert.equal(run.revision, 7);
		assert.equal(run.title, 'Is Davis a jelpus or gerpus?');
		assert.equal(run.subtitle, 'davis.prompt.md · sample, 2 layers × 4 · 4 latents · seed 0 · 60 ms');
		assert.deepEqual([run.rows, run.layers, run.agree], [4, 2, false]);
		assert.deepEqual(
			run.arms.map(({ label, state, answer, agrees, comparedWith }) => [label, state, answer, agrees, comparedWith]),
			[
				['latent', 'done', 'jelpus', undefined, undefined],
				['chain of thought', 'done', 'gerpus', false, 'latent'],
				['direct', 'done', 'jelpus', true, 'latent'],
				['other', 'waiting', undefined, undefined, undefined],
			],
		);
		assert.deepEqual(run.notes, ['First.', 'A note.']);
	});

	test("the answer's class probe comes first, then the other option's; metrics are means of the last layer", () => {
		const { probes } = view().run(0);
		assert.deepEqual(
			probes.map((probe) => probe.name),
			['within-k-hops:jelpus', 'within-k-hops:gerpus', 'first-option'],
		);
		assert.equal(probes[0]!.metrics, undefined);
		assert.ok(Math.abs(probes[2]!.metrics!.auroc - 0.95) < 1e-9 && Math.abs(probes[2]!.metrics!.shuffled - 0.51) < 1e-9);
	});

	test('arms are compared with the first that answered where the latent one gave no answer', () => {
		const document = sampleDocument();
		document.arms[1] = { ...document.arms[1]!, answer: undefined };
		const { arms } = view(document).run(0);
		assert.deepEqual(
			arms.map(({ name, agrees, comparedWith }) => [name, agrees, comparedWith]),
			[
				['latent', undefined, undefined],
				['cot', undefined, undefined],
				['direct', false, 'chain of thought'],
			],
		);
	});

	test('the figures of every cell, once for all classes of a probe', () => {
		const { probes, fits } = view().run(0);
		assert.deepEqual(
			fits.map((cells) => cells.length),
			[3, 0],
		);
		assert.deepEqual(
			probes.map((probe) => probe.fit),
			[1, 1, 0],
		);
		assert.deepEqual(fits[0]![1], { step: 0, layer: 2, auroc: 0.9, ci: [0.8, 0.95], shuffled: 0.5, random: 0.52 });
	});

	test('without a task the last line is the title', () => {
		const document = sampleDocument();
		document.prompt = { ...document.prompt, text: 'Some facts.\nWhat is 2 + 2?\u202E\n', pieces: [] };
		assert.equal(view(document).run(0).title, 'What is 2 + 2?⟨U+202E⟩');
	});

	test('an empty trace has a header too', () => {
		const document = { ...sampleDocument(), arms: [], probes: [] };
		const run = new TraceView(new LiveTrace({ ...document, prompt: { ...document.prompt, text: '' } })).run(0, {
			arms: ['latent'],
		});
		assert.deepEqual([run.title, run.rows, run.agree, run.arms[0]!.state], ['', 0, undefined, 'waiting']);
	});
});

describe('rows', () => {
	test('sentence k stands beside thought k', async () => {
		const rows = await view().rows(all, 2);
		assert.deepEqual(
			rows.map(({ index, sentence, thought }) => [
				index,
				sentence?.tokens.map((token) => token.text).join(''),
				sentence?.role,
				sentence?.verdict,
				thought?.top.map((top) => top.text).join(' '),
			]),
			[
				[0, ' is a impus.', 'thought', 'on a path', 'impus yimpus sterpus'],
				[1, ' is a yimpus.', 'thought', 'dead end', 'yimpus sterpus felpus'],
				[2, ' is a felpus.', 'thought', 'after the dead end', 'jelpus felpus gerpus'],
				[3, ' is a gerpus.', 'answer', undefined, 'gerpus jelpus impus'],
			],
		);
	});

	test('live words are in the frontier of their hop', async () => {
		const rows = await view().rows(all, 2);
		assert.deepEqual(
			rows.map(({ thought }) => thought!.top.map((top) => top.live)),
			[
				[true, false, false],
				[true, true, false],
				[true, true, false],
				[false, false, false],
			],
		);
	});

	test('probabilities, entropy, strip, spare', async () => {
		const [row, , , last] = await view().rows(all, 2);
		assert.deepEqual(
			row!.thought!.top.map((top) => top.prob.toFixed(3)),
			['0.500', '0.250', '0.125'],
		);
		assert.equal(row!.thought!.entropy, 2);
		assert.deepEqual(row!.thought!.strip, ['<latent>', '<latent>', 'impus']);
		assert.deepEqual([row!.thought!.spare, last!.thought!.spare], [undefined, 'drifts']);
		assert.ok(row!.sentence!.tokens.every((token) => token.prob! > 0 && token.prob! <= 1));
	});

	test('another layer, a window, and what lies outside', async () => {
		const subject = view();
		assert.deepEqual(
			(await subject.rows(all, 0))[0]!.thought!.top.map((top) => top.text),
			['<latent>', '<cot>', '<a>'],
		);
		assert.equal((await subject.rows(all, 0))[0]!.thought!.entropy, 0);
		assert.deepEqual(await subject.rows({ start: 1, end: 3 }, 2), (await subject.rows(all, 2)).slice(1, 3));
		assert.deepEqual(await subject.rows({ start: 1, end: 3 }, 99), await subject.rows({ start: 1, end: 3 }, 2));
		for (const range of [
			{ start: 9, end: 20 },
			{ start: -3, end: 0 },
			{ start: 3, end: 1 },
		]) {
			assert.deepEqual(await subject.rows(range, 2), []);
		}
	});

	test('an invented fact is named; a step may name its subject', async () => {
		const document = sampleDocument();
		const token = document.tokens.find(({ text }) => text === ' is a yimpus.')!;
		token.text = ' Every impus is a bompus.';
		const [, row] = await view(document).rows(all, 2);
		assert.equal(row!.sentence!.verdict, 'no such fact');
		token.text = ' Every impus is a sterpus.';
		assert.equal((await view(document).rows(all, 2))[1]!.sentence!.verdict, 'on a path');
		token.text = ' Hm.';
		assert.deepEqual(
			(await view(document).rows(all, 2)).map((each) => each.sentence!.verdict),
			['on a path', undefined, undefined, undefined],
		);
	});

	test('without a task: texts as they are, white space visible, nothing judged', async () => {
		const document = sampleDocument();
		document.prompt = { ...document.prompt, text: `${PROMPT.slice(0, -1)}!` };
		const [row] = await view(document).rows(all, 2);
		assert.deepEqual(
			row!.thought!.top.map(({ text, live: alive }) => [text, alive]),
			[
				['·is a impus.', undefined],
				['·is a yimpus.', undefined],
				['·is a sterpus.', undefined],
			],
		);
		assert.equal(row!.sentence!.verdict, undefined);
	});

	test('a run in progress shows what has come', async () => {
		const rows = await new TraceView(live(sampleDocument(), first + 1)).rows(all, 2);
		assert.deepEqual(
			rows.map(({ thought }) => thought!.top.length),
			[3, 0, 0, 0],
		);
		assert.deepEqual(rows[1]!.thought!.strip, []);
		const bare = await new TraceView(new LiveTrace(sampleDocument())).rows(all, 2);
		assert.deepEqual(
			bare.map(({ sentence, thought }) => [sentence!.tokens[0]!.prob, thought!.top.length]),
			Array(4).fill([undefined, 0]),
		);
	});

	test('arms of other names: the first with thoughts, the first that wrote', async () => {
		const document = sampleDocument();
		document.arms[0]!.name = 'written';
		document.arms[1]!.name = 'silent';
		const rows = await view(document).rows(all, 2);
		assert.equal(rows[0]!.sentence!.tokens[0]!.text, ' is a impus.');
		assert.equal(rows[0]!.thought!.top[0]!.text, 'impus');
	});

	test('a view follows the document of a run in progress', async () => {
		const source = live({ ...sampleDocument(), arms: [] });
		const subject = new TraceView(source);
		assert.equal(subject.run(0).rows, 0);
		for (const arm of sampleDocument().arms) {
			source.setArm(arm, []);
		}
		assert.equal(subject.run(1).rows, 4);
	});
});

describe('tiles', () => {
	test('scores where thoughts were produced', async () => {
		const tile = await view().tile('within-k-hops:jelpus', { start: 1, end: 99 });
		assert.deepEqual(tile.rows, { start: 1, end: 4 });
		assert.deepEqual(
			[...tile.values].map((value) => value.toFixed(3)),
			['0.310', '0.311', '0.312', '0.320', '0.321', '0.322', '0.330', '0.331', '0.332'],
		);
	});

	test('a probe on tokens has its scores where the sentences of its arm end', async () => {
		const document = sampleDocument();
		document.probes.push({ name: 'written', label: 'x', arm: 'cot', at: 'tokens', sha256: '4'.repeat(64), metrics: [] });
		const source = live(document);
		const { steps } = document.arms[0]!;
		const data = Float32Array.from({ length: steps.length * 3 }, (_, i) => i);
		source.addRows('cot', 'probe.written.score', { start: 0, end: steps.length }, data);
		const ends = steps.flatMap(({ kind, forced, id }, i) => (kind !== 'prompt' && !forced && !document.tokens[id]!.text.startsWith('<') ? [i] : []));
		assert.equal(ends.length, 4);
		const subject = new TraceView(source);
		const tile = await subject.tile('written', all);
		assert.deepEqual([...tile.values], ends.flatMap((position) => [0, 1, 2].map((site) => position * 3 + site)));
		const { probes } = await subject.details(1);
		assert.deepEqual(probes.find(({ name }) => name === 'written')?.scores, [0, 1, 2].map((site) => ends[1]! * 3 + site));
	});

	test('not measured is NaN', async () => {
		assert.ok([...(await view().tile('unknown', all)).values].every(Number.isNaN));
		const document = sampleDocument();
		document.probes[0]!.arm = 'cot';
		assert.ok([...(await view(document).tile('first-option', all)).values].every(Number.isNaN));
		assert.equal((await view().tile('first-option', { start: 50, end: 60 })).values.length, 0);
	});
});

describe('details', () => {
	test('every site last first, neighbours, norm, probes, tokens', async () => {
		const details = await view().details(1);
		assert.deepEqual(
			details.layers.map(({ layer, entropy, klFinal, top }) => [layer, entropy, klFinal, top[0]!.text]),
			[
				[2, 2, 0, 'yimpus'],
				[1, 1, 1, '<latent>'],
				[0, 0, 2, '<latent>'],
			],
		);
		assert.deepEqual(details.neighbours, [
			{ text: 'sterpus', cosine: 0.75 },
			{ text: 'felpus', cosine: 0.25 },
		]);
		assert.equal(details.norm, 5);
		assert.deepEqual(
			details.probes.map(({ name, scores }) => [name, scores.length, scores[0]!.toFixed(2)]),
			[
				['first-option', 3, '0.11'],
				['within-k-hops:gerpus', 3, '0.21'],
				['within-k-hops:jelpus', 3, '0.31'],
			],
		);
		const [token] = details.tokens;
		assert.equal(token!.text, ' is a yimpus.');
		assert.ok(Math.abs(2 ** -token!.surprisalBits! - token!.prob!) < 1e-6);
	});

	test('a row without a thought, and none at all', async () => {
		const document = sampleDocument();
		document.arms = [document.arms[0]!];
		const details = await view(document).details(0);
		assert.deepEqual(
			[details.layers, details.neighbours, details.norm, details.probes, details.tokens.length],
			[[], [], undefined, [], 1],
		);
		assert.deepEqual((await view().details(99)).tokens, []);
	});
});

describe('hover', () => {
	test('the token under the offset, what each site would say next, probability', async () => {
		const offset = PROMPT.indexOf('Davis');
		const token = (await view().tokenAt(offset))!;
		assert.equal(PROMPT.slice(token.span.start, token.span.end), ' Davis');
		assert.equal(token.text, '·Davis');
		assert.deepEqual(
			token.layers.map(({ layer, text, prob }) => [layer, text, prob.toFixed(6)]),
			[0, 1, 2].map((layer) => [layer, '<latent>', '0.500000']),
		);
		assert.ok(Math.abs(2 ** -token.surprisalBits! - token.prob!) < 1e-6);
		assert.deepEqual(token.probes, []);
	});

	test('a token that names an entity has the scores of its class at the thoughts, last site', async () => {
		const token = (await view().tokenAt(PROMPT.lastIndexOf('jelpus')))!;
		assert.deepEqual(
			token.probes.map(({ name, label, scores }) => [name, label, scores.map((score) => score.toFixed(3))]),
			[['within-k-hops:jelpus', 'jelpus is within k hops', ['0.302', '0.312', '0.322', '0.332']]],
		);
	});

	test('the first token has no probability; nothing outside, nothing before the readout', async () => {
		assert.equal((await view().tokenAt(0))!.prob, undefined);
		assert.equal(await view().tokenAt(PROMPT.length), undefined);
		assert.equal(await new TraceView(new LiveTrace(sampleDocument())).tokenAt(0), undefined);
	});
});

describe('occurrences of a selection', () => {
	const found = async (selection: Parameters<TraceView['occurrences']>[0]) =>
		(await view().occurrences(selection)).map(({ start, end }) => PROMPT.slice(start, end));

	test('a row is the fact that its sentence states; a token that of its sentence', async () => {
		assert.deepEqual(await found({ row: 1 }), ['Every impus is a yimpus.']);
		assert.deepEqual(await found({ row: 3 }), ['gerpus', 'gerpus'], 'an answer is its candidate');
		assert.deepEqual(await found({ row: 0, step: first + 3 }), ['Every yimpus is a felpus.']);
	});

	test('a thought without a sentence is what it reads as; nothing selected is nothing', async () => {
		const document = sampleDocument();
		document.arms = [document.arms[1]!];
		const ranges = await view(document).occurrences({ row: 0, layer: 2 });
		assert.deepEqual(
			ranges.map(({ start, end }) => PROMPT.slice(start, end)),
			['impus', 'impus', 'impus'],
		);
		assert.deepEqual([await found({}), await found({ row: 99 }), await found({ step: 0 })], [[], [], []]);
	});
});

test('a file shows the same as the run that wrote it', async () => {
	const folder = await mkdtemp(join(tmpdir(), 'view-'));
	const path = join(folder, 'a.trace.safetensors');
	const document = sampleDocument();
	await writeTrace(path, document, sampleTensors(document));
	const file = new TraceView(await openTrace(await openFile(path)));
	const running = view();
	assert.deepEqual(JSON.parse(JSON.stringify(file.run(1))), JSON.parse(JSON.stringify(running.run(1))));
	for (const ask of [
		(v: TraceView) => v.rows(all, 1),
		(v: TraceView) => v.tile('first-option', all),
		(v: TraceView) => v.details(2),
		(v: TraceView) => v.tokenAt(30),
		(v: TraceView) => v.occurrences({ row: 2 }),
	]) {
		assert.deepEqual(await ask(file), await ask(running));
	}
	file.source.dispose();
	await rm(folder, { recursive: true });
});

describe('evidence', () => {
	function tested(): TraceView {
		const trace = live({ ...sampleDocument(), evidence: evidenceSample() });
		const thoughts = { start: 0, end: 4 };
		trace.addRows('latent', 'causal.patch-zero.effect', thoughts, Float32Array.from({ length: 12 }, (_, i) => (i === 3 ? NaN : -i)));
		trace.addRows('latent', 'ood.norm', thoughts, Float32Array.from({ length: 12 }, (_, i) => i));
		const { steps } = trace.document.arms[0]!;
		const bits = Float32Array.from(steps, (step) => (step.kind === 'token' && !step.forced ? 1.5 : NaN));
		trace.addRows('cot', 'legibility.surprisal', { start: 0, end: steps.length }, bits);
		return new TraceView(trace);
	}

	test('a header without evidence has no meter, one with evidence has its numbers, patches and what was skipped', () => {
		assert.deepEqual([view().run(0).meter, view().run(0).legibility], [undefined, undefined]);
		const run = tested().run(0);
		assert.deepEqual(
			[run.meter?.map(({ name }) => name), run.legibility?.figures.length, run.notes],
			[['distance', 'effect', 'capacity'], 5, ['A note.', 'Noise was not⟨U+202E⟩ added.']],
		);
		assert.deepEqual(
			run.probes.map(({ name }) => name),
			['within-k-hops:jelpus', 'within-k-hops:gerpus', 'first-option', 'patch:zero', 'patch:resample'],
		);
	});

	test('evidence about an arm that has no thoughts is evidence without numbers', () => {
		const document = { ...sampleDocument(), evidence: evidenceSample() };
		document.arms = document.arms.map((arm) => ({ ...arm, thoughts: [] }));
		assert.deepEqual(new TraceView(new LiveTrace(document)).run(0).meter, []);
	});

	test('thoughts have their levels, tokens how usual they are', async () => {
		const rows = await tested().rows(all, 2);
		assert.deepEqual(
			rows.map(({ thought, sentence }) => [thought?.level?.level, sentence?.tokens[0]?.referenceBits, sentence?.tokens[0]?.kl]),
			[
				[1, 1.5, undefined],
				[undefined, 1.5, undefined],
				[undefined, 1.5, undefined],
				[undefined, undefined, undefined],
			],
		);
	});

	test('a patch’s tile has a row for each thought, and the control’s values', async () => {
		const { rows, values, control } = await tested().tile('patch:zero', { start: 1, end: 3 });
		assert.deepEqual([rows, [...values]], [{ start: 1, end: 3 }, [NaN, -4, -5, -6, -7, -8]]);
		assert.deepEqual([...control!].map((value) => Number(value.toFixed(1))), [NaN, NaN, 0.2, NaN, NaN, NaN]);
		const missing = await tested().tile('patch:mean', { start: 0, end: 1 });
		assert.deepEqual([[...missing.values], missing.control], [[NaN, NaN, NaN], undefined]);
	});

	test('details hold the tests, the distances, the level and the graph of the selected step', async () => {
		const details = await tested().details(0);
		assert.deepEqual(
			[details.tests.length, details.level?.claim, details.graph?.nodes.length, details.ood.map(({ value, tokens, text }) => [value, tokens, text])],
			[11, 'reads as impus', 8, [[0, 1, 2]]],
		);
		const answer = await tested().details(3);
		assert.deepEqual([answer.level, answer.graph, answer.tests.map(({ of }) => of)], [undefined, undefined, ['all thoughts']]);
		const without = await view().details(0);
		assert.deepEqual([without.level, without.graph, without.tests, without.ood], [undefined, undefined, [], []]);
	});
});
