/** A trace file that a user names. */
import { openFile } from '../trace/bytes.node';
import { openTrace, type TraceFile } from '../trace/reader';
import { messageOf, RunError } from './failure';

/** With the file's name in what is wrong with it. */
export async function openNamed(path: string): Promise<TraceFile> {
	try {
		return await openTrace(await openFile(path));
	} catch (error) {
		throw new RunError(`${path}: ${messageOf(error)}`);
	}
}
