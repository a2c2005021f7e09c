/** Files dropped on the page: their names go to the host, which opens them. The editor lets a page have them only while Shift is held. */
import type { HostApi } from '../src/shared/panel';
import type { Remote } from '../src/shared/rpc';

/** The editor's own list of what was dragged, and that of everything else. */
const TYPES = ['application/vnd.code.uri-list', 'text/uri-list'];

export function listenForDrops(host: Remote<HostApi>, report: (error: unknown) => void): void {
	const typeOf = ({ dataTransfer }: DragEvent) => TYPES.find((type) => dataTransfer?.types.includes(type));
	addEventListener('dragover', (event) => {
		if (typeOf(event)) {
			event.preventDefault();
			event.dataTransfer!.dropEffect = 'copy';
		}
	});
	addEventListener('drop', (event) => {
		const type = typeOf(event);
		if (type) {
			event.preventDefault();
			// RFC 2483: one a line, and comments.
			const uris = event.dataTransfer!.getData(type).split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#'));
			host.call('open', { uris }).catch(report);
		}
	});
}
