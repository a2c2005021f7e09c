/** Probes on the bundled model: trained, measured, written, read again, and scored in a run. */
import assert from 'node:assert/strict';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parseProbe, scoreProbe } from '../../../src/analysis/probe';
import type { FeaturesEvent, ProbeReport, TrainProbeParams } from '../../../src/engine/api';
import type { Engine } from '../../../src/engine/caller/client';
import type { LabelledPrompt } from '../../../src/prompts/labelled';
import { openFile } from '../../../src/trace/bytes.node';
import { fromHalf } from '../../../src/trace/half';
import { openTrace } from '../../../src/trace/reader';
import { MODEL, PROMPT, request, sha256, temporary, withEngine } from './harness';

const TWIN = 'models/prosqa-pause';
const options = { seed: 0, temperature: 0 };
const all = { start: 0, end: 1_000 };

async function train(engine: Engine, more: Partial<TrainProbeParams> = {}): Promise<ProbeReport & { out: string }> {
	const out = join(await temporary(), 'p.probe.safetensors');
	const params: TrainProbeParams = { model: MODEL, at: 'thoughts', options, name: 'mine', source: 'the test', out, ...more };
	return { ...(await engine.call('trainProbe', params)), out };
}

async function reference(): Promise<string[]> {
	const problems = JSON.parse(await readFile(`${MODEL}/reference.json`, 'utf8')) as { question: string }[];
	return problems.map(({ question }) => question);
}

const labelled = (prompts: readonly string[], label: (i: number) => LabelledPrompt['label']): LabelledPrompt[] =>
	prompts.map((prompt, i) => ({ prompt, group: prompt, label: label(i), line: i + 1 }));
const refused = (wording: RegExp) => (error: unknown) => {
	const { code, message } = error as { code?: string; message: string };
	assert.equal(code, 'bad-request', message);
	assert.match(message, wording);
	assert.match(message, /^[^\n]+\.$/);
	return true;
};

describe('probes', () => {
	test('the entities one hop from the root are read off the first thought, beyond every control; another model refuses it', () =>
		withEngine(async (engine) => {
			const report = await train(engine, { task: 'live', sites: [2], options: { ...options, latents: 1 } });
			assert.deepEqual([report.arm, report.prompts, report.groups], ['latent', 150, { training: 100, heldOut: 50 }]);
			const [cell] = report.cells;
			assert.deepEqual([report.cells.length, cell!.step, cell!.layer], [1, 0, 2]);
			assert.ok(cell!.auroc > 0.95 && cell!.ci[0] > 0.93, `${cell!.auroc}`);
			for (const control of [cell!.control, cell!.shuffled, cell!.random]) {
				assert.ok(control < cell!.ci[0] && control > 0.3, `${control}`);
			}
			assert.ok(cell!.selectivityCi[0] > 0.1);

			const bytes = await readFile(report.out);
			const probe = parseProbe(bytes, sha256(bytes));
			const { sha256: hash } = await engine.call('load', { model: MODEL });
			assert.deepEqual([probe.model, probe.modelSha256, probe.task, probe.asks, probe.shape.sites], ['prosqa', hash, 'live', 'named', 3]);
			assert.deepEqual(probe.unfitted, [[0, 0], [0, 1]]);
			assert.equal(probe.training.length, 100);

			// Of the same prompts, those that were trained on are left out: what remains gives the same figures again.
			const again = await engine.call('evaluateProbe', { model: MODEL, probe: report.out, options: { ...options, latents: 1 } });
			assert.match(again.notes.join(), /100 of 150 prompts were left out, because the probe was trained on them/);
			assert.equal(again.cells.length, 1);
			assert.ok(Math.abs(again.cells[0]!.auroc - cell!.auroc) < 1e-6 && Math.abs(again.cells[0]!.ece - cell!.ece) < 1e-4);

			const elsewhere = { model: TWIN, probe: report.out, options };
			await assert.rejects(engine.call('evaluateProbe', elsewhere), refused(/fitted on another model, not on prosqa-pause: choose/));
			await assert.rejects(
				engine.call('analyze', request(PROMPT, { model: TWIN, probes: [report.out], strictProbes: true })),
				refused(/not on prosqa-pause/),
			);
			const { document } = await engine.call('analyze', request(PROMPT, { model: TWIN, probes: [report.out], arms: ['direct'] }));
			assert.match(document.notes.join('\n'), /not on prosqa-pause/);
		}));

	test('labels by a coin stay at chance', () =>
		withEngine(async (engine) => {
			const prompts = await reference();
			const coin = labelled(prompts, (i) => (Number.parseInt(sha256(Buffer.from(`coin ${i}`)).slice(0, 8), 16) % 2 === 1 ? 1 : 0));
			const { cells } = await train(engine, { examples: coin, sites: [1, 2] });
			assert.equal(cells.length, 12);
			const outside = cells.filter(({ ci: [low, high] }) => low > 0.5 || high < 0.5);
			// Of twelve 95 % intervals that are not independent of each other, more than two outside would be no accident.
			assert.ok(outside.length <= 2, JSON.stringify(outside.map(({ ci }) => ci)));
			assert.ok(Math.abs(cells.reduce((sum, { auroc }) => sum + auroc / 12, 0) - 0.5) < 0.1);
		}));

	test('a probe on what was written is scored where sentences end, as its formula says', () =>
		withEngine(async (engine) => {
			const trained = await train(engine, { task: 'first-option', arm: 'cot', at: 'tokens' });
			assert.deepEqual([trained.arm, trained.at], ['cot', 'tokens']);
			assert.ok(trained.cells.some(({ step }) => step === 2));
			const folder = await temporary();
			const out = join(folder, 'a.trace.safetensors');
			const { document } = await engine.call('analyze', request(PROMPT, { out, probes: [trained.out], strictProbes: true }));
			assert.deepEqual(document.probes.find(({ name }) => name === 'mine')?.at, 'tokens');
			const trace = await openTrace(await openFile(out));
			const arm = document.arms.find(({ name }) => name === 'cot')!;
			const scores = (await trace.read('cot', 'probe.mine.score', all)) as Float32Array;
			const hidden = fromHalf((await trace.read('cot', 'hidden.resid', all)) as Uint16Array);
			const bytes = await readFile(trained.out);
			const probe = parseProbe(bytes, '');
			const { sites, width } = probe.shape;
			const texts = new Map(document.tokens.map(({ id, text }) => [id, text]));
			const written = arm.steps.flatMap(({ kind, forced, id }, i) => (kind !== 'prompt' && !forced && !texts.get(id)!.startsWith('<') ? [i] : []));
			// In this vocabulary a token is a whole sentence, ` is a fompus.`, unless it is a subject, ` Every fompus`.
			const ends = written.filter((i) => /\.\s*$/.test(texts.get(arm.steps[i]!.id)!));
			assert.ok(ends.length >= 3);
			for (let position = 0; position < arm.steps.length; position++) {
				for (let site = 0; site < sites; site++) {
					const found = scores[position * sites + site]!;
					const step = ends.indexOf(position);
					const at = (position * sites + site) * width;
					const wanted = step < 0 ? NaN : scoreProbe(probe, hidden.subarray(at, at + width), step, site, 0);
					assert.ok(Number.isNaN(wanted) ? Number.isNaN(found) : Math.abs(found - wanted) < 2e-3, `${position} ${site}: ${found} for ${wanted}`);
				}
			}
			trace.dispose();
		}));

	test('features are the states of the trace, in events that do not stall', () =>
		withEngine(async (engine) => {
			const out = join(await temporary(), 'a.trace.safetensors');
			const { document } = await engine.call('analyze', request(PROMPT, { out, arms: ['latent'] }));
			const trace = await openTrace(await openFile(out));
			const hidden = fromHalf((await trace.read('latent', 'hidden.resid', all)) as Uint16Array);
			const { sites, width } = { sites: document.model.layers + 1, width: document.model.width };
			const events: Extract<FeaturesEvent, { kind: 'features' }>[] = [];
			const prompts = [PROMPT, PROMPT];
			const result = await engine.call('features', { model: MODEL, prompts, at: 'thoughts', sites: [0, 2], options }, {
				onEvent: (event) => event.kind === 'features' && events.push(event),
			});
			assert.deepEqual(result, { arm: 'latent', sites: [0, 2], width });
			assert.deepEqual(events.map(({ index, steps }) => [index, steps]), [0, 1].map((index) => [index, { start: 0, end: 6 }]));
			assert.ok(events.every(({ data }) => data.buffer.byteLength <= 2 ** 20));
			document.arms[0]!.thoughts.forEach(({ producedAt }, step) => {
				for (const [i, site] of [0, 2].entries()) {
					for (let k = 0; k < width; k++) {
						const wanted = hidden[(producedAt * sites + site) * width + k]!;
						assert.ok(Math.abs(events[1]!.data[(step * 2 + i) * width + k]! - wanted) < 2e-3 * Math.max(1, Math.abs(wanted)));
					}
				}
			});
			trace.dispose();
		}));

	test('what cannot be trained is refused with a reason', () =>
		withEngine(async (engine) => {
			const prompts = await reference();
			const call = (more: Partial<TrainProbeParams>) => train(engine, more);
			await assert.rejects(call({}), refused(/have no labels: name a built-in task, or give a file/));
			await assert.rejects(call({ examples: labelled(prompts, () => 1) }), refused(/Every label is 1/));
			await assert.rejects(call({ examples: labelled(prompts.slice(0, 10), (i) => (i % 2 === 0 ? 0 : 1)) }), refused(/at least 20 groups/));
			await assert.rejects(call({ task: 'live', arm: 'cot' }), refused(/arm cot has no latent thoughts/));
			await assert.rejects(call({ task: 'live', arm: 'poetry' }), refused(/no arm "poetry"/));
			await assert.rejects(call({ task: 'live', sites: [7] }), refused(/no site 7: its sites are 0 to 2/));
			await assert.rejects(call({ examples: labelled(['Why?', 'How?'], () => 1), task: 'live' }), refused(/None of the prompts/));
			await assert.rejects(call({ name: '../x', task: 'live' }), refused(/request's name is wrong/));
			const out = join(await temporary(), 'none', 'p');
			await assert.rejects(call({ task: 'first-option', sites: [2], out }), /The probe was not written .* the folder does not exist/);
		}));

	test('files that are no probes are refused, whatever they are', () =>
		withEngine(async (engine) => {
			const folder = await temporary();
			const call = (probe: string) => engine.call('evaluateProbe', { model: MODEL, probe, task: 'live', options });
			await writeFile(join(folder, 'text'), 'not a probe');
			await mkdir(join(folder, 'folder'));
			await symlink(join(folder, 'nowhere'), join(folder, 'link'));
			await assert.rejects(call(join(folder, 'text')), refused(/The probe "text" cannot be used/));
			await assert.rejects(call(join(folder, 'folder')), refused(/"folder" is not a regular file|"folder" cannot be read/));
			await assert.rejects(call(join(folder, 'link')), refused(/"link" cannot be read \(ENOENT\)/));
			await assert.rejects(call('/dev/zero'), refused(/"zero" is not a regular file/));
			const own = `${MODEL}/probes/first-option.safetensors`;
			await assert.rejects(
				engine.call('analyze', request(PROMPT, { probes: [own], strictProbes: true })),
				refused(/has the name first-option, as another one does/),
			);
			// A bundled probe of before can be measured: it has the model's id.
			const report = await engine.call('evaluateProbe', { model: MODEL, probe: own, task: 'first-option', options });
			assert.equal(report.cells.length, 18);
		}));

	test('a cancel gets through while it fits', () =>
		withEngine(async (engine) => {
			const abort = new AbortController();
			const out = join(await temporary(), 'p');
			const call = engine.call(
				'trainProbe',
				{ model: MODEL, at: 'thoughts', task: 'within-k-hops', options, name: 'mine', source: 'x', out },
				{ signal: abort.signal, onEvent: ({ message }) => message === 'Fitting the probe' && abort.abort() },
			);
			await assert.rejects(call, { code: 'cancelled' });
			const before = engine.pid;
			await engine.settled();
			await engine.call('load', { model: MODEL });
			assert.equal(engine.pid, before, 'the child answered, so it was not killed');
			await assert.rejects(readFile(out), { code: 'ENOENT' });
		}));
});
