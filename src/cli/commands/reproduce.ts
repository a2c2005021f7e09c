/** `reproduce`: published figures beside what the bundled models give. */
import { resolve } from 'node:path';
import { PRESETS, PUBLISHED, type PresetName } from '../../analysis/presets';
import { reproductionParts } from '../../analysis/report/reproduction';
import type { Reproduction } from '../../analysis/reproduction';
import { printable } from '../../analysis/text';
import { producer } from '../../engine/product';
import { referenceFile, reproduce as reproducePresets } from '../../engine/caller/reproduction';
import type { Execution } from '../../shared/execution';
import { command } from '../command';
import { RunError } from '../failure';
import { EXECUTION_FLAGS, executionFlags } from '../flags/execution';
import { given, JSON_FLAG, MAX_COUNT, named, number, oneOf } from '../flags/values';
import { chooseModel } from '../model';
import { readProblemSet } from '../problems';
import { checkReportFolder, writeReport } from '../reportFiles';
import { withSession, type Session } from '../session';

interface Options {
	presets: PresetName[];
	data?: string;
	limit?: number;
	out?: string;
	json: boolean;
	execution: Execution;
}

export const reproduce = command<Options>({
	name: 'reproduce',
	synopsis: ['[PRESET…] [--data valid.json] [--limit N] [--out DIR] [--json]'],
	notes: [`Presets of reproduce: ${PRESETS.join(', ')}. All where none is named.`],
	flags: { ...JSON_FLAG, data: { type: 'string' }, limit: { type: 'string' }, out: { type: 'string' }, ...EXECUTION_FLAGS },
	read: (names, values) => ({
		presets: presetsOf(names),
		data: named(values, 'data'),
		limit: number(values, 'limit', 1, MAX_COUNT),
		out: named(values, 'out'),
		json: given(values, 'json'),
		execution: executionFlags(values),
	}),
	run: (options) => withSession(options.execution, (session) => run(options, session)),
});

/** In the order of the table; all of them where none is named. */
function presetsOf(names: readonly string[]): PresetName[] {
	const wanted = names.map((name) => oneOf('preset', PRESETS, name));
	return PRESETS.filter((preset) => wanted.length === 0 || wanted.includes(preset));
}

async function run({ presets, data, limit, out, json }: Options, { engine, signal, progress, note }: Session): Promise<string> {
	if (out !== undefined) {
		await checkReportFolder(out);
	}
	const { folder } = await chooseModel(undefined, undefined, '.');
	if (data === undefined) {
		note(`Without --data the model’s own reference problems are used: the published figures are of ${PUBLISHED}.`);
	}
	const result = await reproducePresets(
		{ producer: producer(), model: folder, presets, data: await readProblemSet(data === undefined ? await referenceOf(folder) : resolve(data)), limit },
		{ call: (method, params, options) => engine.call(method, params, options), signal, progress, note },
	);
	const written = out === undefined ? [] : await writeReport(out, 'Published figures beside measured ones', reproductionParts(result));
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
