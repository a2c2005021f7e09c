/** A run over a set, as a program: killed at any moment it goes on, and gives what one run gives. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseEvaluation, type Evaluation } from '../../../src/analysis/evaluation/result';
import type { CausalParams, CausalRow } from '../../../src/engine/api';
import { evaluateSet, SET_TESTS, type SetContext } from '../../../src/engine/caller/dataset';
import type { Engine } from '../../../src/engine/caller/client';
import { generator } from '../../../src/shared/random';
import type { ProblemSet } from '../../../src/prompts/problems';
import { MODEL, temporary, withEngine } from './harness';

const CLI = 'dist/cli.js';
const PROBLEMS = 8;
/** Moments at which the program is killed. */
const KILLS = 10;

let data = '';
let problems: ProblemSet;

before(async () => {
	const published = JSON.parse(await readFile('test/fixtures/prosqa-published.json', 'utf8')) as ProblemSet['problems'];
	data = join(await temporary(), 'set.json');
	problems = { name: 'set.json', sha256: 'x', problems: published.slice(0, PROBLEMS) };
	await writeFile(data, JSON.stringify(problems.problems));
});

interface Ended {
	code: number | null;
	error: string;
}

function run(out: string, more: string[] = [], stop?: { signal: 'SIGKILL' | 'SIGINT'; after: number | RegExp }): Promise<Ended> {
	return new Promise((resolve) => {
		const args = [CLI, 'eval', data, '--causal', '--twin', '--out', out, '--json', ...more];
		const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
		let error = '';
		const end = () => child.kill(stop!.signal);
		const timer = typeof stop?.after === 'number' ? setTimeout(end, stop.after) : undefined;
		let wanted = stop?.after instanceof RegExp ? stop.after : undefined;
		child.stderr.on('data', (chunk) => {
			error += chunk;
			if (wanted?.test(error)) {
				wanted = undefined;
				end();
			}
		});
		child.on('close', (code) => {
			clearTimeout(timer);
			resolve({ code, error });
		});
	});
}

/** What must be the same however often the run was ended: all but the times. */
async function lasting(out: string): Promise<Evaluation> {
	const parsed = parseEvaluation(await readFile(out, 'utf8'));
	assert.ok(parsed.ok, JSON.stringify(parsed));
	const { evaluation } = parsed;
	const timeless = (arms: Evaluation['arms']) =>
		Object.fromEntries(Object.entries(arms).map(([name, arm]) => [name, { ...arm, seconds: 0 }]));
	return {
		...evaluation,
		created: '',
		arms: timeless(evaluation.arms),
		twin: evaluation.twin && { ...evaluation.twin, arms: timeless(evaluation.twin.arms) },
	};
}

const last = (text: string) => text.trimEnd().split('\n').at(-1)!;
const lines = async (out: string) => (existsSync(`${out}.partial`) ? (await readFile(`${out}.partial`, 'utf8')).split('\n').length - 2 : 0);

describe('a run over a set', () => {
	test(`killed at ${KILLS} moments, it ends with the result of one run`, async () => {
		const folder = await temporary();
		const whole = join(folder, 'whole.json');
		const started = performance.now();
		assert.equal((await run(whole)).code, 0);
		const length = performance.now() - started;
		const expected = await lasting(whole);
		assert.equal(expected.n, PROBLEMS);
		const out = join(folder, 'broken.json');
		const uniform = generator(3, 'kills');
		const kept: number[] = [];
		let kills = 0;
		while (kills < KILLS) {
			// From before the journal is begun to the end, more often early: what goes on has less left to do.
			await run(out, [], { signal: 'SIGKILL', after: uniform() ** 1.5 * length });
			if (existsSync(out)) {
				assert.deepEqual(await lasting(out), expected);
				await rm(out);
			} else {
				kills++;
				kept.push(await lines(out));
			}
		}
		assert.ok(kept.some((count) => count > 0), `${kept}`);
		assert.equal((await run(out)).code, 0);
		assert.deepEqual(await lasting(out), expected);
		assert.deepEqual((await readdir(folder)).sort(), ['broken.json', 'whole.json']);
	});

	test('what a run left that was killed while it wrote the result goes with the next one, and nothing else does', async () => {
		const folder = await temporary();
		const uuid = '6e807f1d-5fa8-4239-89fd-0fc2105649a6';
		const left = [`.a.json.${uuid}.tmp`, `.a.json.partial.${uuid}.tmp`];
		const others = [`.b.json.${uuid}.tmp`, '.a.json.tmp', `a.json.${uuid}.tmp`];
		await Promise.all([...left, ...others].map((name) => writeFile(join(folder, name), '{')));
		const ours = `.a.json.${uuid.replace('6', '7')}.tmp`;
		await writeFile(join(folder, ours), '{');
		const later = new Date(Date.now() + 3_600_000);
		await utimes(join(folder, ours), later, later);
		assert.equal((await run(join(folder, 'a.json'))).code, 0);
		assert.deepEqual((await readdir(folder)).sort(), ['a.json', ours, ...others].sort(), 'one that is written meanwhile is another process\'s');
	});

	test('a half-written last line is dropped, and no problem is run twice', async () => {
		const out = join(await temporary(), 'a.json');
		await run(out, [], { signal: 'SIGKILL', after: /problems tested/ });
		const before = await lines(out);
		assert.ok(before >= PROBLEMS, `${before}`);
		await appendFile(`${out}.partial`, '{"kind":"tests","role":"mod');
		const { code, error } = await run(out);
		assert.equal(code, 0, error);
		assert.match(error, new RegExp(`Going on after ${before} of ${4 * PROBLEMS} steps`));
		assert.equal((await lasting(out)).causal!.every(({ n }) => n === PROBLEMS), true);
	});

	test('Ctrl+C leaves the journal, and says how to go on', async () => {
		const out = join(await temporary(), 'a.json');
		const { code, error } = await run(out, [], { signal: 'SIGINT', after: /problems tested/ });
		assert.equal(code, 1, error);
		assert.match(last(error), /Cancelled: the same command goes on where it stopped\./);
		await sleep(100);
		assert.ok((await lines(out)) >= PROBLEMS);
		assert.equal(existsSync(out), false);
	});

	test('the journal of another run is refused in one sentence, and kept', async () => {
		const out = join(await temporary(), 'a.json');
		await run(out, [], { signal: 'SIGKILL', after: /problems tested/ });
		const kept = await readFile(`${out}.partial`, 'utf8');
		for (const [more, wording] of [
			[['--seed', '1'], /a\.json\.partial was begun with another seed: delete it, or choose another --out\./],
			[['--limit', '3'], /another number of problems: delete it/],
			[['--model', 'prosqa-pause', '--twin=prosqa'], /another model: delete it/],
		] as const) {
			const { code, error } = await run(out, [...more]);
			assert.equal(code, 1);
			assert.match(last(error), wording);
		}
		assert.equal(await readFile(`${out}.partial`, 'utf8'), kept);
	});

	test('a file of somebody else in its place is left alone', async () => {
		const out = join(await temporary(), 'a.json');
		await writeFile(`${out}.partial`, 'my notes\n');
		const { code, error } = await run(out);
		assert.equal(code, 1);
		assert.match(last(error), /no journal of this command: move it away/);
		assert.equal(await readFile(`${out}.partial`, 'utf8'), 'my notes\n');
	});

	test('a model without a twin is refused before anything runs', async () => {
		const out = join(await temporary(), 'a.json');
		const { code, error } = await run(out, ['--model', 'prosqa-pause']);
		assert.equal(code, 1);
		assert.match(last(error), /names no twin in its manifest: name a folder, as --twin=DIR\./);
		assert.equal(existsSync(`${out}.partial`), false);
	});
});

function context(engine: Engine, more: Partial<SetContext> = {}): SetContext {
	return {
		call: (method, params, options) => engine.call(method, params, options),
		signal: new AbortController().signal,
		progress: () => {},
		note: () => {},
		...more,
	};
}

const REQUEST = { producer: 'test 0', model: MODEL, options: { seed: 0, temperature: 0 }, causal: false };

describe('the caller of a run', () => {
	test('a journal that cannot be written to ends the run with one sentence', async () => {
		await withEngine(async (engine) => {
			const out = join(await temporary(), 'folder', 'a.json');
			await assert.rejects(evaluateSet({ ...REQUEST, data: problems, out }, context(engine)), /The journal was not written to .*: the folder does not exist/);
			await mkdir(join(out, '..'));
			const { n, arms } = await evaluateSet({ ...REQUEST, data: problems, out, arms: ['direct'] }, context(engine));
			assert.deepEqual([n, Object.keys(arms)], [PROBLEMS, ['direct']]);
		});
	});

	test('a result that fails to be taken cancels the call, and the engine answers the next', async () => {
		await withEngine(async (engine) => {
			let calls = 0;
			const progress = (message: string) => {
				if (/answered/.test(message) && ++calls === 2) {
					throw new Error('no room');
				}
			};
			await assert.rejects(evaluateSet({ ...REQUEST, data: problems }, context(engine, { progress })), /no room/);
			assert.equal(calls, 2, 'nothing is taken after the failure');
			assert.equal((await evaluateSet({ ...REQUEST, data: problems, limit: 1 }, context(engine))).n, 1);
		});
	});

	test('tests of a later problem do not depend on where a run goes on, to the last bit', async () => {
		await withEngine(async (engine) => {
			const prompts = problems.problems.map(({ question }) => question);
			const rows = async (first: number) => {
				const found: CausalRow[][] = prompts.map(() => []);
				const params: CausalParams = {
					model: MODEL,
					prompts,
					first,
					options: { seed: 0 },
					tests: [...SET_TESTS],
					scope: 'whole',
					reference: prompts.map((text, i) => ({ name: `${i}`, text })),
				};
				await engine.call('causal', params, { onEvent: (event) => event.kind === 'row' && found[event.index]!.push(event.row) });
				return found.slice(first);
			};
			const all = await rows(0);
			assert.ok(all.every((some) => some.length > 20));
			for (const first of [1, 5, PROBLEMS - 1]) {
				assert.deepEqual(await rows(first), all.slice(first));
			}
		});
	});

	test('at a temperature, each problem has the sample of its place, wherever a run goes on', async () => {
		await withEngine(async (engine) => {
			const sampled = { ...REQUEST, options: { seed: 4, temperature: 3 }, arms: ['cot'] };
			const answers = async (first: number) => {
				const found: (string | undefined)[] = [];
				const params = { model: MODEL, prompts: problems.problems.map(({ question }) => question), first, arms: ['cot'], options: { ...sampled.options, topK: 1 } };
				await engine.call('evaluate', params, { onEvent: (event) => event.kind === 'answer' && (found[event.index] = event.answer) });
				return found.slice(first);
			};
			assert.deepEqual(await answers(5), (await answers(0)).slice(5));
		});
	});
});
