/**
 * Import of a large Inspect log against Inspect's own reader, in CPU seconds of one run: `NEURALESE_LOGS=FOLDER node out/bench/import.cjs [MIB]`,
 * where FOLDER is what `npm test -- imports` made, with its Python.
 */
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openFile } from '../../src/trace/bytes.node';
import { compose } from '../../src/trace/importers/compose';
import { openImport } from '../../src/trace/importers/importers';
import { cpu, print } from './clock';

const DEFAULT_MIB = 200;
const MIB = 2 ** 20;

/** Its process prints the seconds and the largest resident size, without the start of Python and its imports. */
const READER = `
import resource, sys, time
from inspect_ai.log import read_eval_log
start = time.process_time()
log = read_eval_log(sys.argv[1], resolve_attachments=True)
print(time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, len(log.samples))
`;

async function main(): Promise<void> {
	const folder = process.env['NEURALESE_LOGS'];
	const python = process.env['INSPECT_PYTHON'] ?? join(folder ?? '', 'python/bin/python');
	if (folder === undefined || !existsSync(python)) {
		throw new Error('Set NEURALESE_LOGS to the folder that "npm test -- imports" made.');
	}
	const log = join(folder, 'large.eval');
	if (!existsSync(log)) {
		execFileSync(python, ['test/fixtures/imports/inspect_logs.py', folder, '--large', process.argv[2] ?? String(DEFAULT_MIB)], { stdio: 'inherit' });
	}
	const start = cpu();
	let samples = 0;
	let first = 0;
	const bytes = await openFile(log);
	const file = await openImport(bytes);
	const context = { format: file.format, file: 'large.eval', importer: 'bench', now: '', sha256: (text: string) => createHash('sha256').update(text).digest('hex') };
	for await (const ref of file.samples()) {
		compose(await ref.read(), context);
		first = samples++ === 0 ? cpu() - start : first;
	}
	const ours = cpu() - start;
	const rss = process.resourceUsage().maxRSS * 1024;
	bytes.dispose();
	const [theirs, theirRss, count] = execFileSync(python, ['-c', READER, log], { encoding: 'utf8' }).trim().split(' ').map(Number) as [number, number, number];
	print(`A log of ${(statSync(log).size / MIB).toFixed(0)} MiB, ${samples} samples (Inspect: ${count}), all as traces`, `${ours.toFixed(1)} s CPU, Inspect's reader ${theirs.toFixed(1)}: ${(theirs / ours).toFixed(1)} times as long`);
	print('  its first sample', `${(first * 1000).toFixed(0)} ms CPU`);
	print('  largest resident size', `${(rss / MIB).toFixed(0)} MiB, Inspect's reader ${(theirRss / MIB).toFixed(0)}`);
}

void main().catch((error: unknown) => {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
});
