/** The traces of finished analyses, in the extension's own storage: one a prompt, the newest ones of all. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { removeAbandoned } from '../trace/replace.node';

/** Traces are some hundred kilobytes to some megabytes each: enough to come back to, little enough to forget about. */
const KEPT_TRACES = 24;

const NAME = /^([0-9a-f]{24})-(\d+)\.trace\.safetensors$/;

interface Entry {
	name: string;
	key: string;
	time: number;
}

export class Archive {
	private listing?: Promise<Entry[]>;

	/** `folder` need not exist yet. */
	constructor(private readonly folder: string) {}

	/** Path of the newest trace of `prompt`. An untitled one has none: its name is given to the next, unrelated one. */
	async find(prompt: vscode.Uri): Promise<string | undefined> {
		if (prompt.scheme === 'untitled') {
			return undefined;
		}
		const key = keyOf(prompt);
		const entry = (await this.entries()).find((candidate) => candidate.key === key);
		return entry && join(this.folder, entry.name);
	}

	/** Where the next trace of `prompt` is to be written. A new name each time: the one before may still be read from. */
	async reserve(prompt: vscode.Uri): Promise<string> {
		await mkdir(this.folder, { recursive: true });
		return join(this.folder, `${keyOf(prompt)}-${Date.now()}.trace.safetensors`);
	}

	/** Deletes what newer traces have replaced, and what killed writers left. Files that are in use on Windows stay until the next time. */
	async tidy(): Promise<void> {
		await removeAbandoned(this.folder);
		this.listing = undefined;
		const entries = await this.entries();
		const seen = new Set<string>();
		const superseded = entries.filter((entry, index) => index >= KEPT_TRACES || seen.size === seen.add(entry.key).size);
		await Promise.all(superseded.map((entry) => rm(join(this.folder, entry.name), { force: true }).catch(() => undefined)));
		this.listing = undefined;
	}

	/** Newest first. */
	private entries(): Promise<Entry[]> {
		this.listing ??= readdir(this.folder).then(
			(names) =>
				names
					.flatMap((name) => {
						const match = NAME.exec(name);
						return match ? [{ name, key: match[1]!, time: Number(match[2]) }] : [];
					})
					.sort((a, b) => b.time - a.time),
			() => [],
		);
		return this.listing;
	}
}

function keyOf(prompt: vscode.Uri): string {
	return createHash('sha256').update(prompt.toString()).digest('hex').slice(0, 24);
}
