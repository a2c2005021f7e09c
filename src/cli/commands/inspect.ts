/** `inspect`: what a trace file holds, without model or network. */
import { printable } from '../../analysis/text';
import { openFile } from '../../trace/bytes.node';
import { openTrace } from '../../trace/reader';
import { command } from '../command';
import { given, JSON_FLAG, oneFile } from '../flags/values';

interface Options {
	file: string;
	json: boolean;
}

export const inspect = command<Options>({
	name: 'inspect',
	synopsis: ['X.trace.safetensors [--json]'],
	flags: JSON_FLAG,
	read: (files, values) => ({ file: oneFile('inspect', files), json: given(values, 'json') }),
	run,
});

async function run({ file, json }: Options): Promise<string> {
	const trace = await openTrace(await openFile(file));
	try {
		const { document } = trace;
		const { version, producer, created, prompt, model, options, runtime, probes, notes, origin } = document;
		const tensors = trace.tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape }));
		const arms = document.arms.map(({ name, state, steps, thoughts, text, answer, milliseconds }) => ({
			name,
			state,
			steps: steps.length,
			thoughts: thoughts.length,
			text,
			answer: answer ?? null,
			milliseconds,
		}));
		if (json) {
			const { id, sha256 } = model;
			const summary = {
				version,
				producer,
				created,
				prompt: { name: prompt.name, format: prompt.format, text: prompt.text, sha256: prompt.sha256 },
				model: { id, name: model.name, sha256: sha256 || null },
				origin: origin ?? null,
				options,
				runtime,
				arms,
				probes: probes.map((probe) => probe.name),
				notes,
				tensors,
			};
			return `${JSON.stringify(summary)}\n`;
		}
		const shown = [
			`${producer}, ${created}`,
			`Prompt: ${prompt.name}, ${prompt.text.length} characters`,
			origin
				? `Imported from ${origin.file} (${origin.format}), sample ${origin.sample}, model ${model.id}; reasoning: ${origin.reasoning}; steps are ${origin.steps}`
				: `Model: ${model.name} (${model.id}, ${model.sha256.slice(0, 12)}), ${runtime.engine}`,
			...arms.map(
				(arm) =>
					`Arm ${arm.name}: ${arm.state}, ${arm.steps} positions, ${arm.thoughts} thoughts: ${arm.answer ?? 'no answer'}`,
			),
			...notes.map((note) => `Note: ${note}`),
			...tensors.map(({ name, dtype, shape }) => `${name}  ${dtype} [${shape.join(', ')}]`),
		];
		return `${shown.map(printable).join('\n')}\n`;
	} finally {
		trace.dispose();
	}
}
