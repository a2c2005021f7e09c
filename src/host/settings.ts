/** The `neuralese.*` settings, typed, and how they meet what the prompt file asks for. */
import * as vscode from 'vscode';
import type { RunOptions, TraceDocument } from '../trace/document';
import type { PromptSettings } from '../prompts/prompt';
import { DEFAULT_MODEL, isPathLike } from './models';

export const SECTION = 'neuralese';

export interface Settings extends RunOptions {
	/** Name of a bundled model, or a folder; empty for the bundled default. */
	model: string;
	/** Empty for all arms of the model's recipe. */
	arms: string[];
}

/** What one run is asked to do: front matter over settings over defaults. */
export interface Request {
	model: string;
	/** Whether the prompt file named the model. */
	modelFrom: 'prompt' | 'settings';
	arms?: string[];
	options: RunOptions;
}

export function readSettings(scope: vscode.Uri): Settings {
	const section = vscode.workspace.getConfiguration(SECTION, scope);
	return {
		model: section.get('model', '').trim(),
		arms: section.get<string[]>('arms', []),
		latents: section.get<number | null>('latents', null) ?? undefined,
		maxTokens: section.get<number | null>('maxTokens', null) ?? undefined,
		temperature: section.get('temperature', 0),
		seed: section.get('seed', 0),
		topK: section.get('topK', 10),
	};
}

export function mergeRequest(settings: Settings, prompt: PromptSettings): Request {
	const arms = prompt.arms ?? settings.arms;
	return {
		model: prompt.model ?? settings.model,
		modelFrom: prompt.model === undefined ? 'settings' : 'prompt',
		arms: arms.length > 0 ? arms : undefined,
		options: {
			latents: prompt.latents ?? settings.latents,
			maxTokens: prompt.maxTokens ?? settings.maxTokens,
			temperature: prompt.temperature ?? settings.temperature,
			seed: prompt.seed ?? settings.seed,
			topK: settings.topK,
		},
	};
}

/** A bundled model is named by its id. Of a folder, or of a name that another tool understands, that cannot be told. */
function namesAnother({ model, modelFrom }: Request, id: string): boolean {
	return modelFrom === 'settings' && !isPathLike(model) && (model || DEFAULT_MODEL) !== id;
}

/** Whether analysing now would ask for something else than `document` recorded. `text` is what the model would be given. */
export function isStale(document: TraceDocument, text: string, request: Request): boolean {
	const then = document.options;
	const now = request.options;
	return (
		document.prompt.text !== text ||
		namesAnother(request, document.model.id) ||
		then.latents !== now.latents ||
		then.maxTokens !== now.maxTokens ||
		then.temperature !== now.temperature ||
		then.seed !== now.seed ||
		(request.arms !== undefined && request.arms.join() !== document.arms.map((arm) => arm.name).join())
	);
}
