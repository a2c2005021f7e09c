/** `reproduce`: published figures beside what the bundled models give. */
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { printable } from '../analysis/text';
import { reproduce as run, type Reproduction } from '../engine/reproduction';
import { RunError } from './failure';
import { chooseModel } from './model';
import type { Command } from './options';
import { readProblemSet } from './problems';
import type { Session } from './session';

export const PUBLISHED = 'data/prosqa_valid.json of github.com/facebookresearch/coconut (MIT)';

export async function reproduce(
	{ presets, data, limit, json }: Extract<Command, { kind: 'reproduce' }>,
	{ engine, signal, progress, note }: Session,
): Promise<string> {
	const { folder } = chooseModel(undefined, undefined, '.');
	if (data === undefined) {
		note(`Without --data the model’s own reference problems are used: the published figures are of ${PUBLISHED}.`);
	}
	const result = await run(
		{ model: folder, presets, data: await readProblemSet(data === undefined ? await referenceOf(folder) : resolve(data)), limit },
		{ call: (method, params, options) => engine.call(method, params, options), signal, progress, note },
	);
	return json ? `${JSON.stringify(result)}\n` : table(result);
}

/** The set that came with the model; the engine checks its hash when the model is loaded. */
async function referenceOf(folder: string): Promise<string> {
	const manifest = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8')) as { reference?: { name?: unknown } };
	const name = manifest.reference?.name;
	if (typeof name !== 'string') {
		throw new RunError(`The model has no reference problems: give --data, ${PUBLISHED}.`);
	}
	return join(folder, basename(name));
}

function table({ model, data, checks }: Reproduction): string {
	const lines = checks.flatMap(({ what, expected, source, measured, verdict, why }) => [
		`${what}`,
		`  expected  ${expected}; ${source}`,
		`  measured  ${measured}`,
		`  ${verdict}: ${why}`,
		'',
	]);
	const counted = new Map<string, number>();
	checks.forEach(({ verdict }) => counted.set(verdict, (counted.get(verdict) ?? 0) + 1));
	const summary = [...counted].map(([verdict, n]) => `${n} ${verdict}`).join(', ');
	return `${[`${model.id}, on ${data.n} problems of ${data.name}`, '', ...lines, `${checks.length} checks: ${summary}.`].map(printable).join('\n')}\n`;
}
