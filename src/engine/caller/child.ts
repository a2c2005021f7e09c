/** One forked engine process: its port, its output, its end. */
import { fork, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Remote, type Disposable, type Port } from '../../shared/rpc';
import type { EngineApi } from '../api';

/** Lines of a child's output are for people. */
const MAX_LINE = 2_000;
/** It runs anybody's models and asks no hub for anything. */
const NO_TOKENS = { HF_TOKEN: undefined, HUGGING_FACE_HUB_TOKEN: undefined };

export interface ChildOptions {
	modulePath: string;
	log(line: string): void;
	/** Called once, however the child ends; in words. */
	onExit(how: string): void;
}

export class Child implements Disposable {
	readonly remote: Remote<EngineApi>;
	private readonly process: ChildProcess;

	constructor({ modulePath, log, onExit }: ChildOptions) {
		this.process = fork(modulePath, [], {
			serialization: 'advanced',
			// No inherited flags: a debugger's port can be open only once.
			execArgv: [],
			// The editor's own binary is Electron.
			env: { ...process.env, ...NO_TOKENS, ELECTRON_RUN_AS_NODE: '1' },
			stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
		});
		for (const output of [this.process.stdout!, this.process.stderr!]) {
			createInterface({ input: output }).on('line', (line) => log(line.slice(0, MAX_LINE)));
		}
		this.remote = new Remote<EngineApi>(portOf(this.process));
		let ended = false;
		const end = (how: string) => {
			if (!ended) {
				ended = true;
				onExit(how);
			}
		};
		this.process.once('error', (error) => end(error.message));
		this.process.once('exit', (code, signal) => end(signal ?? `exit code ${code}`));
	}

	get pid(): number | undefined {
		return this.process.pid;
	}

	/** SIGKILL: a run blocks everything gentler. */
	dispose(): void {
		this.process.kill('SIGKILL');
	}
}

function portOf(child: ChildProcess): Port {
	return {
		// A send to a child that has just ended fails in the callback; its exit tells the callers.
		post: (message) => void (child.connected && child.send(message as object, () => {})),
		onMessage: (listener) => {
			child.on('message', listener);
			return { dispose: () => void child.off('message', listener) };
		},
	};
}
