// `npm test`: installs what is missing, then checks types, builds, and runs every suite; its last line has the counts.
// `npm test -- unit e2e` runs only those suites, with the type check and the build before them; `npm test -- fuzz --nightly` all that fuzz tests
// have, which takes minutes.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run as runFiles } from 'node:test';
import { spec } from 'node:test/reporters';
import { installAll, installPackages, makeExports, makeLogs, makeLoops, makeSmolLM2, makeThinkers, pythonPath, ROOT, SetupError } from './setup.mjs';

/**
 * One server and one browser per E2E file: two at a time starve each other on two cores. The package is tested last, because
 * making it replaces dist/ by the production build.
 */
const SUITES = [
	{ name: 'unit', run: () => nodeTests(/^unit\//, 2, 300_000) },
	{ name: 'exports', run: () => nodeTests(/^exports\//, 1, 600_000) },
	{ name: 'fuzz', run: () => nodeTests(/^fuzz\//, 1, 1_800_000) },
	{ name: 'imports', run: () => nodeTests(/^imports\//, 1, 300_000) },
	{ name: 'integration', run: mochaTests },
	{ name: 'e2e', run: () => nodeTests(/^e2e\/(?!vsix)/, 1, 600_000) },
	{ name: 'package', run: () => nodeTests(/^e2e\/vsix/, 1, 600_000) },
];

const NIGHTLY = '--nightly';

process.chdir(ROOT);
if (process.argv.includes(NIGHTLY)) {
	process.env.NEURALESE_NIGHTLY = '1';
}
const wanted = process.argv.slice(2).filter((argument) => argument !== NIGHTLY);
const unknown = wanted.filter((name) => !SUITES.some((suite) => suite.name === name));
if (unknown.length > 0) {
	console.error(`There is no suite "${unknown[0]}": use ${SUITES.map((suite) => suite.name).join(', ')}.`);
	process.exit(2);
}

try {
	const wants = (...names) => wanted.length === 0 || wanted.some((name) => names.includes(name));
	if (wants('integration', 'e2e', 'package')) {
		installAll();
	} else {
		installPackages();
	}
	if (wants('exports')) {
		makeExports();
		makeLoops();
	}
	if (wants('exports', 'e2e')) {
		makeThinkers();
		makeSmolLM2();
	}
	if (wants('fuzz')) {
		process.env.NEURALESE_PYTHON = pythonPath();
	}
	if (wants('imports')) {
		makeLogs();
	}
} catch (error) {
	console.error(error instanceof SetupError ? error.message : error);
	process.exit(1);
}

const evidence = mkdtempSync(join(tmpdir(), 'neuralese-test-'));
process.env.NEURALESE_EVIDENCE = evidence;
const results = [
	timed('types', () => step('node_modules/.bin/tsc', ['-p', '.'])),
	timed('build', () => step('node', ['esbuild.mjs', '--tests'])),
];
if (results[1].failed === 0) {
	for (const suite of SUITES.filter((one) => wanted.length === 0 || wanted.includes(one.name))) {
		console.log(`\n── ${suite.name}`);
		const start = performance.now();
		results.push({ name: suite.name, ...(await suite.run()), seconds: (performance.now() - start) / 1000 });
	}
}

const sum = (key) => results.reduce((total, result) => total + result[key], 0);
const details = results.map(({ name, passed, failed, skipped, seconds }) => {
	const left = skipped > 0 ? ` (${skipped} skipped)` : '';
	return `${name} ${passed}/${passed + failed}${left} in ${seconds.toFixed(0)} s`;
});
const kept = readdirSync(evidence).length > 0;
if (!kept) {
	rmSync(evidence, { recursive: true });
}
if (kept) {
	console.log(`\nScreenshots and logs of what failed: ${evidence}`);
}
console.log(`\n${details.join(', ')}`);
console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
process.exit(sum('failed') === 0 ? 0 : 1);

function timed(name, body) {
	const start = performance.now();
	const ok = body();
	return { name, passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0, seconds: (performance.now() - start) / 1000 };
}

function step(program, args) {
	return spawnSync(program, args, { stdio: 'inherit' }).status === 0;
}

/** Every `*.test.cjs` in out/ whose path matches. A file that cannot be loaded counts as a failure, a suite without files too. */
async function nodeTests(pattern, concurrency, timeout) {
	const names = readdirSync('out', { recursive: true }).filter((name) => name.endsWith('.test.cjs') && pattern.test(name));
	const files = names.sort().map((name) => join(ROOT, 'out', name));
	const counts = { passed: 0, failed: files.length === 0 ? 1 : 0, skipped: 0 };
	const stream = runFiles({ files, concurrency, timeout });
	const isTest = (event) => event.details.type !== 'suite';
	stream.on('test:pass', (event) => {
		if (isTest(event) && event.name !== event.file) {
			counts[event.skip === undefined && event.todo === undefined ? 'passed' : 'skipped']++;
		}
	});
	stream.on('test:fail', (event) => {
		if (isTest(event)) {
			counts.failed++;
		}
	});
	for await (const text of stream.compose(new spec())) {
		process.stdout.write(text);
	}
	return counts;
}

/** Mocha's own summary is the count: nothing else crosses from the extension host but its output and its exit code. */
function mochaTests() {
	return new Promise((resolve) => {
		const child = spawn('node', ['out/e2e/integration.cjs'], { stdio: ['ignore', 'pipe', 'inherit'] });
		let output = '';
		child.stdout.on('data', (chunk) => {
			output += chunk;
			process.stdout.write(chunk);
		});
		child.on('close', (code) => {
			const count = (word) => Number(new RegExp(`(\\d+) ${word}`).exec(output)?.[1] ?? 0);
			const passed = count('passing');
			const failed = count('failing');
			resolve({ passed, failed: failed || (code !== 0 || passed === 0 ? 1 : 0), skipped: count('pending') });
		});
	});
}
