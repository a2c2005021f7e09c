/** A hub on this machine that speaks the protocol: model info, file list, and files by range. It can break connections and lie. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const COMMIT = 'c0ffee'.padEnd(40, '0');

export interface Behaviour {
	/** Sends only so many bytes of a file, then cuts the connection; as often as there are entries. */
	cuts: number[];
	/** Sends only so many bytes of a file, and then nothing more. */
	stall?: number;
	/** Answers a range with the whole file. */
	ignoresRanges: boolean;
	/** Who asks without it is refused. */
	token?: string;
	/** Changes what is sent of a file. */
	damage?: (path: string, content: Buffer) => Buffer;
	/** Fails with this status. */
	status?: number;
}

export interface Hub {
	endpoint: string;
	behaviour: Behaviour;
	/** `GET /path bytes=…` in order. */
	asked: string[];
	stop(): Promise<void>;
}

/** `files`: those over `LARGE` bytes are called by their SHA-256, as the hub does. */
export async function startHub(id: string, files: Readonly<Record<string, Buffer>>, extra: Record<string, unknown> = {}): Promise<Hub> {
	const behaviour: Behaviour = { cuts: [], ignoresRanges: false };
	const asked: string[] = [];
	const server = createServer((request, response) => {
		asked.push(`${request.method} ${request.url} ${request.headers.range ?? ''}`.trim());
		answer(request, response, { id, files, extra, behaviour });
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const { port } = server.address() as AddressInfo;
	return {
		endpoint: `http://127.0.0.1:${port}`,
		behaviour,
		asked,
		stop: () => new Promise((resolve) => (server.closeAllConnections(), server.close(() => resolve()))),
	};
}

const LARGE = 1_000;

interface Content {
	id: string;
	files: Readonly<Record<string, Buffer>>;
	extra: Record<string, unknown>;
	behaviour: Behaviour;
}

function answer(request: IncomingMessage, response: ServerResponse, { id, files, extra, behaviour }: Content): void {
	const url = new URL(request.url!, 'http://hub');
	const json = (value: unknown) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
	const fail = (status: number) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error: 'no' }));
	if (behaviour.status !== undefined) {
		return void fail(behaviour.status);
	}
	if (behaviour.token !== undefined && request.headers.authorization !== `Bearer ${behaviour.token}`) {
		return void fail(401);
	}
	if (url.pathname === `/api/models/${id}` || url.pathname.startsWith(`/api/models/${id}/revision/`)) {
		return void json({ _id: '1', id, sha: COMMIT, private: false, gated: false, likes: 0, downloads: 0, lastModified: '2026-01-01T00:00:00Z', ...extra });
	}
	if (url.pathname.startsWith(`/api/models/${id}/tree/`)) {
		return void json(
			Object.entries(files).map(([path, content]) => ({
				type: 'file',
				path,
				size: content.length,
				oid: gitHash(content),
				...(content.length > LARGE ? { lfs: { oid: sha256(content), size: content.length, pointerSize: 130 } } : {}),
			})),
		);
	}
	const path = decodeURIComponent(url.pathname.slice(`/${id}/resolve/${COMMIT}/`.length));
	const stored = url.pathname.startsWith(`/${id}/resolve/${COMMIT}/`) ? files[path] : undefined;
	if (!stored) {
		return void fail(404);
	}
	send(request, response, behaviour.damage?.(path, stored) ?? stored, behaviour);
}

function send(request: IncomingMessage, response: ServerResponse, content: Buffer, behaviour: Behaviour): void {
	const from = behaviour.ignoresRanges ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
	const part = content.subarray(from);
	response.writeHead(from > 0 ? 206 : 200, {
		'content-length': part.length,
		...(from > 0 ? { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` } : {}),
	});
	if (behaviour.stall !== undefined) {
		response.write(part.subarray(0, behaviour.stall));
		return;
	}
	const cut = behaviour.cuts.shift();
	if (cut === undefined) {
		response.end(part);
	} else {
		response.write(part.subarray(0, cut), () => setTimeout(() => response.destroy(), 20));
	}
}

export function sha256(content: Buffer): string {
	return createHash('sha256').update(content).digest('hex');
}

export function gitHash(content: Buffer): string {
	return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}
