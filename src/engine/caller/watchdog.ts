/** When a child counts as stuck, how long to wait after a crash, when to stop trying, and which model is to blame. Pure. */

/** Patience with an operation, as a multiple of the cost model's estimate: machines are shared and estimates are coarse. */
const PATIENCE = 10;
/** Short operations wait on disks and schedulers, not on arithmetic. */
const MIN_DEADLINE = 5_000;
/** An estimate from a hostile model must not switch the watchdog off. */
const MAX_DEADLINE = 600_000;
/** Milliseconds that forking and loading the runtime may take on a cold disk. */
export const START_DEADLINE = 30_000;
/** Seconds that providers other than the processor may add to any operation: kernels are compiled when shapes are first met. */
export const KERNEL_SECONDS = 10;
/** Milliseconds that a provider may take to load its driver and to compile its first kernel. */
export const PROBE_DEADLINE = 30_000;
/** Milliseconds that a cancelled child has to answer: ten of its chunks. */
export const CANCEL_DEADLINE = 500;

const FIRST_DELAY = 250;
const MAX_DELAY = 4_000;
/** As language clients do: five crashes in three minutes are no accident. */
const MAX_CRASHES = 5;
const CRASH_WINDOW = 180_000;
/** The first crash may have been the machine's fault; a second in a row is the model's. */
const MODEL_CRASHES = 2;

/** Milliseconds without a sign of progress after which an operation is stuck. `seconds`: estimate of its longest silence. */
export function deadline(seconds = 0): number {
	return Math.min(MAX_DEADLINE, Math.max(MIN_DEADLINE, Number.isFinite(seconds) ? seconds * 1000 * PATIENCE : 0));
}

export type Verdict = { kind: 'back-off'; delay: number } | { kind: 'gave-up' };

/** Times of the crashes that still count, in milliseconds, ascending. */
export type Crashes = readonly number[];

export function afterCrash(crashes: Crashes, now: number): { crashes: Crashes; verdict: Verdict } {
	const recent = [...crashes.filter((at) => now - at < CRASH_WINDOW), now];
	const verdict: Verdict =
		recent.length >= MAX_CRASHES
			? { kind: 'gave-up' }
			: { kind: 'back-off', delay: Math.min(MAX_DELAY, FIRST_DELAY * 2 ** (recent.length - 1)) };
	return { crashes: recent, verdict };
}

/** Crashes in a row of each model, by the hash of its manifest. */
export class Quarantine {
	private readonly counts = new Map<string, number>();

	crashed(model: string): void {
		this.counts.set(model, (this.counts.get(model) ?? 0) + 1);
	}

	succeeded(model: string): void {
		this.counts.delete(model);
	}

	holds(model: string): boolean {
		return (this.counts.get(model) ?? 0) >= MODEL_CRASHES;
	}

	clear(): void {
		this.counts.clear();
	}
}
