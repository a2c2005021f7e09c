/** What went wrong with a hub, in one sentence that says what to do. */
export type HubErrorCode = 'offline' | 'not-found' | 'denied' | 'unreachable' | 'no-space' | 'damaged' | 'bad-request';

export class HubError extends Error {
	constructor(
		message: string,
		readonly code: HubErrorCode,
	) {
		super(message);
		this.name = 'HubError';
	}
}
