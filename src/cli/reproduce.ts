/** `reproduce`: published figures beside what the bundled models give. */
import { resolve } from 'node:path';
import { PUBLISHED } from '../analysis/presets';
import { reproductionParts } from '../analysis/report/reproduction';
import type { Reproduction } from '../analysis/reproduction';
import { printable } from '../analysis/text';
import { producer } from '../engine/product';
import { referenceFile, reproduce as run } from '../engine/reproduction';
import { RunError } from './failure';
import { chooseModel } from './model';
import type { Command } from './options';
import { readProblemSet } from './problems';
import { writeReport } from './reports';
import type { Session } from './session';

export async function reproduce(
	{ presets, data, limit, out, json }: Extract<Command, { kind: 'reproduce' }>,
	{ engine, signal, progress, note }: Session,
): Promise<string> {
	const { folder } = chooseModel(undefined, undefined, '.');
	if (data === undefined) {
		note(`Without --data the model’s own reference problems are used: the published figures are of ${PUBLISHED}.`);
	}
	const result = await run(
		{ producer: producer(), model: folder, presets, data: await readProblemSet(data === undefined ? await referenceOf(folder) : resolve(data)), limit },
		{ call: (method, params, options) => engine.call(method, params, options), signal, progress, note },
	);
	const written = out === undefined ? [] : await writeReport(out, reproductionParts(result), 'Published figures beside measured ones');
	return json ? `${JSON.stringify(result)}\n` : `${table(result)}${written.map((path) => `${printable(path)}\n`).join('')}`;
}

async function referenceOf(folder: string): Promise<string> {
	const path = await referenceFile(folder);
	if (path === undefined) {
		throw new RunError(`The model has no reference problems: give --data, ${PUBLISHED}.`);
	}
	return path;
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
