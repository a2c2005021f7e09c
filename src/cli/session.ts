/** What every command needs around its work: an engine, a signal that Ctrl+C aborts, and a line of progress. */
import { join } from 'node:path';
import { printable } from '../analysis/text';
import { Engine } from '../engine/caller/client';
import { providerNote, type Execution } from '../shared/execution';
import { RunError } from './failure';

/** The built child, beside the built command line. */
export const ENGINE = join(__dirname, 'engine.js');

export interface Session {
	engine: Engine;
	call: Engine['call'];
	signal: AbortSignal;
	progress(message: string): void;
	/** A line on the error output that stays. */
	note(message: string): void;
}

/** Runs `body` with an engine that is gone afterwards, and says where models are not run on what was asked for. Ctrl+C cancels it; a second one ends the process. */
export async function withSession<T>(execution: Execution, body: (session: Session) => Promise<T>): Promise<T> {
	const abort = new AbortController();
	const interrupt = () => abort.abort();
	process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
	const line = new ProgressLine();
	const keep = (text: string) => line.keep(printable(text));
	const engine = new Engine({
		modulePath: ENGINE,
		log: keep,
		execution,
		onReady: ({ provider }) => [providerNote(provider)].forEach((note) => note !== undefined && keep(note)),
	});
	try {
		return await body({
			engine,
			call: (method, params, options) => engine.call(method, params, options),
			signal: abort.signal,
			progress: (message) => line.show(message),
			note: keep,
		});
	} catch (error) {
		// What was being written is removed before the child ends.
		await engine.settled();
		throw abort.signal.aborted && !(error instanceof RunError) ? new RunError('Cancelled: run it again for a result.') : error;
	} finally {
		line.clear();
		engine.dispose();
		process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
	}
}

/** One line that is written over on a terminal; elsewhere each new message is a line of its own. */
class ProgressLine {
	private shown = '';

	show(message: string): void {
		if (message !== this.shown) {
			process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${message}` : `${message}\n`);
			this.shown = message;
		}
	}

	keep(message: string): void {
		this.clear();
		process.stderr.write(`${message}\n`);
	}

	clear(): void {
		if (this.shown !== '' && process.stderr.isTTY) {
			process.stderr.write('\r\x1b[K');
		}
		this.shown = '';
	}
}
