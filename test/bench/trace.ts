/**
 * Traces of any size: a 4 GB one against a 4 MB one, and the values of a click against Python's safetensors and against JSON.
 * `node out/bench/trace.cjs [PYTHON [GB]]`; the large trace lies in the folder for temporary files while this runs.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TraceView } from '../../src/analysis/view';
import { generator } from '../../src/shared/random';
import { openFile } from '../../src/trace/bytes.node';
import { fromHalf } from '../../src/trace/half';
import type { PlaneName } from '../../src/trace/planes';
import { openTrace, type TraceFile } from '../../src/trace/reader';
import { asked, cpu, ms, print, wall } from './clock';
import { positionsOf, writeLargeTrace } from './largeTrace';
import { Peer } from './peer';

const SMALL = 4e6;
const LARGE_GB = 4;
/** What the panel asks for first. */
const FIRST = { start: 0, end: 64 };
/** Processes that open each trace once. */
const OPENINGS = 7;
const CLICKS = 500;
/** Of opening and reading; a JSON file of as many positions takes seconds each. */
const COLD_CLICKS = 20;
const ROUNDS = 7;
const ARM = 'cot';
/** Every number of a position. */
const PLANES: readonly PlaneName[] = ['tokens.logprob', 'lens.topk_id', 'lens.topk_logit', 'lens.lse', 'lens.entropy', 'lens.kl_final', 'probe.noise.score', 'hidden.resid'];

/** Seconds. */
interface Time {
	cpu: number;
	wall: number;
}

interface Opening extends Time {
	/** Largest resident size of the process, in MB. */
	memory: number;
}

async function main([python = 'python3', size = String(LARGE_GB)]: readonly string[]): Promise<void> {
	const folder = mkdtempSync(join(tmpdir(), 'neuralese-traces-'));
	try {
		const [small, large] = [join(folder, 'small.trace.safetensors'), join(folder, 'large.trace.safetensors')];
		await writeLargeTrace(small, positionsOf(SMALL));
		const start = wall();
		await writeLargeTrace(large, positionsOf(Number(size) * 1e9));
		const bytes = statSync(large).size;
		print('Writing a trace', `${(bytes / 1e9).toFixed(1)} GB at ${(bytes / 1e6 / (wall() - start)).toFixed(0)} MB/s, this process took ${megabytes().toFixed(0)} MB`);
		compareOpening(small, large);
		await compareClicks(python, large);
		await compareJson(small, join(folder, 'small.json'));
	} finally {
		rmSync(folder, { recursive: true });
	}
}

function compareOpening(small: string, large: string): void {
	const best = { small: opened(small), large: opened(large) };
	for (let i = 1; i < OPENINGS; i++) {
		best.small = lesser(best.small, opened(small));
		best.large = lesser(best.large, opened(large));
	}
	const ratio = (clock: 'cpu' | 'wall') => `${ms(best.large[clock])}, of 4 MB ${ms(best.small[clock])}: ${asked(best.large[clock] / best.small[clock], 1.5, true)}`;
	print('Opening and first view in a new process, CPU', ratio('cpu'));
	print('  on the clock', ratio('wall'));
	print('  largest resident size of that process', `${best.large.memory.toFixed(0)} MB, of 4 MB ${best.small.memory.toFixed(0)}`);
}

function opened(path: string): Opening {
	return JSON.parse(execFileSync(process.execPath, [__filename, 'open', path], { encoding: 'utf8' })) as Opening;
}

/** In a process of its own, as the extension host is when the first trace is opened. */
async function openOnce(path: string): Promise<void> {
	const [atCpu, atWall] = [cpu(), wall()];
	const file = await openTrace(await openFile(path));
	const view = new TraceView(file);
	const { layers, probes } = view.run(1);
	await Promise.all([view.rows(FIRST, layers), view.tile(probes[0]!.name, FIRST)]);
	console.log(JSON.stringify({ cpu: cpu() - atCpu, wall: wall() - atWall, memory: megabytes() } satisfies Opening));
	file.dispose();
}

async function compareClicks(python: string, path: string): Promise<void> {
	const file = await openTrace(await openFile(path));
	const random = generator(0, 'clicks');
	const { length } = file.document.arms[0]!.steps;
	const positions = Array.from({ length: CLICKS }, () => Math.floor(random() * length));
	const few = positions.slice(0, COLD_CLICKS);
	const peer = new Peer(python, ['test/bench/trace.py', path]);
	const theirs = (how: 'open' | 'read', at: readonly number[]) => peer.ask<Time>(JSON.stringify([how, ARM, PLANES, at]));
	const read = await best(() => timed(() => readAll(file, positions)), () => theirs('read', positions));
	const open = await best(() => timed(() => openAll(path, few)), () => theirs('open', few));
	peer.dispose();
	for (const clock of ['cpu', 'wall'] as const) {
		const on = clock === 'cpu' ? 'CPU' : 'on the clock';
		print(`All values of a position of the open file, ${on}`, versusPython(read.ours[clock] / CLICKS, read.theirs[clock] / CLICKS));
		// Ours is a trace then, whose document was read and checked; theirs are tensors.
		print(`  of the closed file, ${on}`, `${ms(open.ours[clock] / COLD_CLICKS)}, safe_open ${ms(open.theirs[clock] / COLD_CLICKS)}`);
	}
	const view = new TraceView(file);
	const { rows } = view.run(1);
	const clicked = await timed(async () => {
		for (const position of positions) {
			await view.details(position % rows);
		}
	});
	print('  as the details of a step, texts and all', `${ms(clicked.cpu / CLICKS)} CPU`);
	file.dispose();
}

function versusPython(ours: number, theirs: number): string {
	return `${(ours * 1e6).toFixed(0)} µs, safe_open ${(theirs * 1e6).toFixed(0)} µs: ${asked(theirs / ours, 1)}`;
}

/** All numbers of one arm as lists of lists in one file, which is what JSON is written of. */
async function compareJson(path: string, json: string): Promise<void> {
	const file = await openTrace(await openFile(path));
	const { length } = file.document.arms[0]!.steps;
	const table: Record<string, number[][]> = {};
	for (const plane of PLANES) {
		table[plane] = await Promise.all(
			Array.from({ length }, async (_, position) => {
				const values = (await file.read(ARM, plane, { start: position, end: position + 1 }))!;
				return Array.from(plane === 'hidden.resid' ? fromHalf(values as Uint16Array) : values);
			}),
		);
	}
	file.dispose();
	writeFileSync(json, JSON.stringify(table));
	const { ours, theirs } = await best(
		() => timed(() => openAll(path, [length >> 1])),
		() =>
			timed(async () => {
				const parsed = JSON.parse(readFileSync(json, 'utf8')) as typeof table;
				return PLANES.map((plane) => parsed[plane]![length >> 1]);
			}),
	);
	for (const clock of ['cpu', 'wall'] as const) {
		const times = `${ms(ours[clock])}, as JSON (${(statSync(json).size / 1e6).toFixed(0)} MB) ${ms(theirs[clock])}`;
		print(`All values of a position of a closed 4 MB file, ${clock === 'cpu' ? 'CPU' : 'on the clock'}`, `${times}: ${asked(theirs[clock] / ours[clock], 50)}`);
	}
}

async function readAll(file: TraceFile, positions: readonly number[]): Promise<void> {
	for (const start of positions) {
		await Promise.all(PLANES.map((plane) => file.read(ARM, plane, { start, end: start + 1 })));
	}
}

async function openAll(path: string, positions: readonly number[]): Promise<void> {
	for (const position of positions) {
		const file = await openTrace(await openFile(path));
		await readAll(file, [position]);
		file.dispose();
	}
}

async function timed(work: () => Promise<unknown>): Promise<Time> {
	const [atCpu, atWall] = [cpu(), wall()];
	await work();
	return { cpu: cpu() - atCpu, wall: wall() - atWall };
}

/** In turn; the shortest of each clock. */
async function best(ours: () => Promise<Time>, theirs: () => Promise<Time>): Promise<{ ours: Time; theirs: Time }> {
	const least = { ours: await ours(), theirs: await theirs() };
	for (let i = 1; i < ROUNDS; i++) {
		least.ours = lesser(least.ours, await ours());
		least.theirs = lesser(least.theirs, await theirs());
	}
	return least;
}

function lesser<T extends Time>(one: T, other: T): T {
	return { ...other, cpu: Math.min(one.cpu, other.cpu), wall: Math.min(one.wall, other.wall) };
}

function megabytes(): number {
	return process.resourceUsage().maxRSS / 1000;
}

const args = process.argv.slice(2);
void (args[0] === 'open' ? openOnce(args[1]!) : main(args)).catch((error: unknown) => {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
});
