/** `probe features`: gives what probes are fitted to, to other programs. */
import { resolve } from 'node:path';
import { labelsOfFile, labelsOfTask } from '../../analysis/labels';
import { printable } from '../../analysis/text';
import { encodeHeader } from '../../trace/container';
import { replaceBytes } from '../../trace/replace.node';
import { command } from '../command';
import { UsageError } from '../failure';
import { probeFlags, STATE_FLAGS, type ProbeFlags } from '../flags/probe';
import { fewFiles, outOf } from '../flags/values';
import { attempt, LABELLED_NOTES, prepare } from '../labelled';
import { withSession, type Session } from '../session';
import { checkOutFile } from '../target';

interface Options extends ProbeFlags {
	/** Of labelled prompts. */
	file: string;
	out: string;
}

export const probeFeatures = command<Options>({
	name: 'probe features',
	synopsis: ['DATA.jsonl --out F.safetensors   (and what probe train takes of where states are read)'],
	notes: LABELLED_NOTES,
	flags: STATE_FLAGS,
	read: (files, values) => {
		const flags = probeFlags(values);
		const [file] = fewFiles('probe features', 1, files);
		if (file === undefined) {
			throw new UsageError('probe features needs a file of prompts: see --help.');
		}
		return { file, out: outOf('probe features', values, 'F.safetensors'), ...flags };
	},
	run: (options) => withSession(options.run.execution, (session) => run(options, session)),
});

/**
 * One safetensors file: `features` F32 [n, steps, sites, width], NaN where a prompt has fewer steps, `labels` I8 [n, steps, classes]
 * with −1 for none, `groups` I32 [n].
 */
async function run(options: Options, session: Session): Promise<string> {
	const { file, out, json, task } = options;
	const { engine, signal, progress } = session;
	await checkOutFile(out, [file]);
	const { states, examples = [] } = await prepare(options, session);
	const prompts = examples.map(({ prompt }) => prompt);
	const parts: { index: number; step: number; data: Float32Array }[] = [];
	let steps = 0;
	const { arm, sites, width } = await engine.call(
		'features',
		{ ...states, prompts },
		{
			signal,
			onEvent: (event) => {
				if (event.kind === 'progress') {
					return progress(event.message);
				}
				steps = Math.max(steps, event.steps.end);
				parts.push({ index: event.index, step: event.steps.start, data: event.data });
			},
		},
	);
	const targets = attempt(() => (task ? labelsOfTask(prompts, task) : labelsOfFile(examples)));
	const classes = targets.classes?.length ?? 1;
	const n = prompts.length;
	const values = new Float32Array(n * steps * sites.length * width).fill(NaN);
	parts.forEach(({ index, step, data }) => values.set(data, (index * steps + step) * sites.length * width));
	const labels = Int8Array.from(prompts.flatMap((_, i) => targets.of(i, steps).flatMap((one) => [...one])));
	const names = [...new Set(examples.map(({ group }) => group))];
	const groups = Int32Array.from(examples, ({ group }) => names.indexOf(group));
	const tensors = [
		{ name: 'features', dtype: 'F32', shape: [n, steps, sites.length, width], data: values },
		{ name: 'groups', dtype: 'I32', shape: [n], data: groups },
		{ name: 'labels', dtype: 'I8', shape: [n, steps, classes], data: labels },
	];
	const metadata = { format: 'neuralese-features', arm, at: states.at, sites: JSON.stringify(sites), classes: JSON.stringify(targets.classes ?? []) };
	const bytes = [encodeHeader(tensors, metadata), ...tensors.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))];
	await replaceBytes(resolve(out), 'The file', Buffer.concat(bytes));
	const summary = { arm, prompts: n, steps, sites, width, classes: targets.classes ?? null, out };
	return json ? `${JSON.stringify(summary)}\n` : `${n} prompts × ${steps} steps × ${sites.length} sites × ${width} values of arm ${arm}: ${printable(out)}\n`;
}
