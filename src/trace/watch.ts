import { TraceError } from './error';
import type { TraceSource } from './planes';

/** The same source, which calls `onReplaced`, once, when a read finds that its file is another by now. That read fails all the same. */
export function watched(source: TraceSource, onReplaced: () => void): TraceSource {
	let told = false;
	return {
		get document() {
			return source.document;
		},
		read: (arm, plane, rows) =>
			source.read(arm, plane, rows).catch((error: unknown) => {
				if (!told && error instanceof TraceError && error.code === 'replaced') {
					told = true;
					onReplaced();
				}
				throw error;
			}),
		dispose: () => source.dispose(),
	};
}
