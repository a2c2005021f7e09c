import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Folder of what a user's models need beside their own files: added models, and where the weights of models lie. */
export function home(): string {
	return process.env['NEURALESE_HOME'] || join(homedir(), '.neuralese');
}

/** What this machine knows of a model that was added on it, by the SHA-256 of its manifest. */
export function placeRecord(manifestSha256: string): string {
	return join(home(), 'places', `${manifestSha256}.json`);
}

/** The same, by the real path of the model's folder: its manifest may be edited. */
export function folderRecord(folder: string): string {
	return join(home(), 'places', `at-${createHash('sha256').update(folder).digest('hex')}.json`);
}
