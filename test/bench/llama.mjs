// llama.cpp decoding, for the bench: `node llama.mjs FOLDER GGUF THREADS`, FOLDER with node_modules/node-llama-cpp.
// Each line of stdin is `prefill` or `decode`; each line of stdout the CPU seconds that it took.
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const PROMPT = 256;
const TOKENS = 64;
const [folder, gguf, threads] = process.argv.slice(2);
const { getLlama, LlamaLogLevel } = await import(pathToFileURL(join(folder, 'node_modules/node-llama-cpp/dist/index.js')).href);
const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error, maxThreads: Number(threads) });
const model = await llama.loadModel({ modelPath: gguf });
const context = await model.createContext({ contextSize: PROMPT + 2 * TOKENS, batchSize: PROMPT, threads: Number(threads) });
const sequence = context.getSequence();
const prompt = Array.from({ length: PROMPT }, (_, i) => i);

const seconds = () => {
	const { user, system } = process.cpuUsage();
	return (user + system) / 1e6;
};

const WORKS = {
	async prefill() {
		await sequence.clearHistory();
		const start = seconds();
		await sequence.evaluateWithoutGeneratingNewTokens(prompt);
		return seconds() - start;
	},
	async decode() {
		await WORKS.prefill();
		let count = 0;
		let start;
		// The first token is of the prompt's own batch.
		for await (const _ of sequence.evaluate([1], { temperature: 0, yieldEogToken: true })) {
			start ??= seconds();
			if (count++ === TOKENS) {
				break;
			}
		}
		return seconds() - start;
	},
};

for await (const line of createInterface({ input: process.stdin })) {
	console.log(JSON.stringify(await WORKS[line]()));
}
process.exit(0);
