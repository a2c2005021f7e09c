/** From nothing to the first decoded layer of a prompt: the engine's child as the editor starts it, and Python. Seconds on the clock. */
import { spawnSync } from 'node:child_process';
import { Engine } from '../../src/engine/caller/client';
import { asked, print, wall } from './clock';

const PROMPT = 'Every terpus is a hilpus. Tom is a terpus. Tom is a';
const ROUNDS = 5;
const TARGET = 5;
const ENGINE = 'dist/engine.js';

export async function coldStart(folder: string, python: string, checkpoint: string): Promise<void> {
	let [ours, theirs] = [Infinity, Infinity];
	for (let i = 0; i < ROUNDS; i++) {
		ours = Math.min(ours, await firstRows(folder));
		const start = wall();
		const { status, stderr } = spawnSync(python, ['test/bench/cold.py', checkpoint, PROMPT], { encoding: 'utf8' });
		theirs = Math.min(theirs, wall() - start);
		if (status !== 0) {
			throw new Error(`cold.py failed: ${stderr}`);
		}
	}
	print('Cold start to the first decoded layer', `${ours.toFixed(2)} s, Python ${theirs.toFixed(2)} s: ${asked(theirs / ours, TARGET)}`);
}

/** Until the engine sends the prompt's first readouts: every site of every position, which is more than is waited for in Python. */
async function firstRows(folder: string): Promise<number> {
	const start = wall();
	const engine = new Engine({ modulePath: ENGINE });
	const aborter = new AbortController();
	let seconds = Infinity;
	const request = {
		model: folder,
		prompt: { name: 'bench', format: 'plain', text: PROMPT, pieces: [] },
		options: { seed: 0, temperature: 0, topK: 10, maxTokens: 1 },
		arms: ['direct'],
	};
	await engine
		.call('analyze', request, {
			signal: aborter.signal,
			onEvent: (event) => {
				if (event.kind === 'rows' && event.plane === 'lens.topk_id' && seconds === Infinity) {
					seconds = wall() - start;
					aborter.abort();
				}
			},
		})
		.catch((error: unknown) => {
			if (seconds === Infinity) {
				throw error;
			}
		});
	engine.dispose();
	return seconds;
}
