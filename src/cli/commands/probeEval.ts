/** `probe eval`: measures a probe. */
import { resolve } from 'node:path';
import { command } from '../command';
import { UsageError } from '../failure';
import { LABEL_FLAGS, probeFlags, type ProbeFlags } from '../flags/probe';
import { fewFiles } from '../flags/values';
import { LABELLED_NOTES, prepare } from '../labelled';
import { probeTable } from '../probeText';
import { withSession, type Session } from '../session';

interface Options extends ProbeFlags {
	/** File. */
	probe: string;
	/** Of labelled prompts; absent where what the probe held out is used. */
	file?: string;
}

export const probeEval = command<Options>({
	name: 'probe eval',
	synopsis: ['P [DATA.jsonl] [--task T] [--model DIR] [--latents N] [--loops N] [--noise X] [--seed N] [--temperature X] [--max-tokens N] [--no-chat-template] [--json]'],
	notes: LABELLED_NOTES,
	flags: LABEL_FLAGS,
	read: (files, values) => {
		const [probe, file] = fewFiles('probe eval', 2, files);
		if (probe === undefined) {
			throw new UsageError('probe eval needs a probe: see --help.');
		}
		return { probe, file, ...probeFlags(values) };
	},
	run: (options) => withSession(options.run.execution, (session) => run(options, session)),
});

async function run(options: Options, session: Session): Promise<string> {
	const { probe, json, task } = options;
	const { engine, signal, progress } = session;
	const { states, examples } = await prepare(options, session, 'optional');
	const params = { model: states.model, options: states.options, probe: resolve(probe), examples, task };
	const report = await engine.call('evaluateProbe', params, { signal, onEvent: ({ message }) => progress(message) });
	return json ? `${JSON.stringify(report)}\n` : probeTable(report);
}
