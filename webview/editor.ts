/** The editor around a page: its messages, and the state that it keeps for the page. */
import type { Port } from '../src/shared/rpc';

declare function acquireVsCodeApi(): { postMessage(message: unknown): void; getState(): unknown; setState(state: unknown): void };

/** To be called once in the life of a page. */
export function acquireEditor(): { port: Port; getState(): unknown; setState(state: unknown): void } {
	const editor = acquireVsCodeApi();
	return {
		port: {
			post: (message) => editor.postMessage(message),
			onMessage: (listener) => {
				const receive = (event: MessageEvent) => listener(event.data);
				addEventListener('message', receive);
				return { dispose: () => removeEventListener('message', receive) };
			},
		},
		getState: () => editor.getState(),
		setState: (state) => editor.setState(state),
	};
}
