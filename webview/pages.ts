/** A window on a long list that the host holds: pages are asked for when they come into view, late answers are dropped. */
import type { Range } from '../src/shared/range';
import { isCancelled } from '../src/shared/rpc';

/** Rows of one request: about three screens of thin rows, some 100 KB of tall ones. */
const PAGE = 64;
/** Pages kept beside those in view: enough to scroll back without asking again. */
const KEPT = 32;

interface Page<T> {
	items: readonly T[];
	/** May have changed since; it stays in sight until the new has come. */
	old: boolean;
}

interface Request {
	controller: AbortController;
	/** What it will bring is already old: it is shown, and asked for again. */
	old: boolean;
}

export class Pages<T> {
	private readonly pages = new Map<number, Page<T>>();
	private readonly requests = new Map<number, Request>();
	/** Pages that could not be had; asked for again only when something has changed. */
	private readonly refused = new Set<number>();
	private wanted: number[] = [];
	private rows = 0;

	/** `changed` is called when an answer has come, `failed` when one could not be had. */
	constructor(
		private readonly fetch: (rows: Range, signal: AbortSignal) => Promise<readonly T[]>,
		private readonly changed: () => void,
		private readonly failed: (error: unknown) => void,
	) {}

	get(row: number): T | undefined {
		return this.pages.get(Math.floor(row / PAGE))?.items[row % PAGE];
	}

	/** Asks for what is missing or old in `range` of a list of `rows`; requests for what has left the window are given up. */
	show(range: Range, rows: number): void {
		this.rows = rows;
		this.wanted = [];
		for (let page = Math.floor(range.start / PAGE); page * PAGE < range.end; page++) {
			this.wanted.push(page);
		}
		for (const page of [...this.requests.keys()].filter((asked) => !this.wanted.includes(asked))) {
			this.giveUp(page);
		}
		for (const page of this.wanted) {
			if (!this.requests.has(page) && !this.refused.has(page) && this.pages.get(page)?.old !== false) {
				void this.ask(page);
			}
		}
	}

	/** More is known of the same: requests under way may finish, so that a list that changes faster than it answers still moves. */
	refresh(): void {
		this.refused.clear();
		for (const one of [...this.pages.values(), ...this.requests.values()]) {
			one.old = true;
		}
	}

	/** Something else is asked for the same rows: what is under way is dropped. */
	replace(): void {
		this.refresh();
		this.giveUpAll();
	}

	/** The rows belong to something else. */
	clear(): void {
		this.refused.clear();
		this.pages.clear();
		this.giveUpAll();
	}

	private giveUpAll(): void {
		for (const page of [...this.requests.keys()]) {
			this.giveUp(page);
		}
	}

	private giveUp(page: number): void {
		const request = this.requests.get(page);
		this.requests.delete(page);
		request?.controller.abort();
	}

	private async ask(page: number): Promise<void> {
		const request: Request = { controller: new AbortController(), old: false };
		this.requests.set(page, request);
		const current = () => this.requests.get(page) === request;
		try {
			const items = await this.fetch(
				{ start: page * PAGE, end: Math.min((page + 1) * PAGE, this.rows) },
				request.controller.signal,
			);
			if (!current()) {
				return;
			}
			this.pages.delete(page);
			this.pages.set(page, { items, old: request.old });
			this.evict();
		} catch (error) {
			if (!current()) {
				return;
			}
			if (!request.old && !isCancelled(error)) {
				this.refused.add(page);
				this.failed(error);
			}
		}
		this.requests.delete(page);
		this.changed();
	}

	private evict(): void {
		for (const page of [...this.pages.keys()]) {
			if (this.pages.size > KEPT + this.wanted.length && !this.wanted.includes(page)) {
				this.pages.delete(page);
			}
		}
	}
}
