/** A folder that is made beside the place that it is meant for, and takes that place whole or not at all, whoever else does the same. */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EngineError, quoted } from '../error';
import { addedFolder } from '../machine/registry';

/** Hidden, so that nothing that lists models takes it for one; the process's id says whether its maker still lives. */
const STAGED = /^\.adding-(\d+)-[0-9a-f-]{36}$/;
/** What stands in the place is put aside before another takes it: once more for each process that comes in between. */
const ATTEMPTS = 5;

/** A new folder beside `place`. What killed processes left there is removed. */
export async function stage(place: string): Promise<string> {
	const parent = dirname(place);
	try {
		await mkdir(parent, { recursive: true });
		await removeAbandoned(parent);
		const staged = join(parent, `.adding-${process.pid}-${randomUUID()}`);
		await mkdir(staged);
		return staged;
	} catch (error) {
		throw refused(place, error);
	}
}

export interface Standing {
	/** Whether what stands in the place is as good; fails where it must not be replaced. */
	keep(): Promise<boolean>;
	/** Takes what is worth keeping out of the folder that gives way. */
	salvage(aside: string): Promise<void>;
}

/** Puts `staged` where `place` is. A folder that is there already gives way, unless it is to be kept. */
export async function settle(staged: string, place: string, { keep, salvage }: Standing): Promise<void> {
	for (let attempt = 1; ; attempt++) {
		try {
			// Over an empty folder it would succeed; over one with files it fails, on every system.
			return await rename(staged, place);
		} catch (error) {
			if (attempt === ATTEMPTS || !isTaken(error)) {
				throw refused(place, error);
			}
		}
		if (await keep()) {
			return rm(staged, { recursive: true, force: true });
		}
		const aside = join(dirname(place), `.adding-${process.pid}-${randomUUID()}`);
		if (await rename(place, aside).then(() => true, () => false)) {
			await salvage(aside);
		}
		await rm(aside, { recursive: true, force: true });
	}
}

async function removeAbandoned(parent: string): Promise<void> {
	for (const name of await readdir(parent)) {
		const [, maker] = STAGED.exec(name) ?? [];
		if (maker !== undefined && !isAlive(Number(maker))) {
			await rm(join(parent, name), { recursive: true, force: true });
		}
	}
}

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		// Of another user.
		return (error as NodeJS.ErrnoException).code === 'EPERM';
	}
}

function isTaken(error: unknown): boolean {
	return ['ENOTEMPTY', 'EEXIST', 'EPERM', 'EACCES', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/** That `place`, or a file in it, cannot be made. */
export function refused(place: string, error: unknown): EngineError {
	const { code, message } = error as NodeJS.ErrnoException;
	const advice = dirname(place) === addedFolder() ? 'make room there, or set NEURALESE_HOME to a folder of yours' : 'choose another --out';
	return new EngineError(`The folder ${quoted(place)} cannot be written (${code ?? message}): ${advice}.`, 'cannot-write');
}
