/** The journal of a run over a set, on the disk. On the caller's side: the child knows nothing of it. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { readFile, rm, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { journalHeader, journalLine, readJournal } from '../../analysis/evaluation/journal';
import type { Outcome, Setup } from '../../analysis/evaluation/outcome';
import { removeLeftovers, replaceText, writeAdvice } from '../../trace/replace.node';
import { EngineError } from '../error';

/** 500 bytes a test: a hundred tests of ten thousand problems. What is larger cannot be read in one string. */
const MAX_BYTES = 500_000_000;

/** Beside the result, so that both are on one file system and are seen together. */
export function journalPath(out: string): string {
	return `${out}.partial`;
}

/** Each line is written in one call and by the end of it is the system's, so that killing this process loses none. */
export class Journal {
	private readonly begun = Date.now();

	private constructor(
		private readonly out: string,
		private readonly path: string,
		private readonly descriptor: number,
		/** Of an earlier run with the same setup. */
		readonly outcomes: readonly Outcome[],
	) {}

	/** Goes on with the journal of `out`, or begins one. */
	static async open(out: string, setup: Setup): Promise<Journal> {
		const path = journalPath(out);
		const text = await readExisting(path);
		const found = text === undefined ? { kind: 'empty' as const } : readJournal(text, setup);
		if (found.kind === 'other') {
			const what = found.difference === 'version' ? 'by another version of Neuralese Inspector' : `with another ${found.difference}`;
			throw new EngineError(`${basename(path)} was begun ${what}: delete it, or choose another --out.`, 'bad-request');
		}
		if (found.kind === 'foreign') {
			throw new EngineError(`${basename(path)} is no journal of this command: move it away, or choose another --out.`, 'bad-request');
		}
		const begun = found.kind === 'begun';
		if (!begun || found.length < text!.length) {
			await replaceText(path, 'The journal', begun ? text!.slice(0, found.length) : journalHeader(setup));
		}
		return new Journal(out, path, attempt(path, () => openSync(path, 'a')), begun ? found.outcomes : []);
	}

	get name(): string {
		return basename(this.path);
	}

	add(outcome: Outcome): void {
		attempt(this.path, () => writeSync(this.descriptor, journalLine(outcome)));
	}

	close(): void {
		closeSync(this.descriptor);
	}

	/** Once the result has been written; with it goes what killed runs left behind. */
	async remove(): Promise<void> {
		await rm(this.path, { force: true });
		await removeLeftovers(this.path, this.begun);
		await removeLeftovers(this.out, this.begun);
	}
}

async function readExisting(path: string): Promise<string | undefined> {
	const found = await stat(path).catch(() => undefined);
	if (!found) {
		return undefined;
	}
	if (!found.isFile() || found.size > MAX_BYTES) {
		throw new EngineError(`${basename(path)} is no journal of this command: move it away, or choose another --out.`, 'bad-request');
	}
	return readFile(path, 'utf8');
}

function attempt<T>(path: string, work: () => T): T {
	try {
		return work();
	} catch (error) {
		throw new EngineError(`${path} was not written: ${writeAdvice(error as NodeJS.ErrnoException)}.`, 'cannot-write');
	}
}
