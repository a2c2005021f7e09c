/** `verify`: whether a trace is what it says, by running it again. Exit code 1 where it is not. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { differenceText } from '../../analysis/compare/firstDifference';
import { printable } from '../../analysis/text';
import { addedModels, modelsIn } from '../../engine/machine/registry';
import { verify as verifyTrace, type Verification } from '../../engine/caller/verification';
import type { Execution } from '../../shared/execution';
import { command } from '../command';
import { EXECUTION_FLAGS, executionFlags } from '../flags/execution';
import { given, JSON_FLAG, named, oneFile } from '../flags/values';
import { BUNDLED, chooseModel } from '../model';
import { withSession, type Session } from '../session';
import { openNamed } from '../tracefile';

interface Options {
	file: string;
	model?: string;
	execution: Execution;
	json: boolean;
}

export const verify = command<Options>({
	name: 'verify',
	synopsis: ['X.trace.safetensors [--model DIR] [--json]'],
	flags: { ...JSON_FLAG, model: { type: 'string' }, ...EXECUTION_FLAGS },
	read: (files, values) => ({
		file: oneFile('verify', files),
		model: named(values, 'model'),
		execution: executionFlags(values),
		json: given(values, 'json'),
	}),
	run: (options) => withSession(options.execution, (session) => run(options, session)),
});

async function run({ file, model, json }: Options, session: Session): Promise<string> {
	const trace = await openNamed(resolve(file));
	const scratch = await mkdtemp(join(tmpdir(), 'neuralese-verify-'));
	try {
		const found = await verifyTrace(
			{
				trace,
				models: [...(await modelsIn(BUNDLED)), ...(await addedModels())],
				folder: model === undefined ? undefined : (await chooseModel(model, undefined, '')).folder,
				scratch: join(scratch, 'again.trace.safetensors'),
			},
			session,
		);
		process.exitCode = found.same ? 0 : 1;
		return json ? `${JSON.stringify({ ...found, difference: found.difference ?? null })}\n` : report(found);
	} finally {
		trace.dispose();
		await rm(scratch, { recursive: true, force: true });
	}
}

function report({ hashes, runtime, same, difference, positions, planes, notes }: Verification): string {
	const lines = [
		...hashes.map(({ what, recorded, here, same: equal }) => `${equal ? 'same  ' : 'OTHER '}  ${what}: ${equal ? here : `recorded ${recorded}, here ${here}`}`),
		`recorded with ${runtime.recorded}`,
		...(runtime.here === undefined ? [] : [`repeated with ${runtime.here}`]),
		...(difference ? [`First difference: ${differenceText(difference)}.`] : []),
		...(same && planes > 0 ? [`The run is the same: ${positions} positions of its arms, ${planes} planes.`] : []),
		...notes,
	];
	return `${lines.map(printable).join('\n')}\n`;
}
