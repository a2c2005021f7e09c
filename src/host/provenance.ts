/** "Check Provenance": whether the trace on view is what it says, by its hashes and by running it again. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { differenceText } from '../analysis/compare/firstDifference';
import { verify, type Verification } from '../engine/caller/verification';
import { addedModels } from '../engine/machine/registry';
import { isCancelled } from '../shared/rpc';
import { tellFailure } from './actions';
import type { EngineHost } from './engine';
import type { Focus } from './focus';
import type { Log, NoticeAction } from './log';
import type { Models } from './models';
import { baseName } from './promptFile';
import { openTraceFile } from './traceFile';
import { mayRun } from './trust';
import { working } from './working';

/** Hex digits of a hash that a reader can hold against another. */
const DIGITS = 12;
const OPEN: NoticeAction = { label: vscode.l10n.t('Open Trace…'), run: () => vscode.commands.executeCommand('neuralese.openTrace') };

export class Provenance implements vscode.Disposable {
	private readonly command: vscode.Disposable;

	constructor(
		private readonly engine: EngineHost,
		private readonly models: Models,
		private readonly focus: Focus,
		private readonly log: Log,
	) {
		this.command = vscode.commands.registerCommand('neuralese.checkProvenance', (resource?: unknown) => this.check(resource));
	}

	dispose(): void {
		this.command.dispose();
	}

	/** Resolves to what was found once it is told; to nothing where nothing could be. */
	private async check(resource: unknown): Promise<Verification | undefined> {
		const uri = resource instanceof vscode.Uri ? resource : this.current();
		if (!uri) {
			void this.log.tell('information', vscode.l10n.t('Open the trace that is to be checked.'), OPEN);
			return undefined;
		}
		if (!mayRun(this.log)) {
			return undefined;
		}
		try {
			const found = await this.verify(uri);
			this.tell(baseName(uri), found);
			return found;
		} catch (error) {
			if (!isCancelled(error)) {
				// Of an imported trace there will never be more to check.
				const again = { label: vscode.l10n.t('Check Again'), run: () => this.check(uri) };
				tellFailure(this.log, error, (error as { code?: unknown }).code === 'bad-request' ? OPEN : again);
			}
			return undefined;
		}
	}

	private current(): vscode.Uri | undefined {
		const { trace, analysis } = this.focus;
		return trace?.uri ?? (analysis?.finished && vscode.Uri.file(analysis.finished.path));
	}

	private verify(uri: vscode.Uri): Promise<Verification> {
		return working(vscode.l10n.t('Checking provenance'), undefined, async (signal, progress) => {
			const { file: trace } = await openTraceFile(uri);
			const scratch = await mkdtemp(join(tmpdir(), 'neuralese-verify-'));
			try {
				return await verify(
					{ trace, models: [...(await this.models.bundled()), ...(await addedModels())], scratch: join(scratch, 'again.trace.safetensors') },
					{
						call: (method, params, { onEvent }) => this.engine.call(method, params, signal, onEvent),
						...{ signal, progress },
					},
				);
			} finally {
				trace.dispose();
				// What was cancelled may still be writing.
				await this.engine.settled();
				await rm(scratch, { recursive: true, force: true });
			}
		});
	}

	private tell(name: string, { hashes, runtime, same, difference, positions, notes }: Verification): void {
		const showLog: NoticeAction = { label: vscode.l10n.t('Show Log'), run: () => this.log.show() };
		this.log.info(`${name}: recorded with ${runtime.recorded}${runtime.here === undefined ? '' : `, repeated with ${runtime.here}`}`);
		for (const { what, recorded, here } of hashes) {
			this.log.info(`${name}: ${what} ${recorded === here ? here : `recorded ${recorded}, here ${here}`}`);
		}
		notes.forEach((note) => this.log.info(`${name}: ${note}`));
		const wrong = hashes.find(({ same: equal }) => !equal);
		if (wrong) {
			const message = vscode.l10n.t('{0}: the {1} is not the one that the trace was made with (recorded {2}, here {3}).', name, wrong.what, ...[wrong.recorded, wrong.here].map((hash) => hash.slice(0, DIGITS)));
			void this.log.tell('warning', message, showLog);
		} else if (difference) {
			void this.log.tell('warning', vscode.l10n.t('{0}: the run is not the same here. First difference: {1}.', name, differenceText(difference)), showLog);
		} else if (same && positions === 0) {
			void this.log.tell('information', `${name}: ${notes.join(' ')}`, showLog);
		} else if (same) {
			const other = runtime.here !== undefined && runtime.here !== runtime.recorded ? vscode.l10n.t(' It was recorded with {0}.', runtime.recorded) : '';
			void this.log.tell('information', vscode.l10n.t('{0}: prompt, model and tokenizer have their hashes, and the run is the same at all {1} positions.', name, positions) + other, showLog);
		}
	}
}
