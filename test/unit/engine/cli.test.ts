/** The built command line, as a program: what it prints, and how it fails. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseCommand } from '../../../src/cli/commands';
import type { Manifest } from '../../../src/engine/model/manifest';
import type { EvidenceRecord } from '../../../src/trace/evidence';
import { cacheFolder } from '../../../src/cli/cache';
import { UsageError } from '../../../src/cli/failure';
import { MODEL, modelCopy, PROMPT, temporary } from './harness';

const CLI = 'dist/cli.js';
/** What is computed once for each model is kept away from the user's own. */
const CACHE = mkdtempSync(join(tmpdir(), 'cache-'));
after(() => rmSync(CACHE, { recursive: true, force: true }));

const { layers: LAYERS } = (JSON.parse(readFileSync(`${MODEL}/model.json`, 'utf8')) as Manifest).shape;
const SITES = Array.from({ length: LAYERS + 1 }, (_, site) => site);

interface Ended {
	code: number | null;
	out: string;
	error: string;
}

function cli(args: string[], { interruptAfter }: { interruptAfter?: RegExp } = {}): Promise<Ended> {
	return new Promise((resolve) => {
		const child = spawn(process.execPath, [CLI, ...args], {
			stdio: ['ignore', 'pipe', 'pipe'],
			env: { ...process.env, XDG_CACHE_HOME: CACHE },
		});
		const ended: Ended = { code: null, out: '', error: '' };
		child.stdout.on('data', (chunk) => (ended.out += chunk));
		child.stderr.on('data', (chunk) => {
			ended.error += chunk;
			if (interruptAfter?.test(ended.error)) {
				interruptAfter = undefined;
				child.kill('SIGINT');
			}
		});
		child.on('close', (code) => resolve({ ...ended, code }));
	});
}

async function promptFile(text: string, name = 'a.prompt.md'): Promise<string> {
	const path = join(await temporary(), name);
	await writeFile(path, text);
	return path;
}

const last = (text: string) => text.trimEnd().split('\n').at(-1)!;

/** Exit code 1 or 2, nothing on the output, and as the last line one sentence. */
async function fails(args: string[], code: number, wording: RegExp): Promise<void> {
	const ended = await cli(args);
	assert.equal(ended.code, code, ended.error);
	assert.equal(ended.out, '');
	assert.match(last(ended.error), wording);
	assert.match(last(ended.error), /[.?]$/);
}

test('options of a hub are wrong usage where a path is added', async () => {
	await fails(['models', 'add', 'a', '--yes'], 2, /--yes is for models of a hub/);
	await fails(['models', 'add', './a/b', '--revision', 'x'], 2, /--revision is for models of a hub/);
	await fails(['models', 'add', 'a/b.onnx', '--variant', 'x'], 2, /--variant is for models of a hub/);
});

test('a manifest that is a named pipe is refused and not waited for', { skip: process.platform === 'win32' }, async () => {
	const folder = await temporary();
	execFileSync('mkfifo', [join(folder, 'model.json')]);
	await fails(['analyze', await promptFile(PROMPT), '--model', folder], 1, /not a regular file of its own/);
});

test('no thoughts are an empty list, and a byte order mark before JSON is no error', async () => {
	const { arms } = JSON.parse((await cli(['analyze', await promptFile(PROMPT), '--latents', '0', '--json'])).out) as {
		arms: Record<string, { thoughts?: unknown[] }>;
	};
	assert.deepEqual(arms['latent']!.thoughts, []);
	assert.equal(arms['direct']!.thoughts, undefined);
	const problems = await promptFile('\uFEFF[{"question": "Is Sally a rempus or impus?", "answer": "x"}]', 'x.json');
	assert.equal((await cli(['eval', problems, '--arms', 'direct', '--json'])).code, 0);
});

/** What the command would be run with. */
function options(args: string[]): object {
	const asked = parseCommand(args);
	assert.equal(asked.kind, 'run');
	return asked.kind === 'run' ? asked.options : {};
}

describe('arguments', () => {
	const wrong: [args: string[], wording: RegExp][] = [
		[[], /command is missing/],
		[['analyse', 'x'], /no command "analyse"/],
		[['analyze'], /needs a file/],
		[['analyze', 'a', 'b'], /one file/],
		[['analyze', 'a', '--nope'], /--nope/],
		[['analyze', 'a', '--latents', 'many'], /--latents should be a whole number/],
		[['analyze', 'a', '--latents=-1'], /--latents should be/],
		[['analyze', 'a', '--latents', '-1'], /--latents cannot be negative/],
		[['analyze', 'a', '--latents', '1e9'], /--latents should be/],
		[['analyze', 'a', '--latents'], /--latents/],
		[['analyze', 'a', '--top-k', '0'], /--top-k should be/],
		[['analyze', 'a', '--seed', '1.5'], /--seed should be/],
		[['analyze', 'a', '--seed', '4294967296'], /--seed should be/],
		[['analyze', 'a', '--arms', 'cot,,direct'], /--arms takes names/],
		[['analyze', 'a', '--out='], /--out needs a value/],
		[['analyze', 'a', '--twin='], /--twin needs a value/],
		[['analyze', 'a', '--candidates', 'a,,b'], /--candidates takes names/],
		[['analyze', 'a', '--no-evidence', '--twin', 'x'], /--twin is for evidence: leave out --no-evidence/],
		[['eval', 'a', '--limit', '0'], /--limit should be/],
		[['eval', 'a', '--out='], /--out needs a value/],
		[['eval', 'a', '--twin', 'b'], /takes one file, not also "b": a twin's folder is written --twin=DIR/],
		[['eval', 'a', 'b'], /takes one file, not also "b": see --help/],
		[['report', 'a'], /report needs results or traces, and --out DIR/],
		[['report', '--out', 'x'], /report needs results or traces/],
		[['reproduce', 'gpt'], /no preset "gpt": use prosqa, /],
		[['eval', 'a', '--causal', '--temperature', '1'], /leave out --temperature/],
		[['causal'], /needs a file/],
		[['causal', 'a', '--tests', 'zero'], /no test "zero": use ablate-zero, /],
		[['causal', 'a', '--tests', 'interchange'], /name its file with --from/],
		[['causal', 'a', '--resamples', '0'], /--resamples should be/],
		[['causal', 'a', '--temperature', '1'], /--temperature/],
		[['ood'], /needs a file/],
		[['ood', 'a', '--reference='], /--reference needs a value/],
		[['legibility'], /needs a file/],
		[['legibility', 'a', '--latents', '1'], /--latents/],
		[['legibility', 'a', '--base='], /--base needs a value/],
		[['legibility', 'a', '--load-bearing', '--temperature', '1'], /leave out --temperature/],
		[['inspect', 'a', '--model', 'x'], /--model/],
		[['probe'], /probe needs one of train, eval, features/],
		[['probe', 'fit', 'a'], /probe needs one of/],
		[['probe', 'train', 'a'], /probe train needs --out/],
		[['probe', 'train', '--out', 'p'], /needs a file of labelled prompts, or a --task/],
		[['probe', 'train', 'a', 'b', '--out', 'p'], /probe train does not take "b"/],
		[['probe', 'train', 'a', '--out', 'p', '--task', 'x'], /no task "x": use first-option, within-k-hops, live/],
		[['probe', 'train', 'a', '--out', 'p', '--at', 'x'], /--at should be thoughts or tokens/],
		[['probe', 'train', 'a', '--out', 'p', '--arms', 'cot,direct'], /A probe reads one arm/],
		[['probe', 'train', 'a', '--out', 'p', '--arm', 'cot', '--arms', 'direct'], /A probe reads one arm/],
		[['probe', 'train', 'a', '--out', 'p', '--sites', '0,x'], /--sites should be a whole number/],
		[['probe', 'eval'], /probe eval needs a probe/],
		[['probe', 'eval', 'p', '--out', 'x'], /--out/],
		[['probe', 'features', '--out', 'x'], /probe features needs a file/],
		[['analyze', 'a', '--probes='], /--probes needs a value/],
		[['models'], /models needs one of add, list, remove, check/],
		[['models', 'remove'], /models remove needs the name of an added model/],
		[['models', 'rename', 'a'], /models needs one of/],
		[['models', 'add'], /models add needs a file/],
		[['models', 'add', 'a', '--json'], /--json/],
		[['models', 'add', 'a', '--variant='], /--variant needs a value/],
		[['models', 'add', 'a', '--out='], /--out needs a value/],
		[['models', 'check', 'a', '--tokenizer', 'x'], /--tokenizer/],
		[['models', 'list', 'a'], /models list does not take "a"/],
		[['providers', 'a'], /providers does not take "a"/],
		[['analyze', 'a', '--provider', 'tpu'], /no execution provider "tpu": use cpu, cuda, dml, coreml, webgpu/],
		[['models', 'check', 'a', '--memory', 'little'], /no memory mode "little": use auto, low, full/],
	];
	for (const [args, wording] of wrong) {
		test(`wrong usage: ${args.join(' ') || '(nothing)'}`, () => {
			assert.throws(
				() => parseCommand(args),
				(error: unknown) => error instanceof UsageError && wording.test(error.message),
			);
		});
	}

	test('right usage', () => {
		assert.deepEqual(
			options([
				'analyze',
				'a.md',
				'--arms',
				'latent,cot',
				'--latents',
				'0',
				'--seed',
				'4294967295',
				'--top-k',
				'3',
				'--out',
				'x',
				'--json',
				'--candidates',
				'yes, no',
			]),
			{
				file: 'a.md',
				json: true,
				out: 'x',
				evidence: { reference: undefined, twin: undefined, base: undefined, referenceModel: undefined, candidates: ['yes', 'no'], thoughts: undefined },
				run: {
					model: undefined,
					arms: ['latent', 'cot'],
					latents: 0,
					loops: undefined,
					noise: undefined,
					seed: 4294967295,
					temperature: undefined,
					maxTokens: undefined,
					topK: 3,
					execution: { provider: 'cpu', memory: 'auto' },
					chatTemplate: undefined,
				},
				probes: undefined,
			},
		);
		assert.deepEqual(options(['analyze', 'a.md', '--no-evidence']), {
			...options(['analyze', 'a.md']),
			evidence: undefined,
		});
		const twin = (args: string[]) => (options(['eval', 'a', ...args]) as { twin?: unknown }).twin;
		assert.deepEqual([twin([]), twin(['--twin']), twin(['--twin=b'])], [undefined, true, 'b']);
	});

	test('help is of what was asked for', () => {
		const help = (args: string[]) => {
			const asked = parseCommand(args);
			return asked.kind === 'help' ? asked.text : assert.fail('it would run');
		};
		const commands = (text: string) => [...text.matchAll(/^  node dist\/cli\.js ((?:probe |models )?\w+)/gm)].map(([, name]) => name);
		assert.deepEqual(commands(help(['eval', '--help'])), ['eval']);
		assert.deepEqual(commands(help(['probe', '-h'])), ['probe train', 'probe eval', 'probe features']);
		assert.deepEqual(commands(help(['probe', 'eval', '--help'])), ['probe eval']);
		const all = commands(help(['--help']));
		assert.ok(all.length > 10 && new Set(all).size === all.length);
		assert.deepEqual(all, commands(help(['help'])));
	});
});

describe('exit codes', () => {
	test('2 for wrong usage, 1 for what failed, with one line that says what to do', async () => {
		const prompt = await promptFile(PROMPT);
		await fails(['analyze'], 2, /needs a file/);
		await fails(['analyze', prompt, '--model', MODEL, '--arms', 'poetry'], 2, /no arm "poetry"/);
		await fails(['analyze', prompt, '--model', MODEL, '--out', tmpdir()], 1, /is a folder/);
		await fails(['analyze', 'none.prompt.md'], 1, /none\.prompt\.md cannot be read/);
		await fails(['analyze', '.'], 1, /not a file/);
		await fails(['analyze', prompt, '--model', await temporary()], 1, /model\.json/);
		await fails(['analyze', prompt, '--latents', '100000'], 1, /context/);
		await fails(['analyze', prompt, '--out', join(await temporary(), 'none', 'x.trace.safetensors')], 1, /does not exist/);
		await fails(['analyze', prompt, '--out', prompt], 1, /is what is read, and would be lost/);
		assert.equal(await readFile(prompt, 'utf8'), PROMPT);
		for (const flag of ['--twin', '--base', '--reference-model']) {
			await fails(['analyze', prompt, flag, 'none'], 1, /There is no model "none": use .*prosqa, /);
		}
		await fails(['analyze', await promptFile('\n\n')], 1, /empty/);
		await fails(
			[
				'analyze',
				await promptFile('\xff\xfe\0\x01'.repeat(3), 'binary.txt').then(
					async (path) => (await writeFile(path, Uint8Array.of(0xff, 0xfe, 0x80)), path),
				),
			],
			1,
			/not UTF-8/,
		);
		await fails(['eval', 'package.json'], 1, /ProsQA/);
		await fails(['eval', '.'], 1, /not a file: name a file of problems/);
		await fails(['eval', await promptFile('[{"question": 1}]', 'a.json')], 1, /item 0/);
		await fails(['inspect', 'package.json'], 1, /safetensors/);
		await fails(['inspect', 'test/fixtures/prosqa-parity.safetensors'], 1, /not a trace/);
	});
});

describe('analyze', () => {
	test('--json has the documented shape, and the trace can be inspected', async () => {
		const file = await promptFile(`---\nseed: 3\nfoo: bar\n---\n${PROMPT}\n`);
		const out = join(await temporary(), 'x.trace.safetensors');
		const {
			code,
			out: text,
			error,
		} = await cli(['analyze', file, '--model', MODEL, '--top-k', '3', '--latents', '4', '--out', out, '--json']);
		assert.equal(code, 0, error);
		assert.match(error, /foo/);
		const result = JSON.parse(text);
		assert.deepEqual(Object.keys(result), ['model', 'prompt', 'arms', 'probes', 'evidence', 'notes', 'trace']);
		assert.deepEqual(Object.keys(result.model), ['id', 'sha256']);
		assert.equal(result.prompt, PROMPT);
		assert.equal(result.trace, out);
		const { cot, latent, direct } = result.arms;
		for (const arm of [cot, latent, direct]) {
			assert.equal(typeof arm.answer, 'string');
			assert.equal(typeof arm.text, 'string');
			assert.ok(arm.tokens.length > 0);
			for (const token of arm.tokens) {
				assert.deepEqual(Object.keys(token), ['id', 'text', 'logprob']);
				assert.ok(token.logprob <= 1e-5, String(token.logprob));
			}
		}
		assert.ok(cot.tokens.length > direct.tokens.length);
		assert.equal(latent.thoughts.length, 4);
		latent.thoughts.forEach(
			(
				{
					index,
					layers,
				}: { index: number; layers: { layer: number; top: { id: number; text: string; prob: number }[] }[] },
				i: number,
			) => {
				assert.equal(index, i);
				assert.deepEqual(
					layers.map(({ layer }) => layer),
					SITES,
				);
				for (const { top } of layers) {
					assert.equal(top.length, 3);
					assert.ok(
						top.every(
							({ prob, text: token }, rank) =>
								prob >= 0 && prob <= 1 + 1e-5 && token !== '' && (rank === 0 || prob <= top[rank - 1]!.prob),
						),
					);
				}
			},
		);
		for (const { layers, steps, scores } of Object.values(result.probes) as {
			layers: number[];
			steps: number[];
			scores: number[][];
		}[]) {
			assert.deepEqual(layers, SITES);
			assert.deepEqual(steps, [0, 1, 2, 3]);
			assert.ok(
				scores.length === 4 &&
					scores.every((row) => row.length === SITES.length && row.every((score) => score >= 0 && score <= 1)),
			);
		}
		const inspected = await cli(['inspect', out, '--json']);
		const summary = JSON.parse(inspected.out);
		assert.equal(summary.prompt.text, PROMPT);
		assert.equal(summary.options.seed, 3);
		assert.ok(
			summary.tensors.every(
				({ name, dtype, shape }: { name: string; dtype: string; shape: number[] }) =>
					typeof name === 'string' && typeof dtype === 'string' && Array.isArray(shape),
			),
		);
		assert.ok(summary.tensors.some(({ name }: { name: string }) => name === 'latent/latent.vec'));
		assert.equal((await cli(['inspect', out])).code, 0);
	});

	test('says how thoughts are made and what their codes are', async () => {
		// By its first two moves the walker goes from j to d and back.
		const [walker, rooms] = ['media/examples/walker.prompt.md', ['j', 'd', 'j']];
		const args = ['analyze', walker, '--arms', 'latent', '--latents', '3', '--noise', '0.5', '--no-evidence'];
		const { out } = await cli(args);
		assert.match(out, /^Arm latent: 3 latent thoughts \(made from state after the final norm, noise of scale 0\.5\), logit lens/m);
		assert.deepEqual([...out.matchAll(/^ +room (\w) at [\d.]+ · heading [NESW]+ at [\d.]+$/gm)].map(([, room]) => room), rooms);
		const { latent } = JSON.parse((await cli([...args, '--json'])).out).arms;
		assert.equal(latent.stopped, null);
		type Coded = { codes: { part: string; nearest: { text: string; distance: number }[] }[] };
		assert.deepEqual((latent.thoughts as Coded[]).map(({ codes: [room] }) => [room!.part, room!.nearest[0]!.text]), rooms.map((room) => ['room', room]));
	});

	test('says what ended the thoughts', async () => {
		const model = await modelCopy((_, manifest) => {
			const { recipe } = manifest as unknown as { recipe: { version?: number; arms: Record<string, { kind: string; stop?: object[] }[]> } };
			recipe.version = 2;
			recipe.arms['latent']!.find(({ kind }) => kind === 'latent')!.stop = [{ rule: 'entropy', below: 1e-6 }];
		});
		const args = ['analyze', await promptFile(PROMPT), '--model', model, '--arms', 'latent', '--latents', '1', '--no-evidence'];
		const { out } = await cli(args);
		assert.match(out, /^Arm latent: 1 latent thought \(state after the final norm fed back\), logit lens/m);
		assert.match(out, /^ {2}Its thinking stopped after 1 thought, at the recipe’s limit, because none of its rules held\.$/m);
		assert.deepEqual(JSON.parse((await cli([...args, '--json'])).out).arms.latent.stopped, { rule: 'limit', at: 1 });
	});

	test('flags override the header, which overrides defaults; without --out nothing is written', async () => {
		const file = await promptFile(`---\narms: [direct]\nlatents: 2\n---\n${PROMPT}\n`);
		const arms = async (...args: string[]) => JSON.parse((await cli(['analyze', file, '--json', ...args])).out);
		const header = await arms();
		assert.deepEqual(Object.keys(header.arms), ['direct']);
		assert.equal(header.trace, null);
		const flags = await arms('--arms', 'latent,cot');
		assert.deepEqual(Object.keys(flags.arms), ['latent', 'cot']);
		assert.equal(flags.arms.latent.thoughts.length, 2);
		assert.deepEqual(await readdir(join(file, '..')), ['a.prompt.md']);
	});

	test('the report shows three arms and lets no control character through', async () => {
		const file = await promptFile(`${PROMPT.replace('Max', 'M\x1b[31max\u202e')}\n`);
		const { code, out } = await cli(['analyze', file]);
		assert.equal(code, 0);
		for (const arm of ['latent', 'cot', 'direct']) {
			assert.match(out, new RegExp(`Arm ${arm}`));
		}
		assert.match(out, /Answers/);
		assert.doesNotMatch(out, /[\x00-\x09\x0b-\x1f\x7f\u202e]/);
	});

	test('evidence is printed with its controls and is the same in --json; without it there is none', async () => {
		const file = 'media/examples/davis.prompt.md';
		const { evidence } = JSON.parse((await cli(['analyze', file, '--arms', 'latent', '--json'])).out) as { evidence: EvidenceRecord };
		assert.equal(evidence.reference.prompts, 150);
		assert.equal(evidence.twin!.id, 'prosqa-pause');
		assert.equal(evidence.claims.length, 6);
		const { out } = await cli(['analyze', file, '--arms', 'latent']);
		assert.match(out, /^Evidence, against 150 reference prompts \(reference\.json\); twin: prosqa-pause$/m);
		assert.match(out, /^ +from tokens .* percentile of token embeddings/m);
		for (const { thought, level, claim } of evidence.claims) {
			assert.match(out, new RegExp(`^ +${thought}  L${level} +${claim} `, 'm'));
		}
		const without = JSON.parse((await cli(['analyze', file, '--no-evidence', '--json'])).out) as { evidence: null };
		assert.equal(without.evidence, null);
	});

	test('a reference set, a twin and candidates of one\'s own', async () => {
		const file = await promptFile('---\ncandidates: yumpus, zumpus\n---\nTom is a yumpus.\n');
		const reference = await promptFile('[{"question": "Max is a zumpus.", "answer": "x"}]', 'own.json');
		const args = ['analyze', file, '--json', '--arms', 'latent', '--reference', reference, '--twin', 'models/prosqa-pause'];
		const { evidence } = JSON.parse((await cli(args)).out) as { evidence: EvidenceRecord };
		assert.deepEqual([evidence.reference.name, evidence.reference.prompts, evidence.twin?.id], ['own.json', 1, 'prosqa-pause']);
		assert.deepEqual(
			evidence.readings[0]!.candidates.map(({ label, group }) => [label, group]),
			[['yumpus', 'candidate'], ['zumpus', 'candidate']],
		);
		// ` is a yumpus.` is one token of the bundled vocabulary.
		assert.ok(evidence.readings.some(({ live }) => live > 0.5), JSON.stringify(evidence.readings.map(({ live }) => live)));
		assert.ok(evidence.claims.every(({ level }) => level === 0));
		const other = JSON.parse((await cli([...args, '--candidates', 'impus'])).out) as { evidence: EvidenceRecord };
		assert.deepEqual(other.evidence.readings[0]!.candidates.map(({ label }) => label), ['impus']);
	});

	test('Ctrl+C cancels with exit code 1 and leaves no file', async () => {
		const folder = await temporary();
		const file = await promptFile(PROMPT);
		const { code, error } = await cli(['analyze', file, '--out', join(folder, 'x.trace.safetensors')], {
			interruptAfter: /Loading/,
		});
		assert.equal(code, 1, error);
		assert.match(last(error), /Cancelled/);
		await sleep(100);
		assert.deepEqual(await readdir(folder), []);
	});

	test('Ctrl+C while the tests run leaves what the arms did, and says so', async () => {
		const folder = await temporary();
		const out = join(folder, 'x.trace.safetensors');
		const { code, error } = await cli(['analyze', await promptFile(PROMPT), '--arms', 'latent', '--out', out], {
			interruptAfter: /Testing the thoughts|Reading the reference text/,
		});
		assert.equal(code, 1, error);
		assert.match(last(error), /^The tests were cancelled: .*x\.trace\.safetensors has what the arms did/);
		await sleep(100);
		assert.deepEqual(await readdir(folder), ['x.trace.safetensors']);
		const trace = JSON.parse((await cli(['inspect', out, '--json'])).out) as object;
		assert.match(JSON.stringify(trace), /Tests and controls are missing/);
	});
});

describe('eval', () => {
	/** The bundled model with a pattern that reads the answer, whatever its recipe has. */
	const model = () => modelCopy((_, manifest) => void (manifest.recipe.answer = 'is an? (.+?)\\.?$'));

	test('--json has the documented shape, and the same numbers each time', async () => {
		const problems = [
			{ question: PROMPT, answer: 'Tom is a hilpus.', steps: [] },
			{ question: PROMPT, answer: 'Tom is a nothing.', steps: [] },
		];
		const folder = await model();
		const run = async (text: string) =>
			JSON.parse((await cli(['eval', await promptFile(text, 'a.json'), '--model', folder, '--json'])).out);
		const result = await run(JSON.stringify(problems));
		for (const key of ['n', 'arms', 'pairs', 'model', 'data', 'options', 'seed', 'created', 'producer', 'outcomes']) {
			assert.ok(Object.hasOwn(result, key), key);
		}
		assert.equal(result.n, 2);
		for (const arm of ['latent', 'cot', 'direct']) {
			const { correct, accuracy, ci, seconds } = result.arms[arm];
			assert.ok(correct === 0 || correct === 1, 'one of the two gold answers contradicts the other');
			assert.equal(accuracy, correct / 2);
			assert.ok(ci.length === 2 && ci[0] <= accuracy && accuracy <= ci[1]);
			assert.ok(seconds > 0);
		}
		const counts = ({ arms }: { arms: Record<string, { correct: number }> }) =>
			Object.entries(arms).map(([arm, { correct }]) => [arm, correct]);
		assert.deepEqual(counts(await run(problems.map((problem) => JSON.stringify(problem)).join('\n'))), counts(result));
	});

	test('--limit takes the first problems', async () => {
		const data = await promptFile(
			JSON.stringify(Array.from({ length: 3 }, () => ({ question: PROMPT, answer: 'Tom is a hilpus.' }))),
			'a.json',
		);
		const { out } = await cli(['eval', data, '--model', await model(), '--arms', 'latent', '--limit', '2', '--json']);
		const { n, arms } = JSON.parse(out);
		assert.equal(n, 2);
		assert.deepEqual(Object.keys(arms), ['latent']);
	});
});

describe('causal', () => {
	const EXAMPLE = 'media/examples/davis.prompt.md';

	test('--json has one row for each test and step, in the documented shape', async () => {
		const from = 'media/examples/sally.prompt.md';
		const { out, code, error } = await cli(['causal', EXAMPLE, '--tests', 'truncate,resample', '--from', from, '--json']);
		assert.equal(code, 0, error);
		const { model, clean, rows, skipped } = JSON.parse(out);
		assert.equal(model.id, 'prosqa');
		assert.deepEqual(clean, { latent: 'fompus' });
		assert.deepEqual(skipped, []);
		const count = (name: string) => rows.filter(({ test: found }: { test: string }) => found === name).length;
		assert.deepEqual([count('resample'), count('truncate'), count('interchange'), rows.length], [12, 7, 12, 31]);
		const shape = ['answer', 'arm', 'by', 'changed', 'deltaLogOdds', 'kl', 'later', 'step', 'test'];
		assert.deepEqual(Object.keys(rows[0]).sort(), shape);
		const interchanged = rows.find((row: { test: string; follows?: boolean }) => row.test === 'interchange');
		assert.equal(typeof interchanged.follows, 'boolean');
		assert.equal(rows[0].by, 'thought 0 of "sally.prompt.md"', 'the examples are the reference, without the tested prompt');
	});

	test('the table marks other answers and untrained counts, and says what was not run', async () => {
		const { out } = await cli(['causal', EXAMPLE, '--tests', 'truncate,drop-span', '--arms', 'latent']);
		assert.match(out, /^Arm latent, unchanged: fompus$/m);
		assert.match(out, /^truncate +0 +none +chorpus \* .* 0 thoughts, not as trained$/m);
		assert.match(out, /^truncate +6 +none +fompus +0\.000 +0\.000 +6 thoughts$/m);
		assert.match(out, /^Note: drop-span was not run, because it changes written thoughts/m);
	});

	test('a reference that cannot be read is one sentence', () =>
		fails(['causal', EXAMPLE, '--reference', 'nowhere.json'], 1, /nowhere\.json cannot be read/));

	test('eval --causal counts right answers of every test beside the arms', async () => {
		const problems = ['Is Tom a', 'Is Max a'].map((asked, i) => ({
			question: PROMPT.replace('Is Tom a', asked),
			answer: i === 0 ? 'Tom is a hilpus.' : 'Max is a yimpus.',
		}));
		const data = await promptFile(JSON.stringify(problems), 'a.json');
		const { out, code, error } = await cli(['eval', data, '--arms', 'latent', '--causal', '--json']);
		assert.equal(code, 0, error);
		const { n, arms, causal } = JSON.parse(out);
		const result = (name: string, step: string | number) =>
			causal.find((one: { test: string; step: string | number }) => one.test === name && one.step === step);
		assert.equal(causal.length, 4 + 3 * 2 + 7 + 4 + 1, 'replacements, their forms, counts, noise, transplants');
		assert.equal(result('truncate', 6).correct, arms.latent.correct, 'all thoughts are the unchanged run');
		assert.deepEqual(result('transplant', 'all').follows, { value: 1, ci: result('transplant', 'all').follows.ci, n: 2 });
		assert.equal(result('transplant', 'all').correct, 0, 'each answers the other question');
		const { accuracy, correct, ci, changed } = result('ablate-zero', 'all');
		assert.equal(accuracy, correct / n);
		assert.ok(ci[0] <= accuracy && accuracy <= ci[1] && changed >= 0 && changed <= 1);
		const shown = await cli(['eval', data, '--arms', 'latent', '--causal']);
		assert.match(shown.out, /^latent, snap-1 rescaled +\d+\.\d %  \(95 % interval .*\) +\d of 2 +against unchanged p /m);
	});
});

describe('ood', () => {
	const EXAMPLE = 'media/examples/davis.prompt.md';

	test('--json has one row for each thought and measure, and says what it was compared with', async () => {
		const { out, code, error } = await cli(['ood', EXAMPLE, '--json']);
		assert.equal(code, 0, error);
		const result = JSON.parse(out);
		assert.deepEqual(Object.keys(result), ['model', 'neighbour', 'arms', 'reference', 'notes', 'prompt']);
		assert.deepEqual(result.reference, { source: 'reference.json', prompts: 150 });
		const [{ name, rows }] = result.arms;
		assert.equal(name, 'latent');
		assert.equal(rows.length, 6 * 8);
		for (const row of rows) {
			assert.ok(row.value >= 0 && row.tokens >= 0 && row.tokens <= 100 && row.text >= 0 && row.text <= 100);
		}
	});

	test('what cannot be measured is null, and said so in the table', async () => {
		const reference = await promptFile('[{"question": "Tom", "answer": "Tom"}]', 'a.json');
		const args = ['ood', EXAMPLE, '--latents', '1', '--reference', reference];
		const rows = JSON.parse((await cli([...args, '--json'])).out).arms[0].rows as { measure: string; value: number | null }[];
		assert.deepEqual(
			rows.filter(({ value }) => value === null).map(({ measure }) => measure),
			['knn-text', 'mahalanobis-text'],
		);
		const { out } = await cli(args);
		assert.match(out, /^ +knn-text +not measured$/m);
		assert.match(out, /^ +0 +norm +\d+\.\d{3} +\d+\.\d +\d+\.\d$/m);
		assert.match(out, /of 1 prompts \(a\.json\)/);
	});

	test('arms without thoughts are refused in one sentence', () =>
		fails(['ood', EXAMPLE, '--arms', 'cot'], 1, /None of the arms has latent thoughts/));
});

describe('probe', () => {
	/** Whether the prompt's asked root is Tom can be read off every state that has seen the question. */
	async function data(): Promise<string> {
		const problems = JSON.parse(readFileSync(`${MODEL}/reference.json`, 'utf8')) as { question: string }[];
		const asked = problems.map(({ question }) => ({ question, root: /Is (\w+) an? /.exec(question)![1]! }));
		const roots = asked.map(({ root }) => root);
		const count = (root: string) => roots.filter((one) => one === root).length;
		const often = [...new Set(roots)].sort((a, b) => count(b) - count(a)).slice(0, 2);
		const lines = asked.map(({ question, root }) => JSON.stringify({ prompt: question, label: often.includes(root) ? 1 : 0 }));
		return promptFile(lines.join('\n'), 'roots.jsonl');
	}

	test('train writes a probe that eval and analyze read; --json is one object', async () => {
		const file = await data();
		const out = join(await temporary(), 'Root is common.probe.safetensors');
		const trained = await cli(['probe', 'train', file, '--out', out, '--sites', '2', '--latents', '2', '--json']);
		assert.equal(trained.code, 0, trained.error);
		const report = JSON.parse(trained.out);
		assert.deepEqual([report.name, report.label, report.arm, report.prompts], ['root-is-common', 'The label in roots.jsonl is 1.', 'latent', 150]);
		assert.deepEqual(report.cells.map(({ step, layer }: { step: number; layer: number }) => [step, layer]), [[0, 2], [1, 2]]);
		const [cell] = report.cells;
		for (const key of ['auroc', 'ci', 'control', 'selectivity', 'selectivityCi', 'shuffled', 'random', 'ece', 'bins', 'recallAt1Fpr', 'recallCi', 'n', 'penalty']) {
			assert.ok(key in cell, key);
		}
		assert.ok(cell.auroc > 0.65, `${cell.auroc}`);
		assert.match(trained.error, /Reading prompt \d+ of 150/);

		const measured = await cli(['probe', 'eval', out, file]);
		assert.equal(measured.code, 0, measured.error);
		assert.match(measured.out, /^ +0 +2 +0\.\d{3} +\d\.\d\d–\d\.\d\d +– +– +– +– +– +0\.\d{3}/m);
		assert.match(measured.out, /^Note: 100 of 150 prompts were left out/m);

		const run = await cli(['analyze', await promptFile(PROMPT), '--probes', out, '--arms', 'latent', '--latents', '2', '--json']);
		const { scores } = JSON.parse(run.out).probes['root-is-common'] as { scores: (number | null)[][] };
		assert.deepEqual(scores.map((sites) => sites.map((score) => score === null)), [[true, true, false], [true, true, false]]);

		await fails(['probe', 'eval', out, file, '--model', 'prosqa-pause'], 1, /not on prosqa-pause: choose that model/);
		await fails(['analyze', await promptFile(PROMPT), '--probes', file], 1, /The probe "roots\.jsonl" cannot be used/);
		await fails(['probe', 'train', out, '--out', `${out}.other`], 1, /cannot be read|not UTF-8/);
	});

	test('a task needs no labels, and shows a table; what cannot be trained is one line', async () => {
		const out = join(await temporary(), 'p.safetensors');
		const { code, out: shown, error } = await cli(['probe', 'train', '--task', 'first-option', '--arm', 'direct', '--at', 'tokens', '--name', 'x', '--out', out]);
		assert.equal(code, 0, error);
		assert.match(shown, /^ +step +site +AUROC +95 % +control/m);
		assert.match(shown, /arm direct, ends of written sentences; 150 prompts, 100 groups fitted, 50 held out/);
		const broken = await promptFile('{"prompt": "a", "label": 1}\n{"prompt": "b", "label": 7}', 'x.jsonl');
		await fails(['probe', 'train', broken, '--out', out], 1, /x\.jsonl cannot be used\. Line 2 has a label/);
		await fails(['probe', 'train', broken, '--out', '/nowhere/p'], 1, /does not exist/);
		await fails(['probe', 'train', '--task', 'live', '--arm', 'cot', '--out', out], 1, /cot has no latent thoughts/);
		await fails(['probe', 'train', '--task', 'live', '--name', 'A b', '--out', out], 2, /--name should be/);
	});

	test('features are one safetensors file', async () => {
		const out = join(await temporary(), 'f.safetensors');
		const file = await promptFile([PROMPT, PROMPT].map((question, i) => JSON.stringify({ question, label: i })).join('\n'), 'x.jsonl');
		const { code, error } = await cli(['probe', 'features', file, '--latents', '3', '--sites', '0,2', '--out', out]);
		assert.equal(code, 0, error);
		const bytes = await readFile(out);
		const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE())).toString());
		assert.deepEqual(header.features.shape.slice(0, 3), [2, 3, 2]);
		assert.deepEqual(header.labels.shape, [2, 3, 1]);
		assert.deepEqual([...bytes.subarray(-6)], [0, 0, 0, 1, 1, 1]);
	});
});

test('the usage and its documentation are complete: every flag of every command is in them', async () => {
	const { code, out } = await cli(['--help']);
	assert.equal(code, 0);
	const readme = await readFile('src/cli/README.md', 'utf8');
	const names = (await readdir('src/cli', { recursive: true })).filter((name) => name.endsWith('.ts'));
	const sources = await Promise.all(names.map((name) => readFile(join('src/cli', name), 'utf8')));
	const flags = sources.flatMap((source) => [...source.matchAll(/'?([a-z-]+)'?: \{ type: '(?:string|boolean)'/g)].map(([, flag]) => flag!));
	assert.ok(flags.length > 30, `${flags.length} flags found`);
	for (const flag of flags.filter((one) => one !== 'help')) {
		assert.ok(out.includes(`--${flag}`), flag);
		assert.ok(readme.includes(`--${flag}`), `src/cli/README.md: ${flag}`);
	}
});

describe('legibility', () => {
	test('one prompt: every token and sentence, with and without the load-bearing test', async () => {
		const file = await promptFile(PROMPT);
		const run = async (...args: string[]) => JSON.parse((await cli(['legibility', file, '--json', ...args])).out);
		const plain = await run();
		assert.deepEqual(Object.keys(plain), ['model', 'reference', 'base', 'prompt', 'arms', 'skipped']);
		assert.deepEqual([plain.reference, plain.base, Object.keys(plain.arms)], [null, null, ['cot']]);
		assert.match(plain.skipped[0], /--reference-model/);
		assert.equal(plain.arms.cot.sentences[0].tokens[0].kl, null);
		const tested = await run('--base', 'prosqa-pause', '--load-bearing');
		const { answer, figures, sentences, early } = tested.arms.cot;
		assert.deepEqual([tested.base.id, tested.reference.id, tested.skipped], ['prosqa-pause', 'prosqa-pause', []]);
		assert.equal(typeof answer, 'string');
		const chain = sentences.filter(({ role }: { role: string }) => role === 'thought');
		assert.equal(figures.legalSteps.steps, chain.length);
		assert.deepEqual(
			early.map((row: { sentences: number }) => row.sentences),
			chain.map((_: unknown, i: number) => i),
		);
		for (const { text, tokens, without } of chain) {
			assert.equal(tokens.map((token: { text: string }) => token.text).join(''), text);
			assert.ok(tokens.every(({ bits, referenceBits, kl }: Record<string, number>) => bits! >= -1e-5 && referenceBits! >= -1e-5 && kl! >= 0));
			assert.deepEqual(Object.keys(without), ['answer', 'changed', 'deltaLogOdds', 'kl']);
			assert.equal(without.changed, without.answer !== answer);
		}
		assert.equal(sentences.at(-1).without, null);
		// The rows are those of `causal`, on the same chain.
		const causal = JSON.parse((await cli(['causal', file, '--tests', 'drop-span', '--arms', 'cot', '--json'])).out);
		assert.deepEqual(
			causal.rows.map((row: { deltaLogOdds: number }) => row.deltaLogOdds),
			chain.map(({ without }: { without: { deltaLogOdds: number } }) => without.deltaLogOdds),
		);
	});

	test('for people: a table, and a way on', async () => {
		const { out } = await cli(['legibility', await promptFile(PROMPT.replace('Max', 'M\x1b[31max\u202e')), '--base', 'prosqa-pause']);
		assert.match(out, /Arm cot: \d+ sentences, answer \w+/);
		assert.match(out, /bits \(prosqa-pause\)/);
		assert.match(out, /add --load-bearing/);
		assert.doesNotMatch(out, /[\x00-\x09\x0b-\x1f\x7f\u202e]/);
	});

	test('a set: means with intervals over problems; accuracy is that of eval', async () => {
		const data = 'test/fixtures/prosqa-published.json';
		const set = JSON.parse((await cli(['legibility', data, '--limit', '12', '--base', 'prosqa-pause', '--load-bearing', '--json'])).out);
		assert.deepEqual(Object.keys(set), ['model', 'reference', 'base', 'data', 'n', 'arms', 'skipped']);
		assert.deepEqual([set.n, set.data, set.skipped], [12, 'prosqa-published.json', []]);
		const { cot } = set.arms;
		const { arms } = JSON.parse((await cli(['eval', data, '--limit', '12', '--arms', 'cot', '--json'])).out);
		assert.equal(cot.accuracy.value, arms.cot.accuracy);
		assert.deepEqual(cot.accuracy.ci, arms.cot.ci);
		for (const name of ['bits', 'referenceBits', 'kl', 'repetition', 'repeatedSentences', 'rareWords', 'legalSteps', 'tokens']) {
			const { value, ci, n } = cot[name];
			assert.ok(ci[0] <= value + 1e-9 && value <= ci[1] + 1e-9 && n > 0 && n <= 12, name);
		}
		const { association, sentenceChanged, anyChanged, withoutChain } = cot.loadBearing;
		for (const { value, n } of [sentenceChanged, anyChanged, withoutChain]) {
			assert.ok(value >= 0 && value <= 1 && n > 0);
		}
		assert.deepEqual(Object.keys(association), ['bits', 'referenceBits', 'kl']);
	});

	test('what is wrong is told before anything runs', async () => {
		const prompt = await promptFile(PROMPT);
		await fails(['legibility', prompt, '--base', join(await temporary(), 'none')], 1, /has no readable model\.json/);
		await fails(['legibility', prompt, '--reference-model', await temporary()], 1, /has no readable model\.json/);
		await fails(['legibility', prompt, '--limit', '2'], 2, /--limit is for a file of problems/);
		await fails(['legibility', prompt, '--arms', 'direct'], 1, /None of the arms writes a chain of thought/);
		await fails(['legibility', await promptFile(PROMPT.repeat(20))], 1, /context has/);
		await fails(['legibility', 'package.json'], 1, /ProsQA/);
	});
});

test('the cache lies where the platform keeps caches', () => {
	const of = cacheFolder;
	assert.equal(of({ XDG_CACHE_HOME: '/tmp/c' }, 'linux', '/home/a'), join('/tmp/c', 'neuralese-inspector'));
	assert.equal(of({ XDG_CACHE_HOME: 'c' }, 'linux', '/home/a'), join('/home/a', '.cache', 'neuralese-inspector'));
	assert.equal(of({}, 'darwin', '/Users/a'), join('/Users/a', 'Library', 'Caches', 'neuralese-inspector'));
	assert.equal(of({ LOCALAPPDATA: 'L' }, 'win32', 'H'), join('L', 'neuralese-inspector', 'Cache'));
	assert.equal(of({}, 'win32', 'H'), join('H', 'AppData', 'Local', 'neuralese-inspector', 'Cache'));
});
