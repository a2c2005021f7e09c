import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Name and version as the package beside `dist/` states them, for traces. */
export function producer(): string {
	const { name, version } = JSON.parse(readFileSync(join(__dirname, '..', 'package.json'), 'utf8')) as {
		name: string;
		version: string;
	};
	return `${name} ${version}`;
}
