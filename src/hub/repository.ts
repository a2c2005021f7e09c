/** A model repository of a hub: what it holds, under which licence, at which commit. Nothing of it is downloaded here. */
import { HubApiError, listFiles, modelInfo } from '@huggingface/hub';
import { HubError } from './error';

/** More files than any model repository of one model has. */
const MAX_FILES = 10_000;
const COMMIT = /^[0-9a-f]{40}$/;
/** `owner/name` or, of the oldest models, `name`. */
const ID = /^(?:[A-Za-z0-9][\w.-]{0,95}\/)?[A-Za-z0-9][\w.-]{0,95}$/;
/** A path of a file: no empty, `.` or `..` part, no backslash, no control character. */
const UNSAFE_PATH = /(^|\/)(\.{0,2})(\/|$)|[\\\p{Cc}:*?"<>|]/u;

export interface RepositoryFile {
	/** With slashes, inside the repository. */
	path: string;
	bytes: number;
	/** Of a large file: SHA-256, hex, which is also its name in the cache. Of a small one: the git blob's SHA-1. */
	hash: string;
}

export interface Repository {
	id: string;
	commit: string;
	/** As the model card says, for example `apache-2.0`; absent where it says nothing. */
	license?: string;
	/** Downloading needs a token of somebody who was granted access. */
	gated: boolean;
	files: RepositoryFile[];
}

export interface Access {
	endpoint: string;
	token?: string;
	/** Node's own where absent. */
	fetch?: typeof fetch;
	signal?: AbortSignal;
}

export function isRepositoryId(text: string): boolean {
	return ID.test(text) && !text.includes('..') && !text.includes('--');
}

export async function describe(id: string, revision: string, access: Access): Promise<Repository> {
	if (access.token !== undefined && !access.token.startsWith('hf_')) {
		throw new HubError('The token is not one of a hub (they begin with hf_): make one in your account there.', 'denied');
	}
	if (!isRepositoryId(id)) {
		throw new HubError(`"${id.slice(0, 100)}" is not the name of a model on a hub: use owner/name.`, 'bad-request');
	}
	const request = {
		hubUrl: access.endpoint,
		accessToken: access.token,
		revision,
		fetch: withSignal(access),
	};
	try {
		const info = await modelInfo({ ...request, name: id, additionalFields: ['sha', 'cardData'] });
		if (!COMMIT.test(info.sha ?? '')) {
			throw new HubError('The hub names no commit for this model: check HF_ENDPOINT.', 'unreachable');
		}
		const files: RepositoryFile[] = [];
		for await (const entry of listFiles({ ...request, repo: id, revision: info.sha, recursive: true })) {
			if (entry.type === 'file' && !UNSAFE_PATH.test(entry.path)) {
				files.push({ path: entry.path, bytes: entry.size, hash: entry.lfs?.oid ?? entry.oid ?? '' });
			}
			if (files.length > MAX_FILES) {
				throw new HubError(`${id} has more than ${MAX_FILES} files: choose another model.`, 'bad-request');
			}
		}
		const license = (info.cardData as { license?: unknown } | undefined)?.license;
		return {
			id,
			commit: info.sha,
			license: typeof license === 'string' ? license.trim().slice(0, 100) || undefined : undefined,
			gated: info.gated !== false,
			files: files.filter(({ hash }) => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(hash)),
		};
	} catch (error) {
		throw asHubError(error, id, access);
	}
}

/** One sentence for whatever a request came to; a cancel stays a cancel. */
export function asHubError(error: unknown, id: string, { endpoint, signal, token }: Access): unknown {
	if (signal?.aborted) {
		return signal.reason;
	}
	if (error instanceof HubError) {
		return error;
	}
	if (error instanceof HubApiError) {
		return statusError(error.statusCode, id, token !== undefined);
	}
	const host = new URL(endpoint).host;
	return new HubError(`${host} cannot be reached: check the network, or set HF_HUB_OFFLINE=1 to use what is in the cache.`, 'unreachable');
}

export function statusError(status: number, id: string, hasToken: boolean): HubError {
	switch (status) {
		case 401:
		case 403:
			return new HubError(
				hasToken
					? `The hub does not let this token read ${id}: ask for access on its page, or check the token.`
					: `${id} is private, gated or not there: give a token of somebody who may read it, or check the name.`,
				'denied',
			);
		case 404:
			return new HubError(`There is no model ${id} on the hub, or not at this revision: check the name.`, 'not-found');
		default:
			return new HubError(`The hub answered with status ${status} for ${id}: try again later.`, 'unreachable');
	}
}

function withSignal({ fetch: own = fetch, signal }: Access): typeof fetch {
	return (input, init) => own(input, { ...init, signal });
}
