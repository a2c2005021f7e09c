/** `models add`: makes a model folder from an exported decoder, on the disk or on a hub. */
import { resolve } from 'node:path';
import { printable } from '../../analysis/text';
import { providerNote, type Execution } from '../../shared/execution';
import { command } from '../command';
import { EXECUTION_FLAGS, executionFlags } from '../flags/execution';
import { given, named, oneFile } from '../flags/values';
import { checkLocal, fromHub, isOnHub, type HubFlags } from '../hub';
import { withSession, type Session } from '../session';

interface Options {
	/** A path of an export or of a model folder, or a hub's name. */
	file: string;
	tokenizer?: string;
	out?: string;
	hub: HubFlags;
	execution: Execution;
}

export const modelsAdd = command<Options>({
	name: 'models add',
	synopsis: ['FILE.onnx|DIR|OWNER/NAME [--tokenizer DIR] [--out DIR]', '[--revision R] [--variant NAME] [--yes]   (of a hub)'],
	notes: ["--model takes a model folder, a bundled or added model's name, owner/name of a hub's model in the cache, an .onnx file of a decoder, or a folder with one."],
	flags: {
		tokenizer: { type: 'string' },
		out: { type: 'string' },
		revision: { type: 'string' },
		variant: { type: 'string' },
		yes: { type: 'boolean' },
		...EXECUTION_FLAGS,
	},
	read: (files, values) => ({
		file: oneFile('models add', files),
		tokenizer: named(values, 'tokenizer'),
		out: named(values, 'out'),
		hub: { revision: named(values, 'revision'), variant: named(values, 'variant'), yes: given(values, 'yes') },
		execution: executionFlags(values),
	}),
	run: (options) => withSession(options.execution, (session) => add(options, session)),
});

async function add({ file, tokenizer, out, hub }: Options, session: Session): Promise<string> {
	const { engine, signal, progress } = session;
	const onHub = isOnHub(file);
	if (!onHub) {
		checkLocal(hub, file);
	}
	const source = onHub ? await fromHub(file, hub, session) : { source: resolve(file) };
	const card = await engine.call(
		'add',
		{ ...source, tokenizer: tokenizer && resolve(tokenizer), out: out && resolve(out) },
		{ signal, onEvent: ({ message }) => progress(message) },
	);
	const { layers, width, vocabulary, context } = card.shape;
	const seen = card.available.includes('layers');
	return [
		`${printable(card.name)} was added: ${card.folder}`,
		`${seen ? `${layers} layers of width ${width}` : 'only logits'}, ${vocabulary} tokens, ${context} positions, ${printable(card.quantisation)}; arms ${card.arms.join(', ')}.`,
		...[providerNote(card.provider)].filter((note) => note !== undefined).map(printable),
		...(card.proposal?.reasons ?? []).map(printable),
		...(card.proposal?.undecided ?? []).map((one) => `Not decided: ${printable(one)}`),
		...card.unavailable.map(({ what, why }) => `Not available: ${what}, because ${printable(why)}.`),
		`To run it: node dist/cli.js analyze FILE --model ${card.listedAs}`,
		'',
	].join('\n');
}
