/** Evidence by the real child and the bundled models: against NumPy, through a file, and where there must be none. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { claimOf } from '../../../src/analysis/evidence';
import { MEASURES } from '../../../src/analysis/ood';
import { taskCandidates } from '../../../src/analysis/superposition';
import { parseTask } from '../../../src/analysis/task';
import type { AnalyzeEvent, AnalyzeParams, EvidenceParams } from '../../../src/engine/api';
import { planArms } from '../../../src/engine/run/arm';
import { recorded } from '../../../src/engine/causal/clean';
import { readsOf } from '../../../src/engine/evidence/readings';
import { runsOf } from '../../../src/engine/evidence/runs';
import { Store } from '../../../src/engine/evidence/store';
import { randomised } from '../../../src/engine/evidence/weights';
import { Models } from '../../../src/engine/model/models';
import { parsePrompt, toPromptInput } from '../../../src/prompts/prompt';
import { openFile } from '../../../src/trace/bytes.node';
import type { EvidenceRecord } from '../../../src/trace/evidence';
import { LiveTrace } from '../../../src/trace/live';
import type { PlaneName } from '../../../src/trace/planes';
import { openTrace } from '../../../src/trace/reader';
import { MODEL, modelCopy, replaced, request, sha256, temporary, withEngine } from './harness';
import { oneNode } from './onnx';

const TWIN = 'models/prosqa-pause';
const EXAMPLES = ['davis', 'sally', 'wren'];
const THOUGHTS = 6;
const ALL = { start: 0, end: Infinity };
const REFERENCE = (JSON.parse(readFileSync(`${MODEL}/reference.json`, 'utf8')) as { question: string }[]).map(({ question }) => question);

interface Fixture {
	prompt: string;
	prompts: number;
	readings: {
		thought: number;
		candidates: Record<string, { group: string; mass: number; rank: number }>;
		live: number;
		shuffled: number;
		p: number;
	}[];
	cohort: { thought: number; n: number; live: number; shuffled: number; dimension: number; bits: Record<string, number> }[];
}
const fixture = JSON.parse(readFileSync('test/fixtures/evidence.json', 'utf8')) as Fixture;

async function example(name: string): Promise<string> {
	const file = `${name}.prompt.md`;
	return toPromptInput(parsePrompt({ name: file, text: await readFile(`media/examples/${file}`, 'utf8') }), file).text;
}

const CACHE = mkdtempSync(join(tmpdir(), 'evidence-'));
after(() => rmSync(CACHE, { recursive: true, force: true }));

/** Prompts enough for every level but the last; what they give is kept between tests. */
const few = (evidence: EvidenceParams = {}): EvidenceParams => ({
	reference: { name: 'few', prompts: REFERENCE.slice(0, 24) },
	cache: CACHE,
	...evidence,
});

/** `steps`: what to do as events come. */
async function analysed(text: string, params: Partial<AnalyzeParams>, steps: (event: AnalyzeEvent) => void = () => {}, signal?: AbortSignal) {
	return withEngine(async (engine) => {
		const { document } = await engine.call('analyze', request(text, { arms: ['latent'], ...params }), { signal, onEvent: steps });
		return { document, evidence: document.evidence! };
	});
}

/** A whole trace without evidence, that says so. */
async function isOfArms(path: string): Promise<void> {
	const file = await openTrace(await openFile(path));
	const { arms, evidence, notes } = file.document;
	assert.deepEqual([arms.map(({ name, state }) => [name, state]), evidence], [[['latent', 'done']], undefined]);
	assert.match(notes.join('\n'), /^Tests and controls are missing/m);
	assert.equal((await file.read('latent', 'latent.vec', ALL))!.length, THOUGHTS * file.document.model.width);
	file.dispose();
}

const levels = ({ claims }: EvidenceRecord) => claims.map(({ level }) => level);
const near = (value: number | undefined, expected: number, tolerance: number, what: string) =>
	assert.ok(value !== undefined && Math.abs(value - expected) <= tolerance * Math.max(1, Math.abs(expected)), `${what}: ${value}, expected ${expected}`);

describe('evidence', () => {
	test('readings, shuffled questions and spread agree with NumPy', async () => {
		const { prompt, prompts, readings, cohort } = fixture;
		const { evidence } = await analysed(prompt, { evidence: few() });
		assert.equal(prompts, evidence.reference.prompts);
		for (const { thought, candidates, live, shuffled, p } of readings) {
			const found = evidence.readings[thought]!;
			assert.equal(found.candidates.length, Object.keys(candidates).length);
			for (const { label, group, mass, rank } of found.candidates) {
				const expected = candidates[label]!;
				assert.deepEqual([group, rank], [expected.group, expected.rank], `${label} in thought ${thought}`);
				near(mass, expected.mass, 1e-4, `mass of ${label} in thought ${thought}`);
			}
			near(found.live, live, 1e-4, 'live');
			near(found.shuffled!.value, shuffled, 1e-4, 'shuffled');
			near(found.shuffled!.p, p, 1e-9, 'p');
		}
		const model = evidence.cohorts.find(({ role }) => role === 'model')!;
		const [noise] = evidence.meter.map(({ capacity }) => capacity!.noise!);
		for (const { thought, n, live, shuffled, dimension, bits } of cohort) {
			const found = model.thoughts[thought]!;
			assert.equal(found.live!.n, n);
			near(found.live!.value, live, 1e-4, 'live of the cohort');
			near(found.shuffled!.value, shuffled, 1e-4, 'shuffled of the cohort');
			near(found.dimension, dimension, 1e-3, 'dimension');
			near(found.bits, bits[String(noise)]!, 1e-3, 'bits');
		}
	});

	test('on the bundled model: planes, controls and levels come as they are found, and are the same in the file', async () => {
		const cache = join(await temporary(), 'cache');
		const out = join(await temporary(), 'x.trace.safetensors');
		let live: LiveTrace | undefined;
		const snapshots: EvidenceRecord[] = [];
		const messages = new Set<string>();
		const follow = (event: AnalyzeEvent) => {
			switch (event.kind) {
				case 'started':
					live = new LiveTrace(event.document);
					break;
				case 'arm':
					live!.setArm(event.arm, event.tokens);
					break;
				case 'rows':
					live!.addRows(event.arm, event.plane, event.rows, event.data);
					break;
				case 'evidence':
					snapshots.push(event.evidence);
					break;
				case 'progress':
					messages.add(event.message);
					break;
			}
		};
		const prompt = await example('davis');
		const params = { arms: ['latent', 'cot'], evidence: { cache }, out };
		const { document, evidence } = await analysed(prompt, params, follow);
		assert.ok(messages.has('Testing the reference prompts on ProsQA reasoner') && messages.has('Measuring the reference'));
		assert.deepEqual(snapshots.at(-1), evidence);
		assert.ok(snapshots.length >= 6, `${snapshots.length} snapshots`);
		assert.deepEqual(snapshots[0]!.tests, []);
		assert.deepEqual(evidence.skipped, []);
		assert.deepEqual([evidence.twin!.id, evidence.reference.name, evidence.reference.prompts], ['prosqa-pause', 'reference.json', 150]);

		// What thoughts 1 and 3 read as is far beyond chance, absent in the controls, and carries the answer, here and elsewhere.
		assert.deepEqual(levels(evidence), [1, 4, 0, 4, 1, 0]);
		assert.equal(evidence.claims[3]!.claim, 'reads as tumpus');
		assert.ok(document.arms[0]!.thoughts[5]!.spare, 'the last thought is spare, and stays at L0');

		const [meter] = evidence.meter;
		assert.ok(meter!.distance!.tokens > 90 && meter!.effect!.changed && meter!.effect!.kl > 1);
		assert.deepEqual(evidence.cohorts.find(({ role }) => role === 'twin')!.noise, [], 'what does not vary is not put under noise');
		assert.ok(meter!.capacity!.dimension > 5 && meter!.capacity!.bits! > 1 && meter!.capacity!.twinBits === 0);
		assert.deepEqual(evidence.cohorts.map(({ role, prompts }) => [role, prompts]).sort(), [['model', 150], ['random weights', 150], ['twin', 150]]);

		const latent = evidence.tests.filter(({ arm, test: name }) => arm === 'latent' && name !== 'transplant');
		assert.ok(latent.length > 150 && latent.every(({ control }) => control));
		assert.ok(evidence.tests.some(({ arm, test: name, control }) => arm === 'cot' && name === 'drop-span' && control));
		const resample = latent.find(({ test: name, step, later }) => name === 'resample' && step === 1 && later === 'recomputed')!;
		assert.ok(resample.draws!.n >= 20 && resample.draws!.ci[1] < -5);
		assert.equal(resample.control!.draws!.value, 0, 'every prompt has the same dummy');
		near(resample.control!.deltaLogOdds!, 0, 1e-4, 'the same by running it');

		const file = await openTrace(await openFile(out));
		assert.deepEqual(file.document.evidence, JSON.parse(JSON.stringify(evidence)));
		const planes: PlaneName[] = [
			...MEASURES.map((name): PlaneName => `ood.${name}`),
			'causal.resample.effect',
			'causal.snap-1-raw.effect',
			'causal.patch-resample.effect',
		];
		for (const plane of planes) {
			const kept = (await file.read('latent', plane, ALL)) as Float32Array;
			const stride = plane.startsWith('ood') || plane.startsWith('causal.patch') ? 3 : 1;
			assert.equal(kept.length, THOUGHTS * stride, plane);
			assert.deepEqual(await live!.read('latent', plane, ALL), kept, plane);
		}
		const effects = (await file.read('latent', 'causal.resample.effect', ALL)) as Float32Array;
		assert.equal(effects[1], Math.fround(resample.deltaLogOdds!));
		assert.equal(await file.read('cot', 'ood.norm', ALL), undefined);
		file.dispose();

		// A second analysis reads what the first one kept; a damaged file is computed again, to the same.
		const again = async () => {
			const seen = new Set<string>();
			const found = await analysed(prompt, { ...params, out: undefined }, (event) => event.kind === 'progress' && seen.add(event.message));
			assert.deepEqual(JSON.parse(JSON.stringify(found.evidence)), JSON.parse(JSON.stringify(evidence)));
			return seen;
		};
		const warm = await again();
		assert.ok(!warm.has('Measuring the reference') && ![...warm].some((message) => /reference prompts on/.test(message)), [...warm].join());
		for (const name of await readdir(cache)) {
			const path = join(cache, name);
			const bytes = await readFile(path);
			await writeFile(path, bytes.with(bytes.length - 3, bytes.at(-3)! ^ 1));
		}
		const repaired = await again();
		assert.ok(repaired.has('Measuring the reference') && repaired.has('Testing the reference prompts on ProsQA reasoner'));
	});

	test('an arm without thoughts, candidates of a free list, and what is missing, each in a sentence', async () => {
		const alone = await modelCopy((_, manifest) => {
			manifest.reference = undefined;
			manifest.relatives = { twin: 'elsewhere' };
		});
		const { evidence } = await analysed('Tom is a yumpus.', { model: alone, arms: ['latent', 'direct'], evidence: { candidates: ['yumpus'] } });
		assert.match(evidence.skipped.join('\n'), /^Nothing was compared with other prompts, because there is no reference set: name one\.$/m);
		assert.match(evidence.skipped.join('\n'), /^There is no folder elsewhere beside the model's, so there is no control model/m);
		assert.ok(evidence.skipped.every((why) => !why.includes(alone)), 'no path becomes part of a trace');
		assert.deepEqual(evidence.readings[0]!.candidates.map(({ label, group }) => [label, group]), [['yumpus', 'candidate']]);
		assert.equal(evidence.readings[0]!.shuffled, undefined);
		assert.ok(evidence.claims.every(({ level, rungs }) => level === 0 && rungs.every(({ state }) => state === 'not measured')));
		assert.ok(evidence.tests.some(({ test: name }) => name === 'ablate-zero'));
		const direct = await analysed('Tom is a yumpus.', { arms: ['direct'], evidence: few() });
		assert.deepEqual([direct.evidence.tests, direct.evidence.claims, direct.evidence.meter], [[], [], []]);
		assert.match(direct.evidence.skipped.join('\n'), /^Nothing was tested by changing it, because no arm that was run has thoughts\.$/m);
	});

	test('the folder beside must be the twin that the manifest names', async () => {
		const folder = await modelCopy((_, manifest) => {
			manifest.relatives = { twin: 'model' };
		});
		const { evidence } = await analysed(await example('davis'), { model: folder, evidence: few() });
		assert.match(evidence.skipped.join('\n'), /^The folder model beside the model's holds another model/m);
		assert.equal(evidence.twin, undefined);
	});

	test('the twin is named before it has run, and not where it could not be', async () => {
		const named: (string | undefined)[] = [];
		await analysed(await example('davis'), { arms: ['latent'], evidence: few() }, (event) => {
			if (event.kind === 'evidence') {
				named.push(event.evidence.twin?.id);
			}
		});
		assert.ok(named.length > 2 && named.every((id) => id === 'prosqa-pause'), String(named));
		const twin = await modelCopy((folder) => writeFile(join(folder, 'body.onnx'), 'no graph'));
		const { evidence } = await analysed(await example('davis'), { arms: ['latent'], evidence: few({ twin }) });
		assert.equal(evidence.twin, undefined);
		assert.match(evidence.skipped.join('\n'), /^The twin was not run: /m);
	});

	test('candidates that no task gives are what the arms answered', async () => {
		const { document, evidence } = await analysed('Every yumpus is a zumpus. Tom is a yumpus. Tom is a', { arms: ['latent', 'direct'], evidence: few() });
		const answers = [...new Set(document.arms.map(({ answer }) => answer))];
		assert.deepEqual(evidence.readings[0]!.candidates.map(({ label }) => label), answers);
	});

	test('of tests that cannot apply to such a prompt nothing is said; causal says it', async () => {
		const free = 'Every yumpus is a zumpus. Tom is a yumpus. Tom is a';
		const { evidence } = await analysed(free, { arms: ['latent'], evidence: few() });
		assert.deepEqual(evidence.skipped, []);
		assert.ok(evidence.tests.some(({ test: name }) => name === 'resample') && !evidence.tests.some(({ test: name }) => name === 'transplant'));
		const { skipped } = await withEngine((engine) =>
			engine.call('causal', { model: MODEL, prompts: [free], options: { seed: 0 }, tests: ['transplant', 'drop-span'], scope: 'each', reference: [] }),
		);
		assert.match(skipped.join('\n'), /^transplant was not run, because no other question/m);
	});

	test('a cancel ends it, in every part, and leaves the trace of the arms', async () => {
		for (const when of ['Measuring the reference', 'Running the reference prompts on ProsQA reasoner', 'Testing the reference prompts on ProsQA reasoner, pause-token twin']) {
			const abort = new AbortController();
			const out = join(await temporary(), 'x.trace.safetensors');
			let at = NaN;
			const evidence = { reference: { name: 'three', prompts: REFERENCE.slice(30, 33) } };
			const cancelled = analysed(fixture.prompt, { out, evidence }, (event) => {
				if (event.kind === 'progress' && event.message === when) {
					at = performance.now();
					abort.abort();
				}
			}, abort.signal);
			await assert.rejects(cancelled, { code: 'cancelled' }, when);
			assert.ok(performance.now() - at < 3_000, when);
			// What was being written when the cancel came is removed soon after.
			await sleep(100);
			assert.deepEqual(await readdir(join(out, '..')), ['x.trace.safetensors'], when);
			await isOfArms(out);
		}
	});

	test('the trace of the arms outlives a death of the engine, and nothing is written before they are done', async () => {
		const out = join(await temporary(), 'x.trace.safetensors');
		const kinds: string[] = [];
		await withEngine(async (engine) => {
			const params = request(fixture.prompt, { arms: ['latent'], out, evidence: { reference: { name: 'three', prompts: REFERENCE.slice(30, 33) } } });
			const killed = engine.call('analyze', params, {
				onEvent: (event) => {
					kinds.push(event.kind);
					if (event.kind === 'evidence') {
						process.kill(engine.pid!, 'SIGKILL');
					}
				},
			});
			await assert.rejects(killed, { code: 'crashed' });
		});
		assert.ok(kinds.indexOf('written') > kinds.lastIndexOf('arm') && kinds.indexOf('written') < kinds.indexOf('evidence'), kinds.join());
		await isOfArms(out);
	});
});

describe('negative controls', () => {
	test('random weights taken for a model stay at L0', async () => {
		const folder = await modelCopy(async (copy, manifest) => {
			for (const file of ['body', 'head'] as const) {
				await replaced(copy, manifest, file, randomised(await readFile(join(copy, `${file}.onnx`)), 0));
			}
		});
		for (const name of EXAMPLES) {
			const { evidence } = await analysed(await example(name), { model: folder, evidence: few({ twin: TWIN }) });
			assert.deepEqual(levels(evidence), new Array<number>(THOUGHTS).fill(0), name);
		}
	});

	test("the pause twin's dummies do not reach L2, against itself or without a control", async () => {
		for (const name of EXAMPLES) {
			for (const twin of [TWIN, undefined]) {
				const { evidence } = await analysed(await example(name), { model: TWIN, evidence: few({ twin }) });
				assert.ok(levels(evidence).every((level) => level < 2), levels(evidence).join());
				assert.ok(evidence.claims.every(({ rungs }) => rungs[2]!.state !== 'reached'), 'other prompts have the same dummy');
			}
		}
	});

	test('thoughts that are fed back as null vectors change nothing, and what is read before them is in the twin too', async () => {
		const folder = await modelCopy(async (copy, manifest) => {
			const hidden = { name: 'hidden', dims: ['B', 128] };
			const graph = oneNode('Sub', [hidden, hidden], { name: 'embed', dims: ['B', 128] });
			await writeFile(join(copy, 'thought.onnx'), graph);
			manifest.files.thought = { name: 'thought.onnx', sha256: sha256(graph), bytes: graph.length };
		});
		const { evidence } = await analysed(await example('davis'), { model: folder, evidence: few({ twin: TWIN }) });
		assert.ok(levels(evidence).every((level) => level < 2), levels(evidence).join());
		assert.ok(evidence.claims.every(({ rungs }) => rungs[2]!.state === 'not reached'));
		assert.ok(evidence.cohorts.find(({ role }) => role === 'model')!.thoughts.every(({ dimension, bits }) => dimension === 0 && !bits));
	});

	test('random weights pass the first rung as seldom as its significance says', async () => {
		const models = new Models();
		const { signal } = new AbortController();
		try {
			await models.use(MODEL, { signal, progress: () => {}, randomised: 0 }, async (model) => {
				const [plan] = planArms(model.manifest.recipe, ['latent'], {}, (token) => model.tokenizer.idOf(token));
				const prompts = REFERENCE.map((text) => ({ name: text, text }));
				const runs = await runsOf({ model, plan: plan!, prompts, options: { seed: 0 }, store: new Store(undefined), signal, emit: () => {} });
				const passed: boolean[] = [];
				for (const { text } of runs.slice(0, 60)) {
					const task = parseTask(text)!;
					const clean = await recorded(model, plan!, text, { seed: 0 }, signal);
					assert.ok(typeof clean !== 'string');
					const candidates = clean.thoughts.map((_, thought) => taskCandidates(task, thought));
					const reads = await readsOf(model, clean, candidates, task, runs.filter((run) => run.text !== text), 0, signal);
					passed.push(...reads.slice(0, task.hops).map((reading, thought) => claimOf({ arm: 'latent', thought, top: '', reading }).level > 0));
				}
				const share = passed.filter((one) => one).length / passed.length;
				assert.ok(passed.length > 180 && share < 0.1, `${share} of ${passed.length}`);
			});
		} finally {
			models.dispose();
		}
	});

	test('the labels of another question, and null states, stay at L0', async () => {
		const models = new Models();
		const { signal } = new AbortController();
		try {
			await models.use(MODEL, { signal, progress: () => {} }, async (model) => {
				const [plan] = planArms(model.manifest.recipe, ['latent'], {}, (token) => model.tokenizer.idOf(token));
				const prompts = REFERENCE.map((text) => ({ name: text, text }));
				const runs = await runsOf({ model, plan: plan!, prompts, options: { seed: 0 }, store: new Store(undefined), signal, emit: () => {} });
				assert.equal(runs.length, REFERENCE.length);
				const own = await example('davis');
				const clean = await recorded(model, plan!, own, { seed: 0 }, signal);
				assert.ok(typeof clean !== 'string');
				const levelsOf = async (task: ReturnType<typeof parseTask>, states: 'own' | 'null') => {
					const candidates = clean.thoughts.map((_, thought) => taskCandidates(task!, thought));
					const zero = (vector: Float32Array) => (states === 'null' ? vector.map(() => 0) : vector);
					const lasts = new Map([...clean.lasts].map(([at, last]) => [at, { ...last, resid: zero(last.resid) }]));
					const others = runs.map((run) => ({ ...run, states: run.states.map(zero) }));
					const reads = await readsOf(model, { ...clean, lasts }, candidates, task, others, 0, signal);
					return reads.map((reading, thought) => claimOf({ arm: 'latent', thought, top: reading.top, reading }).level);
				};
				assert.ok((await levelsOf(parseTask(own), 'own')).includes(1), 'its own labels do reach L1');
				for (const name of ['sally', 'wren']) {
					assert.deepEqual(await levelsOf(parseTask(await example(name)), 'own'), new Array<number>(THOUGHTS).fill(0), name);
				}
				assert.deepEqual(await levelsOf(parseTask(own), 'null'), new Array<number>(THOUGHTS).fill(0));
			});
		} finally {
			models.dispose();
		}
	});
});

