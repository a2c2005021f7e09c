/** Another program that does the same work, asked line by line: it measures itself, and computes only while it is asked. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

export class Peer {
	private readonly child: ChildProcess;
	private readonly answers: AsyncIterator<string>;

	constructor(program: string, args: readonly string[]) {
		this.child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] });
		this.child.on('error', () => {});
		this.answers = createInterface({ input: this.child.stdout! })[Symbol.asyncIterator]();
	}

	/** Fails where the program ended before it answered. */
	async ask<T>(work: string): Promise<T> {
		this.child.stdin!.write(`${work}\n`);
		const { value, done } = await this.answers.next();
		if (done) {
			throw new Error(`${this.child.spawnargs.join(' ')} ended before it answered "${work}": run it by hand to see why.`);
		}
		return JSON.parse(value) as T;
	}

	dispose(): void {
		this.child.kill();
	}
}
