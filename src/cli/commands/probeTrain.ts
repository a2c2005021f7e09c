/** `probe train`: fits a probe and writes it. */
import { basename, resolve } from 'node:path';
import { PROBE_TASK_NAMES } from '../../analysis/labels';
import { printable } from '../../analysis/text';
import { command } from '../command';
import { UsageError } from '../failure';
import { probeFlags, STATE_FLAGS, type ProbeFlags } from '../flags/probe';
import { fewFiles, named, outOf, quoted } from '../flags/values';
import { LABELLED_NOTES, prepare } from '../labelled';
import { probeTable } from '../probeText';
import { withSession, type Session } from '../session';
import { checkOutFile } from '../target';

const NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;

interface Options extends ProbeFlags {
	/** Of labelled prompts; absent where a task labels the model's own. */
	file?: string;
	out: string;
	name?: string;
	label?: string;
}

export const probeTrain = command<Options>({
	name: 'probe train',
	synopsis: [
		`[DATA.jsonl] --out P [--task ${PROBE_TASK_NAMES.join('|')}] [--arm A] [--at thoughts|tokens]`,
		'[--sites 0,1,…] [--name N] [--label TEXT] [--model DIR] [--latents N] [--loops N] [--noise X] [--seed N] [--temperature X]',
		'[--max-tokens N] [--no-chat-template] [--json]',
	],
	notes: LABELLED_NOTES,
	flags: { ...STATE_FLAGS, name: { type: 'string' }, label: { type: 'string' } },
	read: (files, values) => {
		const [file] = fewFiles('probe train', 1, files);
		const flags = probeFlags(values);
		if (file === undefined && flags.task === undefined) {
			throw new UsageError("probe train needs a file of labelled prompts, or a --task that labels the model's own: see --help.");
		}
		const out = outOf('probe train', values, 'P.probe.safetensors');
		return { file, out, name: named(values, 'name'), label: named(values, 'label'), ...flags };
	},
	run: (options) => withSession(options.run.execution, (session) => run(options, session)),
});

async function run(options: Options, session: Session): Promise<string> {
	const { out, label, json, task, file } = options;
	const { engine, signal, progress } = session;
	const name = options.name ?? nameOf(out);
	if (!NAME.test(name)) {
		throw new UsageError(`--name should be words of small letters and digits with dashes between them, not ${quoted(name)}.`);
	}
	await checkOutFile(out, [file]);
	const { states, examples } = await prepare(options, session);
	const source = file === undefined ? 'the model’s reference prompts' : basename(file);
	const params = { ...states, examples, task, source, name, label, out: resolve(out) };
	const report = await engine.call('trainProbe', params, { signal, onEvent: ({ message }) => progress(message) });
	return json ? `${JSON.stringify({ ...report, out })}\n` : `${probeTable(report)}Written: ${printable(out)}\n`;
}

/** The probe's name where none is given: the file's, as far as it can be one. */
function nameOf(path: string): string {
	return basename(path)
		.replace(/(\.probe)?\.safetensors$/, '')
		.toLowerCase()
		.replace(/[^a-z0-9]+/g, '-')
		.replace(/^-+|-+$/g, '');
}
