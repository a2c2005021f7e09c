import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, suiteSetup, suiteTeardown, teardown, test } from 'mocha';
import * as vscode from 'vscode';
import { expect, extension, inspection, newFolder, until } from './support';

const SCHEME = 'neuralese-test';
const TYPE = 'neuralese.trace';
/** Above what is read from a virtual file system. */
const TOO_LARGE = 65 * 2 ** 20;

interface VirtualFile {
	content: Uint8Array;
	/** What `stat` says. */
	size?: number;
}

/** A file system that only this window knows, as a workspace in a browser or on GitHub has. */
class Virtual implements vscode.FileSystemProvider {
	private readonly changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
	readonly onDidChangeFile = this.changed.event;
	private readonly files = new Map<string, VirtualFile>();
	/** Paths that were read, in order. */
	readonly read: string[] = [];

	put(name: string, file: VirtualFile): vscode.Uri {
		const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${name}.trace.safetensors` });
		const type = this.files.has(uri.path) ? vscode.FileChangeType.Changed : vscode.FileChangeType.Created;
		this.files.set(uri.path, file);
		this.changed.fire([{ type, uri }]);
		return uri;
	}

	stat({ path }: vscode.Uri): vscode.FileStat {
		const file = this.files.get(path);
		if (!file && path !== '/') {
			throw vscode.FileSystemError.FileNotFound(path);
		}
		return { type: file ? vscode.FileType.File : vscode.FileType.Directory, ctime: 0, mtime: Date.now(), size: file?.size ?? file?.content.length ?? 0 };
	}

	readFile({ path }: vscode.Uri): Uint8Array {
		this.read.push(path);
		return this.files.get(path)!.content;
	}

	watch(): vscode.Disposable {
		return new vscode.Disposable(() => {});
	}

	readDirectory(): [string, vscode.FileType][] {
		return [];
	}

	createDirectory(): void {}
	writeFile(): void {}
	delete(): void {}
	rename(): void {}
}

suite('traces', () => {
	const files = new Virtual();
	let registered: vscode.Disposable;
	let sample: string;

	suiteSetup(() => {
		registered = vscode.workspace.registerFileSystemProvider(SCHEME, files);
		sample = join(extension().extensionPath, 'media/examples/davis.trace.safetensors');
	});
	suiteTeardown(() => registered.dispose());
	teardown(() => vscode.commands.executeCommand('workbench.action.closeAllEditors'));

	/** The state of the trace editor, once it is of this kind and the condition holds. */
	async function shown(uri: vscode.Uri, kind: 'ready' | 'failed', holds: (revision: number, message: string) => boolean = () => true) {
		const api = await inspection();
		await vscode.commands.executeCommand('vscode.openWith', uri, TYPE);
		return until(`${uri.path} as ${kind}`, () => {
			const state = api.trace();
			const fits = state?.kind === 'ready' ? holds(state.run.revision, '') : state?.kind === 'failed' && holds(0, state.message);
			return state?.kind === kind && fits && state;
		});
	}

	const isOneSentence = (message: string) => assert.match(message, /^[A-Z][^\n]{10,300}\.$/);

	test('opens from a virtual file system, and again when it changes there', async () => {
		const content = readFileSync(sample);
		const uri = files.put('virtual', { content });
		const { run } = expect(await shown(uri, 'ready'), 'ready');
		assert.ok(run.rows > 0);
		files.put('virtual', { content: content.subarray(0, 1_000) });
		const { message } = expect(await shown(uri, 'failed'), 'failed');
		isOneSentence(message);
		files.put('virtual', { content });
		const again = expect(await shown(uri, 'ready', (revision) => revision > run.revision), 'ready');
		assert.equal(again.run.rows, run.rows);
	});

	test('reads no larger file whole, whatever the file system says of its size', async () => {
		const large = files.put('large', { content: new Uint8Array(1), size: TOO_LARGE });
		const wanted = 'This trace has 65 MiB; from a virtual workspace at most 64 can be read: save it to disk.';
		assert.equal(expect(await shown(large, 'failed'), 'failed').message, wanted);
		assert.ok(!files.read.includes(large.path));
		const lying = files.put('lying', { content: new Uint8Array(TOO_LARGE), size: 7 });
		assert.equal(expect(await shown(lying, 'failed'), 'failed').message, wanted);
	});

	test('says in one sentence that a file is not there, empty or no trace', async () => {
		const missing = vscode.Uri.from({ scheme: SCHEME, path: '/missing.trace.safetensors' });
		const uris = [missing, files.put('empty', { content: new Uint8Array() }), files.put('text', { content: Buffer.from('Hello, this is a text.') })];
		for (const uri of uris) {
			isOneSentence(expect(await shown(uri, 'failed'), 'failed').message);
			await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
		}
	});

	test('a file on disk that is replaced or cut while it is open says so or is shown anew', async () => {
		const path = join(newFolder(), 'disk.trace.safetensors');
		copyFileSync(sample, path);
		const uri = vscode.Uri.file(path);
		const { run } = expect(await shown(uri, 'ready'), 'ready');
		truncateSync(path, 5_000);
		isOneSentence(expect(await shown(uri, 'failed'), 'failed').message);
		writeFileSync(`${path}.new`, readFileSync(sample));
		renameSync(`${path}.new`, path);
		const again = expect(await shown(uri, 'ready', (revision) => revision > run.revision), 'ready');
		assert.equal(again.run.title, run.title);
	});
});
