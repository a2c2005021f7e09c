/** What `legibility` prints for people. */
import type { ChainSummary } from '../analysis/chains';
import { legibilityView } from '../analysis/legibilityView';
import { printable } from '../analysis/text';
import type { CausalRow, LegibilityResult, WrittenToken } from '../engine/api';
import { plainDecimals } from '../shared/decimals';
import type { Estimate } from '../trace/evidence';
import type { Tested } from './commands/legibility';

type Cell = string | undefined;

export function chainTable(arms: readonly Tested[], { reference, base, skipped }: LegibilityResult): string {
	const lines = arms.flatMap((arm) => {
		const { record, sentences, dropped, early } = arm;
		const chain = sentences.filter(({ role }) => role === 'thought').length;
		const rows = sentences.flatMap(({ role, tokens, verdict, text }, i) => {
			const row = role === 'thought' ? dropped.find(({ step }) => step === i) : undefined;
			const whole = [role === 'answer' ? 'answer' : `${i + 1}`, printable(text).trim(), ...numbers(tokens), verdict ?? '', ...leftOut(row)];
			return tokens.length === 1 ? [whole] : [whole, ...tokens.map((token) => ['', `  ${printable(token.text)}`, ...numbers([token]), '', '', ''])];
		});
		const columns: [title: string, right: boolean, shown: boolean][] = [
			['step', true, true],
			['written', false, true],
			['bits', true, true],
			[`bits (${reference?.id ?? ''})`, true, reference !== undefined],
			[`KL (${base?.id ?? ''})`, true, base !== undefined],
			['fact of the prompt', false, sentences.some(({ verdict }) => verdict)],
			['Δ log-odds', true, dropped.length > 0],
			['answer without it', false, dropped.length > 0],
		];
		return [
			`Arm ${arm.arm}: ${chain} sentences, answer ${printable(arm.answer ?? 'none')}`,
			...aligned(columns, rows),
			...(early.length > 0 ? [`Answer forced after the first k sentences: ${early.map((row) => `${row.step}: ${answerOf(row)}`).join(' · ')}`] : []),
			'',
			...(record ? legibilityView(record).figures.map(({ label, value }) => `  ${label}: ${value}`) : ['  no chain of thought']),
			'',
		];
	});
	return ended([...lines, ...legend(arms.some(({ dropped }) => dropped.length > 0))], skipped);
}

function numbers(tokens: readonly WrittenToken[]): string[] {
	const sum = (of: (token: WrittenToken) => number) => plainDecimals(tokens.reduce((total, token) => total + of(token), 0), 2);
	return [sum(({ bits }) => bits), sum(({ referenceBits }) => referenceBits), sum(({ kl }) => kl)];
}

function leftOut(row: CausalRow | undefined): string[] {
	return row ? [plainDecimals(row.deltaLogOdds, 2), answerOf(row)] : ['', ''];
}

function answerOf({ answer, changed }: CausalRow): string {
	return `${printable(answer ?? 'none')}${changed ? ' *' : ''}`;
}

function legend(tested: boolean): string[] {
	return [
		'bits: surprisal, -log2 p, of what was written under the model that wrote it, and under the one in brackets. KL: KL(model || base), nats.',
		'Of a sentence of several tokens, their sums.',
		...(tested
			? ['Δ log-odds, nats: of the answer when this sentence is left out and the later ones stay; an answer with a * is another one.']
			: ['None of these numbers says whether the answer depends on the chain: add --load-bearing.']),
	];
}

/** Columns that are not shown have cells all the same. */
function aligned(columns: readonly [title: string, right: boolean, shown: boolean][], rows: readonly Cell[][]): string[] {
	const cells = [columns.map(([title]) => title), ...rows].map((row) => row.filter((_, i) => columns[i]![2]).map((cell) => cell ?? ''));
	const kept = columns.filter(([, , shown]) => shown);
	const widths = kept.map((_, i) => Math.max(...cells.map((row) => row[i]!.length)));
	return cells.map((row) => `  ${row.map((cell, i) => (kept[i]![1] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join('  ')}`.trimEnd());
}

const PERCENT = { scale: 100, digits: 1, unit: '%' };

export function summaryTable(summaries: Record<string, ChainSummary>, { reference, base, skipped }: LegibilityResult, source: string): string {
	const lines = Object.entries(summaries).flatMap(([arm, summary]) => {
		const { loadBearing: tested } = summary;
		const under = reference?.id ?? '';
		const rows: [label: string, estimate: Estimate | undefined, shown?: { scale?: number; digits?: number; unit: string }][] = [
			['right answers', summary.accuracy, PERCENT],
			['length of the chain', summary.tokens, { unit: 'tokens' }],
			['', summary.sentences, { unit: 'sentences' }],
			['surprisal, own', summary.bits, { unit: 'bits a token' }],
			[`surprisal under ${under}`, summary.referenceBits, { unit: 'bits a token' }],
			[`KL to ${base?.id ?? ''}`, summary.kl, { unit: 'nats a token' }],
			['repeated 3-grams', summary.repetition, PERCENT],
			['repeated sentences', summary.repeatedSentences, PERCENT],
			['words not in the reference text', summary.rareWords, PERCENT],
			['steps that are facts of the prompt', summary.legalSteps, PERCENT],
			['one sentence left out: other answer', tested?.sentenceChanged, { ...PERCENT, unit: '% of sentences' }],
			['', tested?.anyChanged, { ...PERCENT, unit: '% of problems have such a sentence' }],
			['', tested?.deltaLogOdds, { unit: 'nats Δ log-odds' }],
			['whole chain left out: other answer', tested?.withoutChain, PERCENT],
			['rank correlation with Δ log-odds: own surprisal', tested?.association.bits, { unit: '' }],
			[`  surprisal under ${under}`, tested?.association.referenceBits, { unit: '' }],
			[`  KL to ${base?.id ?? ''}`, tested?.association.kl, { unit: '' }],
		];
		const shown = rows.filter(([, estimate]) => estimate);
		const width = Math.max(...shown.map(([label]) => label.length));
		return [`Arm ${arm}, ${source}`, ...shown.map(([label, estimate, how]) => `  ${label.padEnd(width)}  ${inWords(estimate!, how)}`), ''];
	});
	const note =
		'In brackets: 95 % interval over problems, by bootstrap of means of problems and Wilson of shares of problems. Correlations are over sentences;\n' +
		'below 0, higher values go with sentences that speak more for the answer.';
	return ended([...lines, note], skipped);
}

function inWords({ value, ci: [low, high], n }: Estimate, { scale = 1, digits = 2, unit = '' } = {}): string {
	const text = (one: number) => plainDecimals(one * scale, digits);
	return `${text(value)}${unit === '' ? '' : ` ${unit}`} [${text(low)}, ${text(high)}], n = ${n}`;
}

function ended(lines: readonly string[], skipped: readonly string[]): string {
	return `${[...lines, ...skipped.map((why) => `Note: ${printable(why)}`)].join('\n')}\n`;
}
