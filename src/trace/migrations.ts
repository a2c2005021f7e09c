import { SCHEMA_VERSION } from './document';
import { TraceError } from './error';

/** Entry i turns a document of version i + 1 into one of version i + 2. Pure, and kept for ever: old files stay readable. */
const MIGRATIONS: readonly ((document: Record<string, unknown>) => Record<string, unknown>)[] = [];

/** Brings a parsed document to the current version. What comes back has not been validated. */
export function migrate(parsed: unknown, migrations = MIGRATIONS, current = SCHEMA_VERSION): Record<string, unknown> {
	if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
		throw new TraceError('The trace holds no document: save it again with Neuralese Inspector.');
	}
	let document = parsed as Record<string, unknown>;
	const version = document['version'];
	if (typeof version !== 'number' || !Number.isInteger(version) || version < 1) {
		throw new TraceError(
			'The trace does not say which version of the format it has: save it again with Neuralese Inspector.',
		);
	}
	if (version > current) {
		throw new TraceError(
			`The trace has format version ${version} and this version reads up to ${current}: update Neuralese Inspector.`,
			'newer-trace',
		);
	}
	for (let from = version; from < current; from++) {
		document = { ...migrations[from - 1]!(document), version: from + 1 };
	}
	return document;
}
