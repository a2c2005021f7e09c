/** The headless entry: analyses, evaluates and inspects without an editor. Results go to stdout, all else to stderr. */
import { printable } from './analysis/text';
import { parseCommand } from './cli/commands';
import { messageOf, UsageError } from './cli/failure';

async function main(): Promise<void> {
	try {
		const asked = parseCommand(process.argv.slice(2));
		process.stdout.write(asked.kind === 'help' ? asked.text : await asked.run());
	} catch (error) {
		process.stderr.write(`${printable(messageOf(error).trim())}\n`);
		process.exitCode = error instanceof UsageError ? 2 : 1;
	}
}

// Whoever reads our output may stop early, as `head` does: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
void main();
