/** What the engine's changes to a graph cost, and what memory its lens needs: each figure from processes of its own (isolated.ts). */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { asked, ms, print } from './clock';
import type { Times } from './isolated';
import type { Peer } from './peer';

const PAIRS = 8;
const AT_MOST = 1.05;
const MEMORY_SHARE = 0.111;

function isolated<T>(work: string, folder: string): T {
	const { stdout, stderr, status } = spawnSync(process.execPath, [join(__dirname, 'isolated.cjs'), work, folder], { encoding: 'utf8' });
	if (status !== 0) {
		throw new Error(`isolated.cjs ${work} failed: ${stderr}`);
	}
	return JSON.parse(stdout) as T;
}

/** Median and range of the ratios of pairs, whose order alternates. */
export function overhead(folder: string): void {
	const ratios: Record<keyof Times, number[]> = { prefill: [], step: [], whole: [] };
	const best: Record<string, number> = {};
	for (let pair = 0; pair < PAIRS; pair++) {
		const order = ['instrumented', 'plain-body', 'plain-whole'];
		const found = Object.fromEntries((pair % 2 ? order.reverse() : order).map((work) => [work, isolated<Times>(work, folder)]));
		const plain: Times = { ...found['plain-body'], ...found['plain-whole'] };
		for (const what of ['prefill', 'step', 'whole'] as const) {
			const [ours, theirs] = [found['instrumented']![what]!, plain[what]!];
			ratios[what].push(ours / theirs);
			best[what] = Math.min(best[what] ?? Infinity, ours);
			best[`plain ${what}`] = Math.min(best[`plain ${what}`] ?? Infinity, theirs);
		}
	}
	for (const [what, label] of [
		['prefill', 'prefill of the body'],
		['step', 'step of the body'],
		['whole', 'step until the next token is known'],
	] as const) {
		const sorted = ratios[what].sort((a, b) => a - b);
		const middle = (sorted[Math.floor((PAIRS - 1) / 2)]! + sorted[Math.ceil((PAIRS - 1) / 2)]!) / 2;
		const range = `${PAIRS} pairs ${sorted[0]!.toFixed(2)}–${sorted.at(-1)!.toFixed(2)}`;
		print(`fp32: ${label}, instrumented`, `${ms(best[what]!)}, the export ${ms(best[`plain ${what}`]!)}; median ratio ${asked(middle, AT_MOST, true)}, ${range}`);
	}
}

export async function memory(folder: string, peerOf: (dtype: string) => Peer): Promise<void> {
	const ours = isolated<number>('lens-memory', folder);
	for (const dtype of ['fp32', 'bf16']) {
		for (const [work, how] of [
			['lens-memory', 'all logits at once'],
			['lens-in-chunks-memory', 'in chunks'],
		] as const) {
			const peer = peerOf(dtype);
			const theirs = await peer.ask<number>(work);
			peer.dispose();
			const ratio = ours / theirs;
			const share = work === 'lens-memory' ? asked(ratio, MEMORY_SHARE, true) : `${ratio.toFixed(2)} ×`;
			print('Extra memory of the lens', `${mebibytes(ours)}, PyTorch ${dtype} ${how} ${mebibytes(theirs)}: ${share}`);
		}
	}
}

const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
