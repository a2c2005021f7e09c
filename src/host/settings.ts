/** The `neuralese.*` settings, typed, and how they meet what the prompt file asks for. */
import * as vscode from 'vscode';
import { isNameOf } from '../engine/machine/registry';
import { DEFAULT_EXECUTION, MEMORY_MODES, PROVIDERS, type Execution } from '../shared/execution';
import type { RunOptions, TraceDocument } from '../trace/document';
import type { PromptSettings } from '../prompts/prompt';
import { SETTINGS } from '../prompts/setting';
import { DEFAULT_MODEL, isPathLike } from './models';

export const SECTION = 'neuralese';

const DEFAULT_TOP_K = 10;
/** The engine's limit. */
const MAX_PROBES = 64;

export interface Settings extends RunOptions {
	/** Name of a bundled model, or a folder; empty for the bundled default. */
	model: string;
	/** Empty for all arms of the model's recipe. */
	arms: string[];
	/** Whether every analysis also runs the tests and controls. */
	evidence: boolean;
	/** Files of probes beside the model's own. */
	probes: string[];
	chatTemplate: 'auto' | 'off';
}

/** What one run is asked to do: front matter over settings over defaults. */
export interface Request {
	model: string;
	/** Whether the prompt file named the model. */
	modelFrom: 'prompt' | 'settings';
	arms?: string[];
	probes: string[];
	options: RunOptions;
	evidence: boolean;
	/** Whether messages are written as the model's chat template does, where it has one. */
	chatTemplate: 'auto' | 'off';
	/** What thoughts may read as, where the prompt's task is not known. */
	candidates?: string[];
}

/** A value that a setting cannot have, as anybody may write one into settings.json, counts as not set; the editor underlines it. */
export function readSettings(scope: vscode.Uri): Settings {
	const section = vscode.workspace.getConfiguration(SECTION, scope);
	const written = (name: keyof Settings): unknown => section.get(name);
	return {
		model: SETTINGS.model.read(written('model')) ?? '',
		arms: SETTINGS.arms.read(written('arms')) ?? [],
		probes: paths(written('probes')),
		latents: SETTINGS.latents.read(written('latents')),
		loops: SETTINGS.loops.read(written('loops')),
		maxTokens: SETTINGS.maxTokens.read(written('maxTokens')),
		temperature: SETTINGS.temperature.read(written('temperature')) ?? 0,
		seed: SETTINGS.seed.read(written('seed')) ?? 0,
		noise: SETTINGS.noise.read(written('noise')),
		topK: SETTINGS.topK.read(written('topK')) ?? DEFAULT_TOP_K,
		evidence: written('evidence') !== 'on request',
		chatTemplate: SETTINGS.chatTemplate.read(written('chatTemplate')) ?? 'auto',
	};
}

/** What models are run on: of the machine, whichever file is open. */
export function readExecution(): Execution {
	const section = vscode.workspace.getConfiguration(SECTION);
	const { provider, memory } = DEFAULT_EXECUTION;
	const [written, mode] = [section.get<unknown>('executionProvider'), section.get<unknown>('memory')];
	return {
		provider: PROVIDERS.find((name) => name === written) ?? provider,
		memory: MEMORY_MODES.find((name) => name === mode) ?? memory,
	};
}

function paths(value: unknown): string[] {
	return Array.isArray(value) ? value.filter((path): path is string => typeof path === 'string' && path.trim() !== '').slice(0, MAX_PROBES) : [];
}

export function mergeRequest(settings: Settings, prompt: PromptSettings): Request {
	const arms = prompt.arms ?? settings.arms;
	return {
		model: prompt.model ?? settings.model,
		modelFrom: prompt.model === undefined ? 'settings' : 'prompt',
		arms: arms.length > 0 ? arms : undefined,
		probes: settings.probes,
		options: {
			latents: prompt.latents ?? settings.latents,
			loops: prompt.loops ?? settings.loops,
			noise: prompt.noise ?? settings.noise,
			maxTokens: prompt.maxTokens ?? settings.maxTokens,
			temperature: prompt.temperature ?? settings.temperature,
			seed: prompt.seed ?? settings.seed,
			topK: settings.topK,
		},
		evidence: settings.evidence,
		chatTemplate: prompt.chatTemplate ?? settings.chatTemplate,
		candidates: prompt.candidates,
	};
}

/** A bundled model is named by its id, an added one too or by that and more. Of a folder, or of a name that another tool understands, that cannot be told. */
function namesAnother({ model, modelFrom }: Request, id: string): boolean {
	return modelFrom === 'settings' && !isPathLike(model) && !isNameOf(model || DEFAULT_MODEL, id);
}

/** Whether two runs of one prompt are asked for the same. */
export function sameRequest(one: Request, other: Request): boolean {
	return requestKey(one) === requestKey(other);
}

/** Evidence is no part of it: it says more about the same run. */
function requestKey({ model, arms, probes, options, candidates, chatTemplate }: Request): string {
	const { latents, loops, noise, maxTokens, temperature, seed, topK } = options;
	const wanted = [arms, latents, loops, noise, maxTokens, candidates].map((value) => value ?? null);
	return JSON.stringify([model || DEFAULT_MODEL, ...wanted, temperature, seed, topK, probes, chatTemplate]);
}

/** Whether `request` would ask for something else than `document` recorded, as far as a trace can tell. */
export function isStale(document: TraceDocument, request: Request): boolean {
	const then = document.options;
	const now = request.options;
	return (
		namesAnother(request, document.model.id) ||
		then.latents !== now.latents ||
		then.loops !== now.loops ||
		then.noise !== now.noise ||
		then.maxTokens !== now.maxTokens ||
		then.temperature !== now.temperature ||
		then.seed !== now.seed ||
		(request.arms !== undefined && request.arms.join() !== document.arms.map((arm) => arm.name).join())
	);
}
