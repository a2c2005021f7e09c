/** The headless entry: analyses, evaluates and inspects without an editor. Results go to stdout, all else to stderr. */
import { printable } from './analysis/text';
import { analyze } from './cli/analyze';
import { causal } from './cli/causal';
import { evaluate } from './cli/evaluate';
import { messageOf, UsageError } from './cli/failure';
import { inspect } from './cli/inspect';
import { legibility } from './cli/legibility';
import { ood } from './cli/ood';
import { evaluateProbe, features, trainProbe } from './cli/probe';
import { parseCommand, USAGE, type Command } from './cli/options';
import { modelsAdd, modelsCheck, modelsList } from './cli/models';
import { report } from './cli/reports';
import { reproduce } from './cli/reproduce';
import { withSession } from './cli/session';

function run(command: Command): Promise<string> | string {
	switch (command.kind) {
		case 'help':
			return `${USAGE}\n`;
		case 'analyze':
			return withSession((session) => analyze(command, session));
		case 'eval':
			return withSession((session) => evaluate(command, session));
		case 'ood':
			return withSession((session) => ood(command, session));
		case 'causal':
			return withSession((session) => causal(command, session));
		case 'legibility':
			return withSession((session) => legibility(command, session));
		case 'probe-train':
			return withSession((session) => trainProbe(command, session));
		case 'probe-eval':
			return withSession((session) => evaluateProbe(command, session));
		case 'probe-features':
			return withSession((session) => features(command, session));
		case 'report':
			return report(command);
		case 'reproduce':
			return withSession((session) => reproduce(command, session));
		case 'inspect':
			return inspect(command);
		case 'models-add':
			return withSession((session) => modelsAdd(command, session));
		case 'models-list':
			return modelsList();
		case 'models-check':
			return withSession((session) => modelsCheck(command, session));
	}
}

async function main(): Promise<void> {
	try {
		process.stdout.write(await run(parseCommand(process.argv.slice(2))));
	} catch (error) {
		process.stderr.write(`${printable(messageOf(error).trim())}\n`);
		process.exitCode = error instanceof UsageError ? 2 : 1;
	}
}

// Whoever reads our output may stop early, as `head` does: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
void main();
