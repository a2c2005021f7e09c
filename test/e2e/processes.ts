/** What Linux's /proc says of the processes below a host: who they are and how much memory they took at most. */
import { readdirSync, readFileSync } from 'node:fs';

export interface Process {
	pid: number;
	command: string;
	/** Peak resident memory, in MB. */
	peak: number;
}

/** All processes below `root`, however deep. */
function descendants(root: number): Process[] {
	const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => describe(Number(name)) ?? []);
	const children = (parent: number) => all.filter((one) => one.parent === parent);
	const below = (parent: number): Process[] => children(parent).flatMap((one) => [one, ...below(one.pid)]);
	return below(root);
}

export function extensionHost(root: number): Process | undefined {
	return descendants(root).find((process) => process.command.includes('--type=extensionHost'));
}

/** The engine's child of the extension under test. */
export function engine(root: number): Process | undefined {
	return descendants(root).find((process) => /dist\/engine\.js/.test(process.command));
}

function describe(pid: number): (Process & { parent: number }) | undefined {
	try {
		const status = readFileSync(`/proc/${pid}/status`, 'utf8');
		const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
		const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
		return { pid, parent: field('PPid'), peak: field('VmHWM') / 1024, command };
	} catch {
		// It ended while we looked.
		return undefined;
	}
}
