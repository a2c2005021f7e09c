/** Imports run in a process of their own: logs are large and may come from anybody. It is the command line's `import`. */
import { fork } from 'node:child_process';
import type { ListedSample } from '../analysis/samples';
import { CANCELLED, RpcError } from '../shared/rpc';

/** MiB of its heap: several times what the largest sample that is read takes, and a bound on what a hostile file can take. */
const MAX_HEAP = 2_048;
/** Characters of a listing: a million samples. */
const MAX_OUTPUT = 2 ** 28;
const MAX_ERROR = 10_000;

export interface ImportListing {
	format: string;
	samples: ListedSample[];
	warnings: string[];
	ask?: { question: string; guess?: string };
}

export class ImportProcess {
	/** `modulePath`: of the built command line. */
	constructor(private readonly modulePath: string) {}

	/** `map`: see the importers' `mapping.ts`. */
	async list(path: string, map: string | undefined, signal: AbortSignal): Promise<ImportListing> {
		return JSON.parse(await this.run(['--json', '--details', ...mapping(map), '--', path], signal)) as ImportListing;
	}

	/** Writes one sample as a trace. */
	async write(path: string, sample: string, out: string, map: string | undefined, signal: AbortSignal): Promise<void> {
		await this.run([`--sample=${sample}`, `--out=${out}`, ...mapping(map), '--', path], signal);
	}

	/** What it says, or its one sentence as the error. */
	private run(args: readonly string[], signal: AbortSignal): Promise<string> {
		return new Promise((resolve, reject) => {
			const child = fork(this.modulePath, ['import', ...args], {
				execArgv: [`--max-old-space-size=${MAX_HEAP}`],
				env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
				stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
				signal,
				killSignal: 'SIGKILL',
			});
			let [said, failed] = ['', ''];
			child.stdout!.setEncoding('utf8').on('data', (text: string) => {
				said += text;
				if (said.length > MAX_OUTPUT) {
					child.kill('SIGKILL');
				}
			});
			child.stderr!.setEncoding('utf8').on('data', (text: string) => (failed = (failed + text).slice(0, MAX_ERROR)));
			child.once('error', (error) => reject(signal.aborted ? new RpcError('Cancelled.', CANCELLED) : error));
			child.once('close', (code) => {
				if (code === 0) {
					resolve(said);
				} else {
					const ended = 'The import ended before it was done: its file needs more memory than imports may take. Split it.';
					reject(new RpcError((code === 1 && failed.trim()) || ended, 'bad-request'));
				}
			});
		});
	}
}

function mapping(map: string | undefined): string[] {
	return map === undefined ? [] : [`--map=${map}`];
}
