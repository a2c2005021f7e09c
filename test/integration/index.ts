/** What VS Code calls inside the extension host: runs every `*.test.cjs` beside this file, and fails where one does. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import Mocha from 'mocha';

/** A test runs the engine on two busy cores. */
const LIMIT_MS = 60_000;

export function run(): Promise<void> {
	const mocha = new Mocha({ ui: 'tdd', timeout: LIMIT_MS, color: false });
	const names = readdirSync(__dirname).filter((name) => name.endsWith('.test.cjs'));
	if (names.length === 0) {
		throw new Error('There are no integration tests beside the runner.');
	}
	names.sort().forEach((name) => mocha.addFile(join(__dirname, name)));
	return new Promise((resolve, reject) => {
		mocha.run((failures) => (failures === 0 ? resolve() : reject(new Error(`${failures} integration tests failed.`))));
	});
}
