/** What is asked before a data set is run, where the caller of a command did not say it. */
import * as vscode from 'vscode';
import { PRESET_TITLES, PRESETS, PUBLISHED, type PresetName } from '../analysis/presets';
import type { ModelCard } from '../engine/api';
import { referenceFile } from '../engine/caller/reproduction';
import { RpcError } from '../shared/rpc';
import { chooseDataSet } from './dataSet';

interface Runs {
	arms: string[];
	causal: boolean;
	twin: boolean;
}

export async function chooseRuns({ arms, relatives, id }: ModelCard): Promise<Runs | undefined> {
	const items: (vscode.QuickPickItem & { what: string; arm?: true })[] = [
		...arms.map((arm) => ({ label: arm, description: vscode.l10n.t('answers'), picked: true, what: arm, arm: true as const })),
		{ label: vscode.l10n.t('Causal tests'), description: vscode.l10n.t('all thoughts replaced, and fewer of them'), what: 'causal' },
		...(relatives.twin === undefined
			? []
			: [{ label: vscode.l10n.t('Control beside it'), description: relatives.twin, picked: true, what: 'twin' }]),
	];
	const placeHolder = vscode.l10n.t('What to run of {0}, and to count', id);
	const picked = await vscode.window.showQuickPick(items, { canPickMany: true, placeHolder });
	const chosen = picked?.filter(({ arm }) => arm).map(({ what }) => what);
	if (!picked || !chosen) {
		return undefined;
	}
	if (chosen.length === 0) {
		throw new RpcError(vscode.l10n.t('No arm was chosen, so nothing can be evaluated: choose one at least.'), 'bad-request');
	}
	const has = (what: string) => picked.some((item) => !item.arm && item.what === what);
	return { arms: arms.filter((arm) => chosen.includes(arm)), causal: has('causal'), twin: has('twin') };
}

/** Undefined where it was given up: then what was done stays. */
export async function askToResume(): Promise<boolean | undefined> {
	const goOn = { label: vscode.l10n.t('Go On'), detail: vscode.l10n.t('After the last problem that was done'), resume: true };
	const over = { label: vscode.l10n.t('Start Over'), detail: vscode.l10n.t('What was done is deleted'), resume: false };
	const placeHolder = vscode.l10n.t('The same evaluation was begun and not finished');
	return (await vscode.window.showQuickPick([goOn, over], { placeHolder }))?.resume;
}

export async function choosePresets(): Promise<PresetName[] | undefined> {
	const items = PRESETS.map((preset) => ({ label: preset, detail: PRESET_TITLES[preset], picked: true }));
	const placeHolder = vscode.l10n.t('Which published figures to hold the model against');
	const picked = await vscode.window.showQuickPick(items, { canPickMany: true, placeHolder });
	return picked && picked.length > 0 ? PRESETS.filter((preset) => picked.some(({ label }) => label === preset)) : undefined;
}

export async function choosePublished(folder: string): Promise<vscode.Uri | undefined> {
	const browse = { label: vscode.l10n.t('Published problems…'), detail: PUBLISHED };
	const own = { label: vscode.l10n.t('The model’s own problems'), detail: vscode.l10n.t('Figures are then of other problems than the published ones') };
	const picked = await vscode.window.showQuickPick([browse, own], { placeHolder: vscode.l10n.t('What to measure on') });
	return picked === browse ? chooseDataSet() : picked === own ? referenceOf(folder) : undefined;
}

export async function referenceOf(folder: string): Promise<vscode.Uri> {
	const path = await referenceFile(folder);
	if (path === undefined) {
		throw new RpcError(vscode.l10n.t('The model has no problems of its own: choose the published ones, {0}.', PUBLISHED), 'bad-request');
	}
	return vscode.Uri.file(path);
}
