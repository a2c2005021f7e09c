/**
 * What the engine costs, as ratios of times measured in the same run: on a shared machine only those mean anything. Graphs are
 * timed in CPU seconds, the child in seconds on the clock.
 * `npm run bench [-- PROSQA.json]`; with a file of problems the whole evaluation is timed too.
 */
import { readFileSync } from 'node:fs';
import { Engine } from '../../src/engine/caller/client';
import { bySite } from '../../src/engine/model/body';
import { parseManifest } from '../../src/engine/model/manifest';
import { readChecked, readManifest } from '../../src/engine/model/folder';
import { Model } from '../../src/engine/model/model';
import { Runtime } from '../../src/engine/runtime';
import { causalBench } from './causal';
import { cpu, fastest, ms, percent, print, wall } from './clock';
import { rate } from './machine';
import { thinkingBench } from './thinking';
import { tokenizerBench } from './tokenizer';

const MODEL = 'models/prosqa';
const ENGINE = 'dist/engine.js';
const PROMPT =
	'Every gerpus is a terpus. Every terpus is a hilpus. Tom is a gerpus. Every wumpus is a yimpus. Max is a wumpus. ' +
	'Every hilpus is a jelpus. Every yimpus is a zumpus. Every rompus is a gorpus. Bob is a rompus. Every gorpus is a fompus. ' +
	'Is Tom a hilpus or yimpus?';

async function inProcess(): Promise<void> {
	const runtime = Runtime.load();
	const { text, sha256 } = await readManifest(MODEL);
	const manifest = parseManifest(text);
	const { layers, width, vocabulary, context } = manifest.shape;
	await readChecked(MODEL, manifest.files.body);
	const model = await Model.load(runtime, {
		folder: MODEL,
		manifest,
		sha256,
		signal: new AbortController().signal,
		progress: () => {},
	});

	const peak = await rate(runtime, 1024, 1024, 1024);
	print('Peak of the runtime on one large MatMul', `${(peak / 1e9).toFixed(1)} GFLOP/s`);

	const length = context - 8;
	const ids = Array.from({ length }, (_, i) => (i * 7) % vocabulary);
	const prefill = await fastest(() => model.body.forward({ ids }, model.body.empty), cpu, 50);
	const weights = layers * 12 * width * width;
	const operations = 2 * weights * length + 2 * layers * width * length * length;
	print(`Prefill of ${length} tokens`, `${ms(prefill)}, ${percent(operations / prefill / peak)} of the peak`);
	const limit = await rate(runtime, length, width, 4 * width);
	print(
		'  the same operations in plain MatMuls of its shapes',
		`${ms(operations / limit)}, prefill takes ${(prefill / (operations / limit)).toFixed(1)} times that`,
	);

	const { resid } = await model.body.forward({ ids }, model.body.empty);
	const rows = bySite(resid, width, 0, model.head.positions(layers + 1));
	const targets = new Array<number>(model.head.positions(layers + 1)).fill(0);
	const k = 10;
	const fused = await fastest(() => model.head.read(rows, layers + 1, targets, k), cpu, 50);
	const whole = await fastest(() => withoutFusion(model, rows, k), cpu, 50);
	const count = targets.length * (layers + 1);
	print(
		`Head: ${count} rows fused (top-${k}, lse, entropy, KL in the graph)`,
		`${ms(fused)}, ${percent((2 * count * width * vocabulary) / fused / peak)} of the peak`,
	);
	print('  all logits out, top-k, lse and entropy in JavaScript', `${ms(whole)}, ${(whole / fused).toFixed(1)} times as long`);
	await causalBench(model);
	await thinkingBench(model);
	model.dispose();
}

/** What the fused head saves: logits of every row cross into JavaScript and are scanned there. */
async function withoutFusion(model: Model, rows: Float32Array, k: number): Promise<void> {
	const { vocabulary } = model.manifest.shape;
	const all = await model.head.logits(rows);
	for (let start = 0; start < all.length; start += vocabulary) {
		const logits = all.subarray(start, start + vocabulary);
		const best: number[] = [];
		let sum = 0;
		for (const [id, logit] of logits.entries()) {
			sum += Math.exp(logit - logits[0]!);
			if (best.length < k || logit > logits[best.at(-1)!]!) {
				best.push(id);
				best.sort((a, b) => logits[b]! - logits[a]!);
				best.length = Math.min(best.length, k);
			}
		}
		const lse = logits[0]! + Math.log(sum);
		logits.reduce((entropy, logit) => entropy - Math.exp(logit - lse) * (logit - lse), 0);
	}
}

async function throughChild(data: string | undefined): Promise<void> {
	const request = {
		model: MODEL,
		prompt: { name: 'bench', format: 'plain', text: PROMPT, pieces: [] },
		options: { seed: 0, temperature: 0, topK: 10 },
	};
	const started: number[] = [];
	const loaded: number[] = [];
	for (let i = 0; i < 5; i++) {
		const fresh = new Engine({ modulePath: ENGINE });
		started.push(await fastest(() => fresh.call('describe', undefined), wall, 1));
		loaded.push(await fastest(() => fresh.call('load', { model: MODEL }), wall, 1));
		fresh.dispose();
	}
	print('Cold start of the child, runtime loaded', ms(Math.min(...started)));
	print('  and the model loaded, hashed and self-tested', ms(Math.min(...loaded)));

	const engine = new Engine({ modulePath: ENGINE });
	let peakMemory = 0;
	await engine.call('analyze', request);
	const plain = await fastest(() => engine.call('evaluate', { ...request, prompts: [PROMPT] }), wall, 50);
	const analysis = await fastest(async () => ({ peakMemory } = await engine.call('analyze', request)), wall, 50);
	print('Three arms, answers only', ms(plain));
	print(
		'Three arms, every position read out at every site, streamed',
		`${ms(analysis)}, ${(analysis / plain).toFixed(1)} times as long`,
	);
	print('Peak memory of the child', `${(peakMemory / 2 ** 20).toFixed(0)} MiB`);
	if (data !== undefined) {
		const problems = JSON.parse(readFileSync(data, 'utf8')) as { question: string }[];
		const seconds = await fastest(
			() => engine.call('evaluate', { ...request, prompts: problems.map(({ question }) => question) }),
			wall,
			1,
		);
		print(`${problems.length} problems, three arms`, `${seconds.toFixed(1)} s`);
	}
	engine.dispose();
}

async function main(): Promise<void> {
	await tokenizerBench();
	await inProcess();
	await throughChild(process.argv[2]);
}

void main();
