/** `models check`: what is known about a model, and whether it computes what it should. A failed test makes it fail, after its report. */
import { resolve } from 'node:path';
import { printable } from '../../analysis/text';
import type { ModelCheck } from '../../engine/api';
import { providerNote, type Execution } from '../../shared/execution';
import { command } from '../command';
import { EXECUTION_FLAGS, executionFlags } from '../flags/execution';
import { given, JSON_FLAG, named, oneFile } from '../flags/values';
import { chooseModel } from '../model';
import { withSession, type Session } from '../session';

interface Options {
	/** A model, in any way that `--model` names one. */
	file: string;
	json: boolean;
	reference?: string;
	execution: Execution;
}

export const modelsCheck = command<Options>({
	name: 'models check',
	synopsis: ['DIR [--reference NPZ] [--json]'],
	flags: { ...JSON_FLAG, reference: { type: 'string' }, ...EXECUTION_FLAGS },
	read: (files, values) => ({
		file: oneFile('models check', files),
		json: given(values, 'json'),
		reference: named(values, 'reference'),
		execution: executionFlags(values),
	}),
	run: (options) => withSession(options.execution, (session) => check(options, session)),
});

async function check({ file, json, reference }: Options, { engine, signal, progress }: Session): Promise<string> {
	const { folder } = await chooseModel(file, undefined, '');
	const found = await engine.call(
		'check',
		{ model: folder, reference: reference && resolve(reference) },
		{ signal, onEvent: ({ message }) => progress(message) },
	);
	if (found.selfTest.some(({ ok }) => !ok)) {
		process.exitCode = 1;
	}
	return json ? `${JSON.stringify(found)}\n` : report(found);
}

function report(found: ModelCheck): string {
	const { layers, width, vocab, sites, quantisation, available, unavailable, selfTest, provider, lowMemory } = found;
	return [
		`${layers} layers${width === null ? '' : ` of width ${width}`}, ${vocab} tokens, ${sites} sites of the residual stream, ${printable(quantisation)}.`,
		`Available: ${available.join(', ') || 'logits only'}.`,
		`Run on ${provider.used}${lowMemory ? ', with little memory' : ''}.`,
		...[providerNote(provider)].filter((note) => note !== undefined).map(printable),
		...unavailable.map(({ what, why }) => `Not available: ${what}, because ${printable(why)}.`),
		...selfTest.map(
			({ name, maxAbsDiff, ok }) => `${ok ? 'ok    ' : 'FAILED'}  ${maxAbsDiff.toExponential(1)}  ${printable(name)}`,
		),
		'',
	].join('\n');
}
