/** The real child with the bundled model: what it computes, and what it survives. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, link, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AnalyzeEvent } from '../../../src/engine/api';
import { Engine } from '../../../src/engine/caller/client';
import { fromHalf } from '../../../src/trace/half';
import { LiveTrace } from '../../../src/trace/live';
import { openFile } from '../../../src/trace/bytes.node';
import { openTrace } from '../../../src/trace/reader';
import { MAX_EVENT_BYTES } from '../../../src/engine/run/sheet';
import { oneNode } from './onnx';
import { linearProbe } from './probe';
import {
	collector,
	MODEL,
	modelCopy,
	MODULE,
	PROMPT,
	replaced,
	request,
	sha256,
	temporary,
	withEngine,
	withProbe,
} from './harness';

const coded =
	(code: string, wording = /./) =>
	(error: unknown) => {
		const { code: found, message } = error as { code?: string; message: string };
		assert.equal(found, code, message);
		assert.match(message, wording);
		assert.match(message, /^[^\n]+[.:]?$/);
		return true;
	};

async function gone(pid: number): Promise<boolean> {
	for (let waited = 0; waited < 5_000; waited += 50) {
		try {
			process.kill(pid, 0);
		} catch {
			return true;
		}
		await sleep(50);
	}
	return false;
}

function live(events: readonly AnalyzeEvent[]): LiveTrace {
	let trace: LiveTrace | undefined;
	for (const event of events) {
		switch (event.kind) {
			case 'started':
				trace = new LiveTrace(event.document);
				break;
			case 'arm':
				trace!.setArm(event.arm, event.tokens);
				break;
			case 'rows':
				trace!.addRows(event.arm, event.plane, event.rows, event.data);
				break;
		}
	}
	return trace!;
}

describe('engine', () => {
	test('loads and tests the bundled model', () =>
		withEngine(async (engine, states) => {
			const card = await engine.call('load', { model: MODEL });
			assert.equal(card.id, 'prosqa');
			assert.equal(card.selfTest.length, 10);
			assert.ok(card.selfTest.every(({ ok }) => ok));
			assert.ok(card.available.includes('latents'));
			assert.deepEqual([...new Set(states)], ['starting', 'ready', 'busy']);
		}));

	test('streams all that it writes: events rebuild the planes of the file', () =>
		withEngine(async (engine) => {
			const out = join(await temporary(), 'a.trace.safetensors');
			const { events, onEvent } = collector();
			const { document, peakMemory } = await engine.call('analyze', request(PROMPT, { out }), { onEvent });
			assert.ok(peakMemory > 20e6 && peakMemory < 2e9);
			assert.ok(events.every((event) => event.kind !== 'rows' || event.data.buffer.byteLength <= MAX_EVENT_BYTES));
			const streamed = live(events);
			const file = await openTrace(await openFile(out));
			assert.deepEqual(file.document, JSON.parse(JSON.stringify(document)));
			let planes = 0;
			for (const arm of file.document.arms) {
				assert.deepEqual(streamed.document.arms.find(({ name }) => name === arm.name)?.steps, arm.steps);
				for (const { name } of file.tensors.filter(
					(tensor) => tensor.name.startsWith(`${arm.name}/`) && !tensor.name.endsWith('hidden.resid'),
				)) {
					const plane = name.slice(arm.name.length + 1) as 'tokens.id';
					const all = { start: 0, end: arm.steps.length };
					assert.deepEqual(await streamed.read(arm.name, plane, all), await file.read(arm.name, plane, all), name);
					planes++;
				}
			}
			assert.ok(planes >= 21, String(planes));
			const texts = new Map(document.tokens.map(({ id, text }) => [id, text]));
			assert.ok(file.document.arms.every(({ steps }) => steps.every(({ id }) => id < 0 || texts.has(id))));
			file.dispose();
		}));

	test('follows the index convention: a thought is decoded one position before it is fed', () =>
		withEngine(async (engine) => {
			const { document } = await engine.call(
				'analyze',
				request(PROMPT, { arms: ['latent'], options: { seed: 0, temperature: 0, topK: 5, latents: 9 } }),
			);
			const [{ steps, thoughts }] = document.arms as [(typeof document.arms)[0]];
			const begin = steps.findIndex(({ forced }) => forced);
			assert.equal(thoughts.length, 9);
			thoughts.forEach(({ index, producedAt, fedAt, spare }, i) => {
				assert.deepEqual([index, producedAt, fedAt], [i, begin + i, begin + i + 1]);
				assert.deepEqual([steps[fedAt]!.kind, steps[fedAt]!.thought, steps[fedAt]!.id], ['latent', i, -1]);
				assert.equal(spare !== undefined, i >= 3, `thought ${i} of a question of three facts: ${spare}`);
			});
		}));

	test('the same seed gives the same trace, another seed another sample', () =>
		withEngine(async (engine) => {
			const run = async (seed: number) => {
				const out = join(await temporary(), 'a.trace.safetensors');
				await engine.call('analyze', request(PROMPT, { out, options: { seed, temperature: 3, topK: 5, maxTokens: 40 } }));
				const file = await openTrace(await openFile(out));
				const bytes = await readFile(out);
				const { created: _, arms, ...rest } = file.document;
				const tensors = file.tensors
					.filter(({ name }) => name !== 'trace.json')
					.map(({ name, start, length }) => `${name} ${bytes.subarray(start, start + length).toString('base64')}`);
				file.dispose();
				return { rest, arms: arms.map(({ milliseconds: __, ...arm }) => arm), tensors };
			};
			const first = await run(5);
			assert.deepEqual(await run(5), first);
			assert.notDeepEqual((await run(6)).arms, first.arms);
		}));

	test('an arm that runs into the context is cut, and says so', () =>
		withEngine(async (engine) => {
			const endless = await modelCopy((_, { recipe }) => {
				recipe.arms['cot'] = [{ kind: 'prompt' }, { kind: 'decode', role: 'thought', stop: ['<pad>'], limit: 1_000 }];
			});
			const { document } = await engine.call('analyze', request(PROMPT, { model: endless, arms: ['cot'] }));
			assert.equal(document.arms[0]!.state, 'limit');
			assert.match(document.notes.join(), /context of \d+ positions is full/);
			assert.equal(document.arms[0]!.steps.length, (await engine.call('load', { model: endless })).shape.context);
			const limited = await engine.call(
				'analyze',
				request(PROMPT, { arms: ['cot'], options: { seed: 0, temperature: 0, topK: 5, maxTokens: 1 } }),
			);
			assert.equal(limited.document.arms[0]!.state, 'limit');
			assert.match(limited.document.notes.join(), /did not end within 1 token/);
		}));

	test('requests that cannot be met are refused with a reason', () =>
		withEngine(async (engine) => {
			const call = (text: string, more = {}) => engine.call('analyze', request(text, more));
			await assert.rejects(call(''), coded('bad-request', /empty/));
			await assert.rejects(call(PROMPT.repeat(20)), coded('bad-request', /positions.*context has \d+/));
			await assert.rejects(call(PROMPT, { arms: ['poetry'] }), coded('bad-request', /no arm "poetry"/));
			await assert.rejects(
				call(PROMPT, { options: { seed: -1, temperature: 0, topK: 5 } }),
				coded('bad-request', /options\.seed/),
			);
			await assert.rejects(
				call(PROMPT, { options: { seed: 0, temperature: NaN, topK: 5 } }),
				coded('bad-request', /options\.temperature/),
			);
			await assert.rejects(call(PROMPT, { model: '/nonexistent' }), coded('bad-model', /model\.json/));
			await assert.rejects(
				call(PROMPT, { out: join(await temporary(), 'none', 'a.trace.safetensors') }),
				coded('cannot-write'),
			);
		}));

	test('probes are scored at the thoughts of their arm, classes only where the prompt names them', () =>
		withEngine(async (engine) => {
			const { shape } = await engine.call('load', { model: MODEL });
			const sites = shape.layers + 1;
			const probe = linearProbe({ steps: 2, sites, classes: ['hilpus', 'nonesuch'], width: shape.width });
			const model = await modelCopy((folder, manifest) => withProbe(folder, manifest, 'entity.safetensors', probe.bytes));
			const out = join(await temporary(), 'a.trace.safetensors');
			const { document } = await engine.call('analyze', request(PROMPT, { model, out, arms: ['latent'] }));
			assert.deepEqual(
				document.probes.map(({ name, arm }) => [name, arm]),
				[['entity:hilpus', 'latent']],
			);
			const trace = await openTrace(await openFile(out));
			const { steps, thoughts } = document.arms[0]!;
			const all = { start: 0, end: steps.length };
			const scores = (await trace.read('latent', 'probe.entity:hilpus.score', all)) as Float32Array;
			const hidden = fromHalf((await trace.read('latent', 'hidden.resid', all)) as Uint16Array);
			for (let row = 0; row < steps.length; row++) {
				const thought = thoughts.find(({ producedAt }) => producedAt === row);
				for (let site = 0; site < sites; site++) {
					const at = row * sites + site;
					// The probe has weights for two thoughts: the others are not measured.
					const expected =
						thought && thought.index < 2
							? probe.score(hidden.subarray(at * shape.width, (at + 1) * shape.width), thought.index, site)
							: NaN;
					assert.ok(
						Object.is(scores[at], NaN) ? Number.isNaN(expected) : Math.abs(scores[at]! - expected) < 2e-3,
						`${row}, ${site}: ${scores[at]} and ${expected}`,
					);
				}
			}
			trace.dispose();
		}));

	test('a thought graph turns the state into what is fed back', () =>
		withEngine(async (engine) => {
			const { shape } = await engine.call('load', { model: MODEL });
			const graph = oneNode('Neg', [{ name: 'hidden', dims: ['batch', shape.width] }], {
				name: 'embed',
				dims: ['batch', shape.width],
			});
			const model = await modelCopy(async (folder, manifest) => {
				await writeFile(join(folder, 'thought.onnx'), graph);
				manifest.files.thought = { name: 'thought.onnx', sha256: sha256(graph), bytes: graph.length };
			});
			const first = async (folder: string) => {
				const { events, onEvent } = collector();
				await engine.call('analyze', request(PROMPT, { model: folder, arms: ['latent'] }), { onEvent });
				return (await live(events).read('latent', 'latent.vec', { start: 0, end: 1 })) as Float32Array;
			};
			assert.deepEqual(
				await first(model),
				(await first(MODEL)).map((value) => -value),
			);
		}));

	test('words outside the vocabulary are named in a note', () =>
		withEngine(async (engine) => {
			const { document } = await engine.call('analyze', request('Where is France?', { arms: ['direct'] }));
			assert.match(document.notes.join(), /does not know .*France/);
		}));
});

describe('cancel and crash', () => {
	test('a cancelled analysis rejects at once, writes nothing, and leaves the child running', () =>
		withEngine(async (engine) => {
			await engine.call('load', { model: MODEL });
			const { pid } = engine;
			const folder = await temporary();
			const abort = new AbortController();
			const cancelled = engine.call('analyze', request(PROMPT, { out: join(folder, 'a.trace.safetensors') }), {
				signal: abort.signal,
				onEvent: (event) => event.kind === 'arm' && abort.abort(),
			});
			await assert.rejects(cancelled, coded('cancelled'));
			const { document } = await engine.call('analyze', request(PROMPT));
			assert.equal(document.arms.length, 3);
			assert.equal(engine.pid, pid);
			assert.deepEqual(await readdir(folder), []);
		}));

	test('a child that does not answer a cancel is killed, and the next call has another', () =>
		withEngine(async (engine) => {
			await engine.call('load', { model: MODEL });
			const pid = engine.pid!;
			const abort = new AbortController();
			const stuck = engine.call(
				'evaluate',
				{
					model: MODEL,
					prompts: Array.from({ length: 500 }, () => PROMPT),
					options: { seed: 0, temperature: 0, topK: 1 },
				},
				{ signal: abort.signal },
			);
			await sleep(50);
			process.kill(pid, 'SIGSTOP');
			const begun = performance.now();
			abort.abort();
			await assert.rejects(stuck, coded('cancelled'));
			assert.ok(performance.now() - begun < 100, 'the caller waits for nothing');
			assert.equal((await engine.call('load', { model: MODEL })).id, 'prosqa');
			assert.notEqual(engine.pid, pid);
			assert.ok(await gone(pid));
		}));

	test('a child that makes no progress is ended', () =>
		withEngine(async (engine) => {
			await engine.call('load', { model: MODEL });
			const pid = engine.pid!;
			const prompts = Array.from({ length: 500 }, () => PROMPT);
			const stuck = engine.call('evaluate', { model: MODEL, prompts, options: { seed: 0, temperature: 0, topK: 1 } });
			await sleep(50);
			process.kill(pid, 'SIGSTOP');
			await assert.rejects(stuck, coded('timeout', /no sign of progress/));
			assert.ok(await gone(pid));
			assert.equal((await engine.call('load', { model: MODEL })).id, 'prosqa');
		}));

	test('the child, which runs anybody\'s models, has no token of a hub', { skip: process.platform !== 'linux' && 'no /proc' }, async () => {
		process.env['HF_TOKEN'] = process.env['HUGGING_FACE_HUB_TOKEN'] = 'hf_of_nobody';
		try {
			await withEngine(async (engine) => {
				await engine.call('describe', undefined);
				const environment = await readFile(`/proc/${engine.pid}/environ`, 'utf8');
				assert.match(environment, /ELECTRON_RUN_AS_NODE=1/);
				assert.doesNotMatch(environment, /hf_of_nobody/);
			});
		} finally {
			delete process.env['HF_TOKEN'];
			delete process.env['HUGGING_FACE_HUB_TOKEN'];
		}
	});

	test('without a binary for the platform every call says so', async () => {
		// Away from node_modules the child finds no runtime, as on a platform that has none.
		const modulePath = join(await temporary(), 'engine.js');
		await copyFile(MODULE, modulePath);
		const engine = new Engine({ modulePath });
		await assert.rejects(
			engine.call('describe', undefined),
			coded('engine-unavailable', new RegExp(`${process.platform}-${process.arch}`)),
		);
		await assert.rejects(engine.call('analyze', request(PROMPT)), coded('engine-unavailable'));
		engine.dispose();
	});

	test('a killed child rejects what was pending, and the next call simply works', () =>
		withEngine(async (engine, states) => {
			await engine.call('load', { model: MODEL });
			const pid = engine.pid!;
			const pending = engine.call(
				'evaluate',
				{
					model: MODEL,
					prompts: Array.from({ length: 500 }, () => PROMPT),
					options: { seed: 0, temperature: 0, topK: 1 },
				},
				{
					onEvent: (event) => event.kind === 'answer' && event.index === 3 && process.kill(pid, 'SIGKILL'),
				},
			);
			await assert.rejects(pending, coded('crashed', /SIGKILL/));
			assert.equal(engine.state.kind, 'backing-off');
			assert.equal((await engine.call('analyze', request(PROMPT))).document.arms.length, 3);
			assert.notEqual(engine.pid, pid);
			assert.ok(states.includes('backing-off'));
			assert.ok(await gone(pid));
		}));

	test('a model that crashes the child twice is quarantined, until restarted', () =>
		withEngine(async (engine) => {
			const prompts = Array.from({ length: 500 }, () => PROMPT);
			for (let i = 0; i < 2; i++) {
				const crashing = engine.call(
					'evaluate',
					{ model: MODEL, prompts, options: { seed: 0, temperature: 0, topK: 1 } },
					{
						onEvent: (event) =>
							event.kind === 'answer' && engine.pid !== undefined && process.kill(engine.pid, 'SIGKILL'),
					},
				);
				await assert.rejects(crashing, coded('crashed'));
			}
			await assert.rejects(engine.call('load', { model: MODEL }), coded('quarantined'));
			engine.restart();
			assert.equal((await engine.call('load', { model: MODEL })).id, 'prosqa');
		}));

	test('gives up after five crashes, until restarted', () =>
		withEngine(async (engine) => {
			for (let i = 0; i < 5; i++) {
				await engine.call('describe', undefined);
				process.kill(engine.pid!, 'SIGKILL');
				for (let waited = 0; engine.pid !== undefined && waited < 5_000; waited += 10) {
					await sleep(10);
				}
			}
			assert.equal(engine.state.kind, 'gave-up');
			await assert.rejects(engine.call('describe', undefined), coded('gave-up'));
			engine.restart();
			assert.equal((await engine.call('describe', undefined)).pid, engine.pid);
		}));

	test('the child ends when its parent is killed', async () => {
		const source = `
			const child = require('node:child_process').fork(${JSON.stringify(MODULE)}, [], { serialization: 'advanced' });
			child.send({ rpc: 'call', id: 1, method: 'describe' });
			child.on('message', () => console.log(child.pid));
			setInterval(() => {}, 1000);`;
		const parent = spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'pipe', 'inherit'] });
		const [output] = (await once(parent.stdout, 'data')) as [Buffer];
		const pid = Number(String(output));
		process.kill(pid, 0);
		parent.kill('SIGKILL');
		assert.ok(await gone(pid));
	});
});

describe('hostile model folders', () => {
	const cases: [what: string, folder: () => Promise<string>, wording: RegExp][] = [
		['a missing file', () => modelCopy((folder) => rm(join(folder, 'head.onnx'))), /head\.onnx/],
		[
			'a changed file',
			() =>
				modelCopy(async (folder) => {
					const bytes = await readFile(join(folder, 'body.onnx'));
					bytes[bytes.length >> 1]! ^= 1;
					await writeFile(join(folder, 'body.onnx'), bytes);
				}),
			/body\.onnx.*SHA-256/,
		],
		[
			'a longer file',
			() => modelCopy((folder) => writeFile(join(folder, 'head.onnx'), 'x', { flag: 'a' })),
			/head\.onnx.*bytes/,
		],
		[
			'a truncated graph',
			() =>
				modelCopy(async (folder, manifest) =>
					replaced(folder, manifest, 'body', (await readFile(join(folder, 'body.onnx'))).subarray(0, 10_000)),
				),
			/body\.onnx.*does not load/,
		],
		[
			'a graph of garbage',
			() =>
				modelCopy((folder, manifest) =>
					replaced(folder, manifest, 'head', new TextEncoder().encode('<html>not found</html>')),
				),
			/head\.onnx.*does not load/,
		],
		[
			'weights that are not numbers',
			() =>
				modelCopy(async (folder, manifest) => {
					const bytes = await readFile(join(folder, 'body.onnx'));
					// The embedding and the blocks' weights fill the file; 0xff.. is NaN at any alignment.
					bytes.fill(0xff, bytes.length >> 1, (bytes.length >> 1) + 4_000);
					await replaced(folder, manifest, 'body', bytes);
				}),
			/fails its self-test/,
		],
		[
			'an empty tokenizer',
			() => modelCopy((folder, manifest) => replaced(folder, manifest, 'tokenizer', new TextEncoder().encode('{}'))),
			/tokenizer\.json/,
		],
		[
			"the wrong graph in the body's place",
			() =>
				modelCopy(async (folder, manifest) =>
					replaced(folder, manifest, 'body', await readFile(join(folder, 'head.onnx'))),
				),
			/body graph has no input input_ids/,
		],
		['a wrong width', () => modelCopy((_, manifest) => void (manifest.shape.width = 64)), /body graph has the/],
		['too many layers', () => modelCopy((_, manifest) => void (manifest.shape.layers = 3)), /body graph has no/],
		['too few layers', () => modelCopy((_, manifest) => void (manifest.shape.layers = 1)), /unknown input/],
		[
			'a wrong vocabulary',
			() => modelCopy((_, manifest) => void (manifest.shape.vocabulary = 500)),
			/head graph has the output logits/,
		],
		[
			'a name that leaves the folder',
			() => modelCopy((_, manifest) => void (manifest.files.body.name = '../body.onnx')),
			/files\.body\.name/,
		],
		[
			'a hard link to somewhere else',
			() => modelCopy(async (folder) => link(join(folder, 'head.onnx'), join(folder, 'other'))),
			/file of its own/,
		],
		[
			"a folder in a file's place",
			() =>
				modelCopy(async (folder) => {
					await rm(join(folder, 'head.onnx'));
					await symlink('/', join(folder, 'head.onnx'));
				}),
			/head\.onnx/,
		],
		[
			'a recipe of unknown tokens',
			() =>
				modelCopy(
					(_, manifest) =>
						void (manifest.recipe.arms['direct'] = [{ kind: 'prompt' }, { kind: 'tokens', tokens: ['<nothing>'] }]),
				),
			/<nothing>/,
		],
	];
	test('each is refused with one sentence, by the same child', () =>
		withEngine(async (engine) => {
			await engine.call('describe', undefined);
			const { pid } = engine;
			for (const [what, folder, wording] of cases) {
				await assert.rejects(
					engine.call('analyze', request(PROMPT, { model: await folder() })),
					coded('bad-model', wording),
					what,
				);
			}
			assert.equal(engine.pid, pid);
			assert.equal((await engine.call('load', { model: await modelCopy() })).id, 'prosqa');
		}));
});
