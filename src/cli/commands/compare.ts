/** `compare`: two traces step by step, without model or network. */
import { resolve } from 'node:path';
import { comparandOf } from '../../analysis/compare/comparand';
import { Comparison, type ComparedRow, type PlaneDelta } from '../../analysis/compare/comparison';
import { armPairs, type AlignedBy, type ArmPair } from '../../analysis/compare/pairing';
import { printable } from '../../analysis/text';
import type { TraceDocument } from '../../trace/document';
import type { TraceFile } from '../../trace/reader';
import { command } from '../command';
import { armsText, type ComparedArms } from '../comparisonText';
import { RunError, UsageError } from '../failure';
import { given, JSON_FLAG, list, named, oneOf, quoted } from '../flags/values';
import { openNamed } from '../tracefile';

const ALIGNED_BY: readonly AlignedBy[] = ['text', 'index'];

interface Options {
	files: [string, string];
	/** One of each side, or one that both have. */
	arms?: ArmPair;
	by: AlignedBy;
	json: boolean;
}

export const compare = command<Options>({
	name: 'compare',
	synopsis: ['A.trace.safetensors B.trace.safetensors [--arms OF-A,OF-B] [--align text|index] [--json]'],
	flags: { ...JSON_FLAG, arms: { type: 'string' }, align: { type: 'string' } },
	read: (files, values) => {
		const [a, b, extra] = files;
		if (!a || !b || extra !== undefined) {
			throw new UsageError('compare takes two traces: see --help.');
		}
		const [armOfA, armOfB = armOfA, more] = list(values, 'arms') ?? [];
		if (more !== undefined) {
			throw new UsageError('--arms takes an arm of A and an arm of B, for example latent,cot.');
		}
		return {
			files: [a, b],
			...(armOfA === undefined ? {} : { arms: { a: armOfA, b: armOfB! } }),
			by: oneOf('alignment', ALIGNED_BY, named(values, 'align') ?? 'text'),
			json: given(values, 'json'),
		};
	},
	run,
});

async function run({ files, arms, by, json }: Options): Promise<string> {
	const opened: TraceFile[] = [];
	try {
		for (const file of files) {
			opened.push(await openNamed(resolve(file)));
		}
		const [a, b] = opened as [TraceFile, TraceFile];
		const pairs = arms ? [known(arms, a.document, b.document)] : armPairs(a.document, b.document);
		const compared: ComparedArms[] = [];
		for (const pair of pairs) {
			compared.push(await whole(await Comparison.of(comparandOf(a), comparandOf(b), pair, by), a.document, b.document));
		}
		return json ? `${JSON.stringify(toJson(a.document, b.document, compared))}\n` : toText(files, a.document, b.document, compared);
	} finally {
		opened.forEach((trace) => trace.dispose());
	}
}

function known(pair: ArmPair, a: TraceDocument, b: TraceDocument): ArmPair {
	for (const [side, name, { arms }] of [['A', pair.a, a], ['B', pair.b, b]] as const) {
		if (!arms.some((arm) => arm.name === name)) {
			throw new RunError(`${side} has no arm ${quoted(name)}: use ${arms.map((arm) => arm.name).join(', ') || 'a trace with arms'}.`);
		}
	}
	return pair;
}

async function whole(comparison: Comparison, a: TraceDocument, b: TraceDocument): Promise<ComparedArms> {
	const tokens = [];
	for (const row of comparison.rows) {
		tokens.push(await comparison.tokens(row));
	}
	const deltas: PlaneDelta[] = [];
	for (const plane of comparison.planes) {
		deltas.push(await comparison.delta(plane));
	}
	const answerOf = ({ arms }: TraceDocument, name: string) => arms.find((arm) => arm.name === name)?.answer;
	return { comparison, tokens, deltas, answers: { a: answerOf(a, comparison.pair.a), b: answerOf(b, comparison.pair.b) } };
}

function toText(files: readonly string[], a: TraceDocument, b: TraceDocument, compared: readonly ComparedArms[]): string {
	const notes = new Set(compared.flatMap(({ comparison }) => comparison.notes));
	const lines = [
		...[a, b].map(({ prompt, model, created }, i) => `${'AB'[i]}: ${files[i]} (${prompt.name}, ${model.id}, ${created})`),
		...[...notes].map((note) => `Note: ${note}`),
		...(compared.length === 0 ? ['There is nothing to compare: one of the traces has no arms.'] : compared.flatMap(armsText)),
	];
	return `${lines.map(printable).join('\n')}\n`;
}

function toJson(a: TraceDocument, b: TraceDocument, compared: readonly ComparedArms[]) {
	return {
		a: sideJson(a),
		b: sideJson(b),
		notes: [...new Set(compared.flatMap(({ comparison }) => comparison.notes))],
		arms: compared.map(({ comparison, tokens, deltas, answers }) => ({
			...comparison.pair,
			answers: { a: answers.a ?? null, b: answers.b ?? null },
			rows: comparison.rows.map((row, i) => ({ ...rowJson(row), tokens: tokens[i]!.map(({ kl, ...group }) => ({ ...group, kl: kl ?? null })) })),
			planes: deltas.map(({ name, measure, unit, names, largest, values }) => ({
				...{ name, measure, unit, columns: names, largest },
				values: comparison.rows.map((_, row) => [...values.subarray(row * names.length, (row + 1) * names.length)]),
			})),
		})),
	};
}

function sideJson({ model, prompt, created, origin }: TraceDocument) {
	return { model: { id: model.id, sha256: model.sha256 || null }, prompt: { name: prompt.name, sha256: prompt.sha256 }, created, origin: origin?.format ?? null };
}

function rowJson({ a, b, same }: ComparedRow) {
	const side = (step: ComparedRow['a']) => step && { kind: step.kind, text: step.text, at: step.at, thought: step.thought ?? null };
	return { a: side(a) ?? null, b: side(b) ?? null, same };
}
