/**
 * What must be measured in a process of its own: memory, which whatever ran before has got already, and the cost of instrumenting, which
 * is smaller than what the place in memory of a session's weights makes of the same graph (15 % from process to process).
 * `node out/bench/isolated.cjs WORK FOLDER`, FOLDER of an added model; prints the result as JSON.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Blocks, bySite } from '../../src/engine/model/body';
import { readManifest } from '../../src/engine/model/folder';
import { Head } from '../../src/engine/model/head';
import { parseManifest } from '../../src/engine/model/manifest';
import { Runtime } from '../../src/engine/runtime';
import { readPlace } from '../../src/engine/model/weights';
import { cpu, fastest } from './clock';
import { openPlain, plainFeeds } from './plain';

/** As in peer.py. */
const PROMPT = 256;
const TOP = 10;
const STEPS = 60;
const PREFILLS = 3;

type Work = 'lens-memory' | 'instrumented' | 'plain-body' | 'plain-whole';

/** CPU seconds of the fastest call. `step`: of the body; `whole`: until the next token is known. */
export interface Times {
	prefill?: number;
	step?: number;
	whole?: number;
}

/** Without the self-test that a model is loaded with: it would have got the memory that is measured. */
async function opened(runtime: Runtime, folder: string) {
	const { text, sha256 } = await readManifest(folder);
	const manifest = parseManifest(text);
	const { shape } = manifest;
	const place = (await readPlace({ folder, sha256, manifest }))!;
	const open = (name: string) => runtime.open(readFileSync(join(folder, name)), place.folder);
	return { shape, place, body: async () => new Blocks(await open('body.onnx'), shape), head: async () => new Head(await open('head.onnx'), shape) };
}

/** Bytes that a lens needs beyond what is held before it (Linux). */
async function lensMemory(folder: string): Promise<number> {
	const { shape, ...graphs } = await opened(Runtime.load(), folder);
	const [body, head] = [await graphs.body(), await graphs.head()];
	const { resid } = await body.forward({ ids: prompt(shape.vocabulary) }, body.empty);
	const status = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024;
	// The peak becomes what is held now.
	writeFileSync('/proc/self/clear_refs', '5');
	const before = status('VmRSS');
	const sites = shape.layers + 1;
	const step = head.positions(sites);
	for (let from = 0; from < PROMPT; from += step) {
		const to = Math.min(PROMPT, from + step);
		await head.read(bySite(resid, shape.width, from, to), sites, new Array<number>(to - from).fill(0), TOP);
	}
	return status('VmHWM') - before;
}

async function instrumented(folder: string): Promise<Times> {
	const { shape, ...graphs } = await opened(Runtime.load(), folder);
	const [body, head] = [await graphs.body(), await graphs.head()];
	const ids = prompt(shape.vocabulary);
	const { cache } = await body.forward({ ids }, body.empty);
	const step = () => body.forward({ ids: [1] }, cache);
	return {
		prefill: await fastest(() => body.forward({ ids }, body.empty), cpu, PREFILLS),
		step: await fastest(step, cpu, STEPS),
		whole: await fastest(async () => head.read((await step()).resid.at(-1)!, 1, [0], 1), cpu, STEPS),
	};
}

async function plain(folder: string, part: 'body' | 'whole'): Promise<Times> {
	const runtime = Runtime.load();
	const { shape, place } = await opened(runtime, folder);
	const export_ = await openPlain(runtime, place.source, part);
	const { graph, outputs } = export_;
	const ids = prompt(shape.vocabulary);
	const run = (fed: readonly number[], past?: Parameters<typeof plainFeeds>[3]) => graph.run(plainFeeds(export_, shape, fed, past), outputs);
	const results = await run(ids);
	const past = outputs.slice(1).map((name) => results[name]!);
	const step = () => run([1], past);
	return part === 'whole'
		? { whole: await fastest(step, cpu, STEPS) }
		: { prefill: await fastest(() => run(ids), cpu, PREFILLS), step: await fastest(step, cpu, STEPS) };
}

function prompt(vocabulary: number): number[] {
	return Array.from({ length: PROMPT }, (_, i) => i % vocabulary);
}

const WORKS: Record<Work, (folder: string) => Promise<number | Times>> = {
	'lens-memory': lensMemory,
	instrumented,
	'plain-body': (folder) => plain(folder, 'body'),
	'plain-whole': (folder) => plain(folder, 'whole'),
};

void WORKS[process.argv[2] as Work](process.argv[3]!).then((result) => console.log(JSON.stringify(result)));
