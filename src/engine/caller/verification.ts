/** Whether a trace is what it says: hashes of its prompt, model and tokenizer, and the recorded run once more. On the caller's side, like `reproduction.ts`. */
import { comparandOf } from '../../analysis/compare/comparand';
import { firstDifference, type FirstDifference } from '../../analysis/compare/firstDifference';
import { PROVIDERS, type ProviderName } from '../../shared/execution';
import { openFile } from '../../trace/bytes.node';
import { openTrace, type TraceFile } from '../../trace/reader';
import type { TraceDocument } from '../../trace/document';
import type { RuntimeInfo } from '../api';
import { EngineError, quoted } from '../error';
import type { ModelEntry } from '../machine/registry';
import { readManifest, sha256 } from '../model/folder';
import { parseManifest } from '../model/manifest';
import { tolerance } from '../model/tolerance';
import type { SetContext } from './dataset';

/** Hex digits of a hash that a reader can hold against another. */
const DIGITS = 12;

export interface VerifyRequest {
	trace: TraceFile;
	/** Where the model may be: those of the machine's list. */
	models: readonly ModelEntry[];
	/** A model's folder, in place of looking for it. */
	folder?: string;
	/** A path where the run may be written; whoever calls removes it. */
	scratch: string;
}

export interface HashCheck {
	what: 'prompt' | 'model' | 'tokenizer';
	recorded: string;
	here: string;
	same: boolean;
}

export interface Verification {
	/** In this order; after one that is not the same there are no more, and nothing is run. */
	hashes: HashCheck[];
	/** With versions and execution provider. */
	runtime: { recorded: string; here?: string };
	/** Whether all that was held against each other is the same. */
	same: boolean;
	/** Of the run. */
	difference?: FirstDifference;
	positions: number;
	planes: number;
	/** One sentence each. */
	notes: string[];
}

export async function verify({ trace, models, folder, scratch }: VerifyRequest, context: Pick<SetContext, 'call' | 'signal' | 'progress'>): Promise<Verification> {
	const { document } = trace;
	const { prompt, model, origin } = document;
	if (origin) {
		throw new EngineError(`This trace was imported from ${quoted(origin.file)} (${origin.format}) and records no run of this tool: there is nothing to repeat, open one that was analysed here.`, 'bad-request');
	}
	const hashes: HashCheck[] = [];
	const differs = (what: HashCheck['what'], recorded: string, here: string) => {
		hashes.push({ what, recorded, here, same: recorded === here });
		return recorded !== here;
	};
	const recorded = inWords(document.runtime);
	const unrun = (same: boolean, note: string): Verification => ({ hashes, runtime: { recorded }, same, positions: 0, planes: 0, notes: [note] });
	if (differs('prompt', prompt.sha256, sha256(prompt.text))) {
		return unrun(false, 'The prompt’s text is not the one that the trace was made with, so the run was not repeated.');
	}
	const found = folder ?? (await findModel(document, models));
	const manifest = await readManifest(found);
	if (differs('model', model.sha256, manifest.sha256) || differs('tokenizer', model.tokenizerSha256, parseManifest(manifest.text).files.tokenizer.sha256)) {
		return unrun(false, 'This is not the model that the trace was made with, so the run was not repeated.');
	}
	// Loading holds every file of the model against its manifest.
	const { sha256: _, ...input } = prompt;
	const params = { model: found, prompt: input, arms: document.arms.map(({ name }) => name), options: document.options, out: scratch };
	if (params.arms.length === 0) {
		return unrun(true, 'The trace has no arms, so that there is no run to repeat.');
	}
	await context.call('analyze', params, {
		signal: context.signal,
		onEvent: (event) => event.kind === 'progress' && context.progress(event.message, event.fraction),
	});
	const again = await openTrace(await openFile(scratch));
	try {
		const here = again.document.runtime;
		const allowed = Math.max(tolerance(model.quantisation, providerOf(document.runtime)), tolerance(model.quantisation, providerOf(here)));
		const { difference, missing, positions, planes } = await firstDifference(comparandOf(trace), comparandOf(again), allowed);
		return {
			hashes,
			runtime: { recorded, here: inWords(here) },
			same: difference === undefined,
			...(difference ? { difference } : {}),
			positions,
			planes,
			notes: [toleranceNote(allowed), ...notesOf(document, missing)],
		};
	} finally {
		again.dispose();
	}
}

/** By its hash, whatever it is called here. */
async function findModel({ model }: TraceDocument, models: readonly ModelEntry[]): Promise<string> {
	let changed: string | undefined;
	for (const { folder, id } of models) {
		const hash = await readManifest(folder).then(({ sha256: one }) => one, () => undefined);
		if (hash === model.sha256) {
			return folder;
		}
		changed ??= id === model.id ? hash : undefined;
	}
	const here = changed === undefined ? '' : ` (${quoted(model.id)} is here with ${changed.slice(0, DIGITS)}, so it is another version)`;
	throw new EngineError(
		`No model here has the hash ${model.sha256} that the trace records for ${quoted(model.id)}${here}: add it with Add Model… or models add, then check again.`,
		'bad-model',
	);
}

/** What counts as the same, since the sums of floats depend on the order in which they are taken. */
function toleranceNote(allowed: number): string {
	return `Numbers count as the same where they differ by at most ${allowed} of the largest one beside them (of 1 where all are smaller), or by the rounding of what they are stored as.`;
}

function notesOf({ evidence }: TraceDocument, missing: readonly string[]): string[] {
	return [
		...(evidence ? ['Tests and controls of the trace were not repeated: analyze the prompt again for those.'] : []),
		...(missing.length > 0 ? [`Not repeated, because the probes are no part of the model: ${missing.join(', ')}.`] : []),
	];
}

/** `onnxruntime-node 1.30.0, cpu`. */
function providerOf({ engine }: Pick<RuntimeInfo, 'engine'>): ProviderName {
	const words = engine.split(', ');
	return PROVIDERS.find((name) => words.includes(name)) ?? 'cpu';
}

function inWords({ engine, platform }: Pick<RuntimeInfo, 'engine' | 'platform'>): string {
	return `${engine}, ${platform}`;
}
