/** `models`: makes model folders from exported decoders, lists those that there are, and checks one. */
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { printable } from '../analysis/text';
import type { ModelCheck } from '../engine/api';
import { checkLocal, fromHub, isOnHub } from './hub';
import { addedFolder, BUNDLED, chooseModel } from './model';
import type { Command } from './options';
import type { Session } from './session';

export async function modelsAdd(
	{ file, tokenizer, out, hub }: Extract<Command, { kind: 'models-add' }>,
	session: Session,
): Promise<string> {
	const { engine, signal, progress } = session;
	const onHub = isOnHub(file);
	if (!onHub) {
		checkLocal(hub, file);
	}
	const source = onHub ? await fromHub(file, hub, session) : resolve(file);
	const card = await engine.call(
		'add',
		{ source, tokenizer: tokenizer && resolve(tokenizer), out: out && resolve(out) },
		{ signal, onEvent: ({ message }) => progress(message) },
	);
	const { layers, width, vocabulary, context } = card.shape;
	const seen = card.available.includes('layers');
	return [
		`${printable(card.name)} was added: ${card.folder}`,
		`${seen ? `${layers} layers of width ${width}` : 'only logits'}, ${vocabulary} tokens, ${context} positions, ${printable(card.quantisation)}; arms ${card.arms.join(', ')}.`,
		...card.unavailable.map(({ what, why }) => `Not available: ${what}, because ${printable(why)}.`),
		`To run it: node dist/cli.js analyze FILE --model ${card.folder}`,
		'',
	].join('\n');
}

/** Bundled ones, then those that were added, by their folders' names. */
export async function modelsList(): Promise<string> {
	const lines = await Promise.all(
		[BUNDLED, addedFolder()].map(async (folder) => {
			const names = (await readdir(folder).catch(() => [])).sort();
			return Promise.all(names.map((name) => describe(join(folder, name), name)));
		}),
	);
	return lines.flat(2).join('');
}

async function describe(folder: string, name: string): Promise<string[]> {
	try {
		const manifest = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8')) as { name?: unknown; description?: unknown };
		return [`${printable(name)}  ${printable(String(manifest.name ?? ''))}: ${printable(String(manifest.description ?? ''))}\n`];
	} catch {
		return [];
	}
}

/** A failed test makes the command fail, after its report. */
export async function modelsCheck(
	{ file, json, reference }: Extract<Command, { kind: 'models-check' }>,
	{ engine, signal, progress }: Session,
): Promise<string> {
	const { folder } = chooseModel(file, undefined, '');
	const found = await engine.call(
		'check',
		{ model: folder, reference: reference && resolve(reference) },
		{ signal, onEvent: ({ message }) => progress(message) },
	);
	if (found.selfTest.some(({ ok }) => !ok)) {
		process.exitCode = 1;
	}
	return json ? `${JSON.stringify(found)}\n` : report(found);
}

function report({ layers, width, vocab, sites, quantisation, available, unavailable, selfTest }: ModelCheck): string {
	return [
		`${layers} layers${width === null ? '' : ` of width ${width}`}, ${vocab} tokens, ${sites} sites of the residual stream, ${printable(quantisation)}.`,
		`Available: ${available.join(', ') || 'logits only'}.`,
		...unavailable.map(({ what, why }) => `Not available: ${what}, because ${printable(why)}.`),
		...selfTest.map(
			({ name, maxAbsDiff, ok }) => `${ok ? 'ok    ' : 'FAILED'}  ${maxAbsDiff.toExponential(1)}  ${printable(name)}`,
		),
		'',
	].join('\n');
}
