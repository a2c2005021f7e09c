/** Recipes of version 2: what they may say, what is refused, and what comes of narrow latents, noise, rules and thoughts that are no numbers. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { generator } from '../../../src/shared/random';
import type { TraceDocument } from '../../../src/trace/document';
import { openFile } from '../../../src/trace/bytes.node';
import { encodeHeader } from '../../../src/trace/container';
import { LiveTrace } from '../../../src/trace/live';
import { openTrace } from '../../../src/trace/reader';
import type { AnalyzeEvent, CausalRow } from '../../../src/engine/api';
import { recorded, type Clean } from '../../../src/engine/causal/clean';
import { runAll } from '../../../src/engine/causal/cleans';
import { CausalRun } from '../../../src/engine/causal/sweep';
import { EngineError } from '../../../src/engine/error';
import { TensorProtoSchema } from '../../../src/engine/instrument/onnx_pb';
import { node, parseModel, serialise } from '../../../src/engine/instrument/proto';
import { disposeAll, openGraphs } from '../../../src/engine/model/graphs';
import { parseManifest } from '../../../src/engine/model/manifest';
import { Runtime } from '../../../src/engine/runtime';
import { ThoughtGraph } from '../../../src/engine/thinking/graph';
import { compareThoughts } from '../../../src/engine/thinking/selftest';
import { Thinking } from '../../../src/engine/thinking/thinking';
import { MODEL, modelCopy, PROMPT, replaced, request, sha256, temporary, withEngine } from './harness';
import { nodes, oneNode, type Constant, type Value } from './onnx';
import { latentPlan, loaded, rerun } from './rerun';

const text = readFileSync(`${MODEL}/model.json`, 'utf8');
const WIDTH = 128;
const NARROW = 16;
const COUNT = 6;
const ARM = 'latent';

const vector = (name: string, width: number): Value => ({ name, dims: ['rows', width] });

/** The bundled model with its latent segment changed, and graphs added. */
function changed(segment: object, graphs: Record<string, Uint8Array> = {}, shape: object = {}): Promise<string> {
	return modelCopy(async (folder, manifest) => {
		const raw = manifest as unknown as { recipe: Raw; files: Record<string, unknown>; shape: object };
		raw.recipe = withSegment(raw.recipe, segment);
		raw.shape = { ...raw.shape, ...shape };
		for (const [key, bytes] of Object.entries(graphs)) {
			await writeFile(join(folder, `${key}.onnx`), bytes);
			raw.files[key] = { name: `${key}.onnx`, sha256: sha256(bytes), bytes: bytes.length };
		}
	});
}

interface Raw {
	arms: Record<string, { kind: string }[]>;
	version?: number;
}

function withSegment(recipe: Raw, segment: object): Raw {
	const latent = recipe.arms[ARM]!.map((one) => (one.kind === 'latent' ? { ...one, ...segment } : one));
	return { ...recipe, version: 2, arms: { ...recipe.arms, [ARM]: latent } };
}

const [{ question: MANY_PROMPT }] = JSON.parse(readFileSync('models/manylatents/reference.json', 'utf8')) as [{ question: string }];

/** A head whose logits have `added` [vocabulary] on them before anything is read out of them. */
function withAdded(bytes: Uint8Array, added: Float32Array): Uint8Array {
	const model = parseModel(bytes);
	const { node: list } = model.graph;
	const place = list.findIndex(({ output }) => output.includes('logits'));
	const { output } = list[place]!;
	output[output.indexOf('logits')] = 'logits/before';
	list.splice(place + 1, 0, node('Add', ['logits/before', 'logits/added'], ['logits']));
	model.graph.initializer.push(create(TensorProtoSchema, { name: 'logits/added', dims: [BigInt(added.length)], dataType: 1, rawData: new Uint8Array(added.buffer) }));
	return serialise(model);
}

/** The sentence that says what is wrong. */
function parsed(change: (manifest: { recipe: Raw }) => void): string {
	const manifest = JSON.parse(text) as { recipe: Raw };
	change(manifest);
	try {
		parseManifest(JSON.stringify(manifest));
	} catch (error) {
		assert.ok(error instanceof EngineError && error.code === 'bad-model');
		assert.match(error.message, /^[^\n]+\.$/);
		return error.message;
	}
	return '';
}

const segmentOf = (segment: object) =>
	parsed((manifest) => {
		manifest.recipe = withSegment(manifest.recipe, segment);
	});

function matrix(name: string, rows: number, columns: number): Constant {
	const uniform = generator(1, name);
	return { name, dims: [rows, columns], values: Float32Array.from({ length: rows * columns }, () => (uniform() - 0.5) / Math.sqrt(rows)) };
}

const UP = matrix('up', NARROW, WIDTH);
const DOWN = matrix('down', WIDTH, NARROW);

/** latent = normed · down + noise, embed = latent · up. */
const NARROW_GRAPHS = {
	thought: nodes(
		[
			{ operator: 'MatMul', inputs: ['hidden', 'down'], output: 'projected' },
			{ operator: 'Add', inputs: ['projected', 'noise'], output: 'latent' },
			{ operator: 'MatMul', inputs: ['latent', 'up'], output: 'embed' },
		],
		[vector('hidden', WIDTH), vector('noise', NARROW)],
		[vector('embed', WIDTH), vector('latent', NARROW)],
		[DOWN, UP],
	),
	embed: nodes([{ operator: 'MatMul', inputs: ['latent', 'up'], output: 'embed' }], [vector('latent', NARROW)], [vector('embed', WIDTH)], [UP]),
};
/** Two parts with three codes each; the last columns belong to none. */
const CODES = {
	first: { from: 0, to: 6, values: matrix('first', 3, 6).values },
	second: { from: 6, to: 14, values: matrix('second', 3, 8).values },
};

function codesFile(columns = CODES.second.to): Uint8Array {
	const entries = Object.entries(CODES);
	const parts = entries.map(([name, { from, to }]) => ({ name, from, to: name === 'second' ? columns : to, classes: ['a', 'b', 'c'] }));
	const metadata = { format: 'neuralese-codes', version: '1', parts: JSON.stringify(parts) };
	const header = encodeHeader(entries.map(([name, { from, to }]) => ({ name, shape: [3, to - from], dtype: 'F32' as const })), metadata);
	return Buffer.concat([header, ...entries.map(([, { values }]) => new Uint8Array(values.buffer))]);
}

/** The latent at its nearest codes, embedded. */
function atCodes(latent: Float32Array): Float32Array {
	const out = latent.slice();
	for (const { from, to, values } of Object.values(CODES)) {
		const width = to - from;
		const distances = [0, 1, 2].map((code) => Math.hypot(...Array.from({ length: width }, (_, i) => latent[from + i]! - values[code * width + i]!)));
		const nearest = distances.indexOf(Math.min(...distances));
		out.set(values.subarray(nearest * width, (nearest + 1) * width), from);
	}
	return Float32Array.from({ length: WIDTH }, (_, j) => out.reduce((sum, value, i) => sum + value * UP.values[i * WIDTH + j]!, 0));
}

const NOISE = { through: 'thought', noise: { shape: [NARROW] } };

describe('recipes', () => {
	test('what is wrong is named by its field', () => {
		const at = (field: string) => new RegExp(`at recipe\\.arms\\.${ARM}\\.\\d\\.${field.replace(/\./g, '\\.')} \\(`);
		assert.equal(segmentOf({ stop: [{ rule: 'entropy', below: 0.1, for: 3 }, { rule: 'token', tokens: ['<a>'] }] }), '');
		assert.equal(segmentOf({ feedback: { site: 'mixture', top: 5, temperature: 0.5, gumbel: { scale: 1 } } }), '');
		assert.match(segmentOf({ through: 'denoiser' }), /through \(expected .*files\.graphs, which has no denoiser/);
		assert.match(segmentOf({ through: 'thought' }), /files has no thought/);
		assert.match(segmentOf({ noise: { shape: [4] } }), /noise \(expected none, because no graph takes it/);
		assert.match(segmentOf({ stop: [{ rule: 'gate', above: 0.5 }] }), /no graph gives one/);
		assert.match(segmentOf({ stop: [{ rule: 'boredom' }] }), at('stop.0.rule'));
		assert.match(segmentOf({ stop: [{ rule: 'entropy', below: 0 }] }), at('stop.0.below'));
		assert.match(segmentOf({ stpo: [] }), /stpo/);
		assert.match(segmentOf({ feedback: { site: 'tokens', tokens: ['<a>'] } }), /feedback\.tokens \(expected a token for each of the 6/);
		assert.match(segmentOf({ feedback: { site: 'mixture', top: 5, gumbel: { scale: 1 }, dirichlet: { concentration: 1 } } }), at('feedback.dirichlet'));
		assert.match(segmentOf({ noise: { shape: [4, 2], schedule: [1] } }), at('noise.schedule'));
		assert.match(segmentOf({ noise: { shape: [1e6, 1e6] } }), at('noise.shape'));
		assert.match(segmentOf({ decode: ['everywhere'] }), at('decode.0'));
		assert.match(
			parsed(({ recipe }) => {
				Object.assign(recipe, withSegment(recipe, { stop: [{ rule: 'kl', below: 1 }] }), { version: 1 });
			}),
			/at recipe\.version \(expected 2, because/,
		);
		assert.match(parsed(({ recipe }) => Object.assign(recipe, { version: 4 })), /at recipe\.version \(expected a version up to 3; update/);
	});

	for (const [what, graphs, segment, sentence] of [
		['an unknown input', { thought: oneNode('Add', [vector('hidden', WIDTH), vector('mood', WIDTH)], vector('embed', WIDTH)) }, {}, /thought graph has the unknown input mood: export/],
		['the wrong width', { thought: oneNode('Neg', [vector('hidden', 64)], vector('embed', 64)) }, {}, /input hidden as float32 \[rows, 64\] where float32 \[\*, 128\] is expected/],
		['no embed', { thought: oneNode('Neg', [vector('hidden', WIDTH)], vector('out', WIDTH)) }, {}, /thought graph has no output embed: export/],
		['noise that nobody gives', { thought: NARROW_GRAPHS.thought }, {}, /takes noise, and no segment of the recipe that goes through it says which: add/],
		['noise of another shape', NARROW_GRAPHS, { noise: { shape: [NARROW + 1] } }, /input noise as float32 \[rows, 16\] where float32 \[\*, 17\] is expected/],
		['noise and no input for it', { thought: oneNode('Neg', [vector('hidden', WIDTH)], vector('embed', WIDTH)) }, NOISE, /has no input noise/],
		['a state that leads nowhere', { thought: oneNode('Add', [vector('hidden', WIDTH), vector('state', WIDTH)], vector('embed', WIDTH)) }, {}, /takes a state and gives no next_state: export/],
		['no gate', { thought: oneNode('Neg', [vector('hidden', WIDTH)], vector('embed', WIDTH)) }, { stop: [{ rule: 'gate', above: 0.5 }] }, /gives no gate, by which the recipe stops: export/],
	] as const) {
		test(`a thought graph with ${what} is refused in one sentence`, () =>
			withEngine(async (engine) => {
				const model = await changed(segment, graphs, { latentWidth: NARROW });
				await assert.rejects(engine.call('load', { model }), (error: Error) => sentence.test(error.message) && /^[^\n]+\.$/.test(error.message));
			}));
	}

	for (const [what, addedTo, name] of [
		['all tokens', () => -Infinity, 'logits are numbers'],
		['no tokens, but tells none,', () => NaN, 'logits are numbers'],
		['some tokens, and has no entropy then,', (id: number) => (id % 2 === 0 ? 0 : -Infinity), 'entropy and KL are numbers, also where a logit is −∞'],
	] as const) {
		test(`a head that rules out ${what} is refused in one sentence`, () =>
			withEngine(async (engine) => {
				const model = await modelCopy(async (folder, manifest) => {
					const added = Float32Array.from({ length: manifest.shape.vocabulary }, (_, id) => addedTo(id));
					await replaced(folder, manifest, 'head', withAdded(await readFile(join(folder, manifest.files.head.name)), added));
				});
				const sentence = `The model fails its self-test "${name}" (largest difference Infinity): export it again.`;
				await assert.rejects(engine.call('load', { model }), ({ message }: Error) => message === sentence);
			}));
	}

	test('a run of 128 latents that is cancelled or whose engine dies keeps the thoughts that it had', async () => {
		for (const end of ['cancel', 'kill'] as const) {
			await withEngine(async (engine) => {
				const abort = new AbortController();
				let live: LiveTrace | undefined;
				const follow = (event: AnalyzeEvent) => {
					if (event.kind === 'started') {
						live = new LiveTrace(event.document);
					} else if (event.kind === 'arm') {
						live!.setArm(event.arm, event.tokens);
					} else if (event.kind === 'rows') {
						live!.addRows(event.arm, event.plane, event.rows, event.data);
						if (event.plane === 'latent.vec' && !abort.signal.aborted) {
							abort.abort();
							if (end === 'kill') {
								process.kill(engine.pid!, 'SIGKILL');
							}
						}
					}
				};
				const params = { ...request(MANY_PROMPT, { arms: ['latent'], out: join(await temporary(), 'x.trace.safetensors') }), model: resolve('models/manylatents') };
				await assert.rejects(engine.call('analyze', params, { signal: end === 'cancel' ? abort.signal : undefined, onEvent: follow }));
				const [arm] = live!.document.arms;
				const { length } = arm!.thoughts;
				assert.ok(length > 0 && length < 128, `${end}: ${length} thoughts`);
				const vectors = (await live!.read('latent', 'latent.vec', { start: 0, end: length })) as Float32Array;
				assert.equal(vectors.length, length * arm!.latentWidth!);
				assert.ok(vectors.every(Number.isFinite));
			});
		}
	});

	test('a thought graph that gives no numbers takes latents away, and the written arms stay', () =>
		withEngine(async (engine) => {
			const model = await changed({}, { thought: oneNode('Log', [vector('hidden', WIDTH)], vector('embed', WIDTH)) });
			const { unavailable } = await engine.call('load', { model });
			assert.match(unavailable.find(({ what }) => what === 'latents')!.why, /"thought: thoughts are numbers" failed/);
			await assert.rejects(engine.call('analyze', request(PROMPT, { model })), /cannot run latent thoughts, because the self-test/);
			assert.equal((await engine.call('analyze', request(PROMPT, { model, arms: ['cot'] }))).document.arms[0]!.state, 'done');
		}));

	test('a thought that is no number ends the run, which is saved with what it has', () =>
		withEngine(async (engine) => {
			// hidden · ln(state + 3.5), and the state goes down by one: the fifth thought is the logarithm of less than nothing.
			const graph = nodes(
				[
					{ operator: 'Add', inputs: ['state', 'shift'], output: 'shifted' },
					{ operator: 'Log', inputs: ['shifted'], output: 'factor' },
					{ operator: 'Mul', inputs: ['hidden', 'factor'], output: 'embed' },
					{ operator: 'Sub', inputs: ['state', 'one'], output: 'next_state' },
				],
				[vector('hidden', WIDTH), vector('state', WIDTH)],
				[vector('embed', WIDTH), vector('next_state', WIDTH)],
				[
					{ name: 'shift', dims: [1], values: Float32Array.of(3.5) },
					{ name: 'one', dims: [1], values: Float32Array.of(1) },
				],
			);
			const model = await changed({ through: 'thought' }, { thought: graph });
			const out = join(await temporary(), 'cut.trace.safetensors');
			await engine.call('analyze', request(PROMPT, { model, arms: [ARM], out }));
			const trace = await openTrace(await openFile(out));
			const [arm] = trace.document.arms;
			assert.deepEqual([arm!.state, arm!.thoughts.length], ['limit', 4]);
			assert.match(trace.document.notes.join(), /thought 4 is not finite/);
			assert.equal((await trace.read(ARM, 'latent.vec', { start: 0, end: 4 }))!.length, 4 * WIDTH);
			trace.dispose();
		}));

	test('a rule that never holds is bounded by the limit, which the trace says', () =>
		withEngine(async (engine) => {
			const model = await changed({ stop: [{ rule: 'entropy', below: 1e-9, for: 2 }] });
			const out = join(await temporary(), 'limit.trace.safetensors');
			await engine.call('analyze', request(PROMPT, { model, arms: [ARM], out }));
			const trace = await openTrace(await openFile(out));
			const [arm] = trace.document.arms;
			assert.deepEqual([arm!.state, arm!.stopped, arm!.thoughts.length], ['done', { rule: 'limit', at: COUNT }, COUNT]);
			assert.match(trace.document.notes.join('\n'), /^Arm latent thought to its limit and had 6 thoughts then, because it never came to be that the entropy of the next token is below 1e-9 nats 2 times in a row\.$/m);
			trace.dispose();
		}));

	test('a token rule stops where that token is likeliest', () =>
		withEngine(async (engine) => {
			const out = join(await temporary(), 'plain.trace.safetensors');
			const { document } = await engine.call('analyze', request(PROMPT, { arms: [ARM], out }));
			const trace = await openTrace(await openFile(out));
			const tops: number[] = [];
			for (const { producedAt } of document.arms[0]!.thoughts) {
				const row = (await trace.read(ARM, 'lens.topk_id', { start: producedAt, end: producedAt + 1 })) as Int32Array;
				tops.push(row[document.model.layers * 10]!);
			}
			trace.dispose();
			const { model } = JSON.parse(readFileSync(`${MODEL}/tokenizer.json`, 'utf8')) as { model: { vocab: Record<string, number> } };
			const [token, id] = Object.entries(model.vocab).find(([, one]) => one === tops[2])!;
			const stopping = await changed({ stop: [{ rule: 'token', tokens: [token] }] });
			const { document: stopped } = await engine.call('analyze', request(PROMPT, { model: stopping, arms: [ARM] }));
			const at = tops.indexOf(id);
			assert.deepEqual([stopped.arms[0]!.stopped, stopped.arms[0]!.thoughts.length, stopped.arms[0]!.state], [{ rule: 'token', at }, at, 'done']);
		}));
});

describe('thought graphs', () => {
	test('of a provider are held against the processor’s, which other ones fail', async () => {
		const graph = (operator: string) => ({ thought: oneNode(operator, [vector('hidden', WIDTH)], vector('embed', WIDTH)) });
		const model = await loaded(await changed({}, graph('Tanh')));
		const { signal } = new AbortController();
		try {
			for (const [operator, expected] of [['Tanh', true], ['Neg', false]] as const) {
				const folder = await changed({}, graph(operator));
				const manifest = parseManifest(readFileSync(join(folder, 'model.json'), 'utf8'));
				const graphs = await openGraphs(Runtime.load(), { folder, manifest, signal, progress: () => {} }, folder, { provider: 'cpu', lowMemory: true });
				try {
					const { shape } = manifest;
					const processor = new Thinking(model, shape, new Map([['thought', new ThoughtGraph('thought', graphs.thoughts.get('thought')!, shape)]]), undefined);
					const tests = await compareThoughts(model, processor, signal);
					assert.deepEqual(tests.map(({ name, ok }) => [name, ok]), [['thought: cpu and cpu', expected]]);
				} finally {
					disposeAll(graphs);
				}
			}
		} finally {
			model.dispose();
		}
	});

	test('that give a gate for each number instead of each thought are refused', () =>
		withEngine(async (engine) => {
			const graph = nodes(
				[
					{ operator: 'Tanh', inputs: ['hidden'], output: 'embed' },
					{ operator: 'Sigmoid', inputs: ['hidden'], output: 'gate' },
				],
				[vector('hidden', WIDTH)],
				[vector('embed', WIDTH), { name: 'gate', dims: ['numbers', 'more'] }],
			);
			await assert.rejects(engine.call('load', { model: await changed({}, { thought: graph }) }), /thought graph (has the output gate|gives gate) as .*\.$/);
		}));
});

describe('mixtures', () => {
	test('may have more tokens than the context has positions', async () => {
		const folder = await modelCopy((_, manifest) => {
			manifest.shape.context = 40;
		});
		const [model, plain] = [await loaded(folder), await loaded(MODEL)];
		try {
			const { shape } = model.manifest;
			const { resid } = await model.body.forward({ ids: model.tokenizer.encode(PROMPT).ids.slice(0, 9) }, model.body.empty);
			const hidden = resid[shape.layers]!.slice(-shape.width);
			const mixed = (one: typeof model) =>
				one.thinking.think({ feedback: { site: 'mixture', top: 150 } }, { hidden, normed: () => model.norm.of(hidden), index: 0, draw: { seed: 3, arm: 'soft' } });
			assert.deepEqual((await mixed(model)).embed, (await mixed(plain)).embed);
		} finally {
			model.dispose();
			plain.dispose();
		}
	});

	test('with Dirichlet noise have the plain mixture as their mean, and are nearly single tokens where it is strong', async () => {
		const model = await loaded(MODEL);
		try {
			const { shape } = model.manifest;
			const ids = model.tokenizer.encode(PROMPT).ids;
			const { resid } = await model.body.forward({ ids }, model.body.empty);
			const hidden = resid[shape.layers]!.slice(-shape.width);
			const mixed = async (more: object, index = 0) => {
				const feedback = { site: 'mixture' as const, top: 5, temperature: 4, ...more };
				const { embed } = await model.thinking.think({ feedback }, { hidden, normed: () => model.norm.of(hidden), index, draw: { seed: 3, arm: 'soft' } });
				return embed;
			};
			const plain = await mixed({});
			const far = (one: Float32Array, other: Float32Array) => Math.hypot(...one.map((value, i) => value - other[i]!)) / Math.hypot(...plain);
			assert.ok(far(await mixed({ dirichlet: { concentration: 1e5 } }), plain) < 0.05);
			const draws = await Promise.all(Array.from({ length: 400 }, (_, index) => mixed({ dirichlet: { concentration: 2 } }, index)));
			assert.ok(draws.some((one) => far(one, plain) > 0.2));
			assert.ok(far(plain.map((_, i) => draws.reduce((sum, one) => sum + one[i]!, 0) / draws.length), plain) < 0.1);
			const { topIds } = await model.head.read(hidden, 1, [0], 5);
			const embeddings = await Promise.all([...topIds].map((id) => model.embedding(id)));
			const strong = await Promise.all(Array.from({ length: 20 }, (_, index) => mixed({ dirichlet: { concentration: 1e-4 } }, index)));
			assert.ok(strong.every((one) => Math.min(...embeddings.map((embedding) => far(one, embedding))) < 0.01));
			assert.deepEqual(await mixed({ gumbel: { scale: 1 } }), await mixed({ gumbel: { scale: 1 } }), 'a draw is the same again');
			assert.ok(far(await mixed({ gumbel: { scale: 1 } }, 0), await mixed({ gumbel: { scale: 1 } }, 1)) > 0);
		} finally {
			model.dispose();
		}
	});
});

describe('tokens for each thought', () => {
	test('are counted from the beginning of their own segment', async () => {
		const tokens = ['<a>', '<latent>', '<eos>'].filter((token) => text.includes(JSON.stringify(token)));
		const segment = { kind: 'latent', count: tokens.length, feedback: { site: 'tokens', tokens } };
		const model = await loaded(
			await modelCopy((_, manifest) => {
				const raw = manifest as unknown as { recipe: Raw };
				const arm = raw.recipe.arms[ARM]!.flatMap((one) => (one.kind === 'latent' ? [segment, { ...segment, feedback: { site: 'tokens', tokens: tokens.toReversed() } }] : [one]));
				raw.recipe = { ...raw.recipe, version: 2, arms: { ...raw.recipe.arms, [ARM]: arm } };
			}),
		);
		const { signal } = new AbortController();
		try {
			const plan = latentPlan(model);
			const ids = [...tokens, ...tokens.toReversed()].map((token) => model.tokenizer.idOf(token));
			const clean = (await recorded(model, plan, PROMPT, { seed: 0 }, signal)) as Clean;
			assert.ok(tokens.length > 1);
			assert.deepEqual(clean.run.steps.flatMap((step) => (step.kind === 'latent' ? [step.id] : [])), ids);
			const [together] = (await runAll(model, plan, [PROMPT, `${PROMPT} `], { seed: 0 }, signal)) as Clean[];
			assert.deepEqual(together!.thoughts, clean.thoughts);
			const rows: CausalRow[] = [];
			const params = { model: model.folder, prompts: [PROMPT], arms: [ARM], options: { seed: 0 }, tests: ['ablate-zero' as const], scope: 'each' as const, reference: [] };
			await new CausalRun(model, params, signal, (event) => event.kind === 'row' && rows.push(event.row)).run();
			assert.ok(rows.some(({ step, later }) => step === 0 && later === 'recomputed'));
		} finally {
			model.dispose();
		}
	});
});

describe('thoughts that carry a state', () => {
	test('hand on in changed runs what they would in runs of their own', async () => {
		const graph = nodes(
			[
				{ operator: 'Add', inputs: ['state', 'hidden'], output: 'next_state' },
				{ operator: 'Tanh', inputs: ['next_state'], output: 'embed' },
			],
			[vector('hidden', WIDTH), vector('state', WIDTH)],
			[vector('embed', WIDTH), vector('next_state', WIDTH)],
		);
		const model = await loaded(await changed({ through: 'thought', state: { start: 'normal', scale: 0.5 } }, { thought: graph }));
		const { signal } = new AbortController();
		try {
			const plan = latentPlan(model);
			const clean = (await recorded(model, plan, PROMPT, { seed: 0 }, signal)) as Clean;
			const [together] = (await runAll(model, plan, [PROMPT, `${PROMPT} `], { seed: 0 }, signal)) as Clean[];
			clean.thoughts.forEach((thought, i) => assert.ok(thought.every((value, j) => Math.abs(value - together!.thoughts[i]![j]!) < 1e-5)));
			const rows: CausalRow[] = [];
			const params = { model: model.folder, prompts: [PROMPT], arms: [ARM], options: { seed: 0 }, tests: ['ablate-zero' as const], scope: 'each' as const, reference: [] };
			await new CausalRun(model, params, signal, (event) => event.kind === 'row' && rows.push(event.row)).run();
			assert.equal(rows.length, 2 * COUNT);
			for (const { step, later, kl: found } of rows) {
				const expected = await rerun(model, plan, PROMPT, (own, index) =>
					step === 'all' || step === index ? own.map(() => 0) : later === 'frozen' && index > step ? clean.thoughts[index]! : own,
				);
				assert.ok(Math.abs(found - kl(clean.logits, expected.logits)) < 1e-4, `${step} ${later}: ${found}`);
			}
		} finally {
			model.dispose();
		}
	});
});

describe('evidence', () => {
	test('of an arm that ends its own thinking is gathered, and what cannot be compared is said', () =>
		withEngine(async (engine) => {
			const model = await changed({ stop: [{ rule: 'kl', below: 1e-9 }] });
			const reference = { name: 'examples', prompts: [PROMPT.replace('gerpus', 'wumpus'), PROMPT.replace('Tom is', 'Max is')] };
			const { document } = await engine.call('analyze', request(PROMPT, { model, arms: [ARM], evidence: { reference } }));
			const { evidence } = document;
			assert.ok(evidence!.skipped.some((why) => /Thoughts of arm latent were not compared with other prompts', because each prompt ends/.test(why)));
			assert.ok(evidence!.tests.some(({ test, kl }) => test === 'snap-1' && kl !== null));
			assert.ok(!evidence!.tests.some(({ test }) => test === 'resample'));
			assert.equal(evidence!.ood.length, 1);
		}));

	test('of narrow latents is gathered whole', () =>
		withEngine(async (engine) => {
			const model = await changed(NOISE, { ...NARROW_GRAPHS, codes: codesFile() }, { latentWidth: NARROW });
			const reference = { name: 'examples', prompts: ['gerpus', 'terpus', 'wumpus', 'yimpus'].map((word) => PROMPT.replace('hilpus or', `${word} or`)) };
			const { document } = await engine.call('analyze', request(PROMPT, { model, arms: [ARM], evidence: { reference, twin: resolve('models/prosqa-pause') } }));
			const { evidence } = document;
			assert.deepEqual(evidence!.cohorts.map(({ role }) => role).sort(), ['model', 'random weights', 'twin'], evidence!.skipped.join('\n'));
			assert.equal(evidence!.meter[0]!.capacity!.width, NARROW);
			for (const test of ['resample', 'ablate-mean', 'snap-code', 'redraw', 'patch']) {
				assert.ok(evidence!.tests.some((one) => one.test === test && one.kl !== null), test);
			}
		}));
});

describe('narrow latents with noise', () => {
	const analysed = async (engine: Parameters<Parameters<typeof withEngine>[0]>[0], model: string, options: object) => {
		const out = join(await temporary(), 'narrow.trace.safetensors');
		await engine.call('analyze', request(PROMPT, { model, arms: [ARM], out, options: { seed: 0, temperature: 0, topK: 10, ...options } }));
		const trace = await openTrace(await openFile(out));
		const latents = (await trace.read(ARM, 'latent.vec', { start: 0, end: COUNT })) as Float32Array;
		const embeds = await trace.read(ARM, 'latent.embed', { start: 0, end: COUNT });
		trace.dispose();
		return { latents, embeds, document: trace.document as TraceDocument };
	};

	test('are stored at their width, follow from the seed, and from the scale of the noise', () =>
		withEngine(async (engine) => {
			const model = await changed(NOISE, NARROW_GRAPHS, { latentWidth: NARROW });
			const [first, again, other, still] = [
				await analysed(engine, model, {}),
				await analysed(engine, model, {}),
				await analysed(engine, model, { seed: 1 }),
				await analysed(engine, model, { noise: 0 }),
			];
			assert.equal(first.document.arms[0]!.latentWidth, NARROW);
			assert.equal(first.latents.length, COUNT * NARROW);
			assert.equal(first.embeds, undefined, 'what is fed follows from the latent');
			assert.deepEqual(again.latents, first.latents);
			assert.notDeepEqual(other.latents, first.latents);
			assert.equal(still.document.options.noise, 0);
			assert.ok(still.latents.every((value, i) => Math.abs(value - first.latents[i]!) > 1e-6), 'all of them had noise');
		}));

	test('that cannot be embedded again are stored beside what was fed', () =>
		withEngine(async (engine) => {
			const model = await changed(NOISE, { thought: NARROW_GRAPHS.thought }, { latentWidth: NARROW });
			const { latents, embeds } = await analysed(engine, model, {});
			assert.equal(embeds!.length, COUNT * WIDTH);
			const expected = Array.from({ length: WIDTH }, (_, j) =>
				latents.slice(0, NARROW).reduce((sum, value, i) => sum + value * UP.values[i * WIDTH + j]!, 0),
			);
			assert.ok(expected.every((value, j) => Math.abs(value - embeds![j]!) < 1e-5));
		}));

	test('are read by the nearest codes of their parts, whose file must fit', () =>
		withEngine(async (engine) => {
			const model = await changed(NOISE, { ...NARROW_GRAPHS, codes: codesFile() }, { latentWidth: NARROW });
			const out = join(await temporary(), 'codes.trace.safetensors');
			await engine.call('analyze', request(PROMPT, { model, arms: [ARM], out }));
			const trace = await openTrace(await openFile(out));
			assert.deepEqual(trace.document.model.codes!.map(({ name, classes }) => [name, classes.length]), [['first', 3], ['second', 3]]);
			const distances = (await trace.read(ARM, 'code.first.distance', { start: 0, end: COUNT })) as Float32Array;
			const ids = (await trace.read(ARM, 'code.first.id', { start: 0, end: COUNT })) as Int32Array;
			// There are fewer codes than places for them.
			assert.deepEqual([...ids.slice(0, 4)].sort((a, b) => a - b), [-1, 0, 1, 2]);
			assert.ok(distances[0]! <= distances[1]! && distances[1]! <= distances[2]! && Number.isNaN(distances[3]));
			trace.dispose();
			const wrong = await changed(NOISE, { ...NARROW_GRAPHS, codes: codesFile(17) }, { latentWidth: NARROW });
			await assert.rejects(engine.call('load', { model: wrong }), /^[^\n]*codes\.onnx.* cannot be used \(its part second has the columns 6 to 17 of latents with 16\)[^\n]*\.$/);
		}));

	test('are changed by tests and fed again, with the noise of the unchanged run', async () => {
		const model = await loaded(await changed(NOISE, { ...NARROW_GRAPHS, codes: codesFile() }, { latentWidth: NARROW }));
		const { signal } = new AbortController();
		try {
			const plan = latentPlan(model);
			const clean = (await recorded(model, plan, PROMPT, { seed: 0 }, signal)) as Clean;
			assert.ok(clean.thoughts.every(({ length }) => length === NARROW) && clean.made.every(({ embed }) => embed.length === WIDTH));
			const [together] = (await runAll(model, plan, [PROMPT, `${PROMPT} `], { seed: 0 }, signal)) as Clean[];
			clean.thoughts.forEach((thought, i) => assert.ok(thought.every((value, j) => Math.abs(value - together!.thoughts[i]![j]!) < 1e-5)));

			const rows: CausalRow[] = [];
			const reference = [PROMPT.replace('gerpus', 'wumpus'), PROMPT.replace('Tom is', 'Max is')].map((one) => ({ name: one, text: one }));
			const params = { model: model.folder, prompts: [PROMPT], arms: [ARM], options: { seed: 0 }, tests: ['ablate-zero', 'ablate-mean', 'noise', 'jitter', 'resample', 'snap-1', 'patch', 'snap-code', 'redraw'] as const, scope: 'each' as const, reference };
			await new CausalRun(model, { ...params, tests: [...params.tests] }, signal, (event) => event.kind === 'row' && rows.push(event.row)).run();
			for (const test of params.tests) {
				assert.ok(rows.some((row) => row.test === test && Number.isFinite(row.kl)), test);
			}
			for (const step of [0, 3, COUNT - 1]) {
				const expected = await rerun(model, plan, PROMPT, (own, index) => (index === step ? own.map(() => 0) : own));
				const found = rows.find((row) => row.test === 'ablate-zero' && row.step === step && row.later !== 'frozen')!;
				assert.ok(Math.abs(found.kl - kl(clean.logits, expected.logits)) < 1e-4, `${step}: ${found.kl}`);
			}
			const all = await rerun(model, plan, PROMPT, (_, __, ___, latent) => atCodes(latent));
			const snapped = rows.find((row) => row.test === 'snap-code' && row.step === 'all')!;
			assert.ok(Math.abs(snapped.kl - kl(clean.logits, all.logits)) < 1e-4);
			assert.equal(snapped.by, "the nearest of the model's first and second codes");
			assert.ok(rows.some((row) => row.test === 'redraw' && row.kl > 1e-6), 'other noise gives other thoughts');
		} finally {
			model.dispose();
		}
	});
});

function kl(p: Float32Array, q: Float32Array): number {
	const [a, b] = [p, q].map((logits) => Math.log(logits.reduce((sum, value) => sum + Math.exp(value), 0))) as [number, number];
	return p.reduce((sum, value, i) => sum + Math.exp(value - a) * (value - a - (q[i]! - b)), 0);
}
