import { homedir } from 'node:os';
import { join } from 'node:path';

/** Folder of what a user's models need beside their own files: added models, and where the weights of models lie. */
export function home(): string {
	return process.env['NEURALESE_HOME'] || join(homedir(), '.neuralese');
}
