/** Times and lines that benches share. Only ratios of times measured in one run mean anything on a shared machine. */

const REPEATS = 15;

/** Seconds on a clock; a child's work can only be timed so. */
export const wall = () => performance.now() / 1000;

/** Seconds of this process's computing, which other processes do not lengthen. */
export function cpu(): number {
	const { user, system } = process.cpuUsage();
	return (user + system) / 1e6;
}

/** Shortest of the repeats, in seconds: what else the machine did only makes a time longer. */
export async function fastest(work: () => Promise<unknown>, clock: () => number, repeats = REPEATS): Promise<number> {
	let best = Infinity;
	for (let i = 0; i < repeats; i++) {
		const start = clock();
		await work();
		best = Math.min(best, clock() - start);
	}
	return best;
}

export function print(what: string, value: string): void {
	console.log(`${what.padEnd(66)} ${value}`);
}

export const ms = (seconds: number) => `${(seconds * 1000).toFixed(2)} ms`;
export const percent = (share: number) => `${(share * 100).toFixed(0)} %`;

/** Two ways to do the same in turn, each saying how many seconds it took; the shortest of each. */
export async function versus(ours: () => Promise<number>, theirs: () => Promise<number>, rounds: number) {
	const best = { ours: Infinity, theirs: Infinity };
	for (let i = 0; i < rounds; i++) {
		best.ours = Math.min(best.ours, await ours());
		best.theirs = Math.min(best.theirs, await theirs());
	}
	return best;
}

/** A ratio beside what was asked for: at least `target`, or at most where `most`. */
export function asked(ratio: number, target: number, most = false): string {
	const ok = most ? ratio <= target : ratio >= target;
	return `${ratio.toFixed(2)} × (asked: ${most ? '≤' : '≥'} ${target}${ok ? '' : ', MISSED'})`;
}
