/** A comparison for people: what each side says, step by step, and where the planes differ most. */
import type { ComparedRow, ComparedTokens, Comparison, PlaneDelta } from '../analysis/compare/comparison';
import { printable, visible } from '../analysis/text';
import { decimals, difference } from '../shared/decimals';

/** Of one side: longer texts are cut, the whole is in the JSON. */
const MAX_TEXT = 48;
const INDENT = '  ';

export interface ComparedArms {
	comparison: Comparison;
	/** Beside the rows. */
	tokens: readonly ComparedTokens[][];
	deltas: readonly PlaneDelta[];
	answers: { a?: string; b?: string };
}

export function armsText({ comparison, tokens, deltas, answers }: ComparedArms): string[] {
	const { pair, rows } = comparison;
	const differing = rows.filter(({ same }) => !same).length;
	const wide = Math.max(...rows.map((row) => textOf(row, 'a').length), 1);
	return [
		'',
		`Arm ${pair.a === pair.b ? printable(pair.a) : `${printable(pair.a)} of A and ${printable(pair.b)} of B`}`,
		`${INDENT}answers: ${shown(answers.a)} and ${shown(answers.b)}${answers.a === answers.b ? '' : ', which differ'}; ${differing} of ${rows.length} steps differ`,
		...rows.map((row, i) => `${INDENT}${mark(row)} ${textOf(row, 'a').padEnd(wide)} ${INDENT}${textOf(row, 'b')}${figures(tokens[i]!)}`.trimEnd()),
		...deltas.filter(({ largest }) => !Number.isNaN(largest)).map((delta) => `${INDENT}${planeText(delta)}`),
	];
}

/** `=` the same, `≠` changed, `−` only in A, `+` only in B. */
function mark({ a, b, same }: ComparedRow): string {
	return same ? '=' : !b ? '−' : !a ? '+' : '≠';
}

function textOf(row: ComparedRow, side: 'a' | 'b'): string {
	const step = row[side];
	if (!step) {
		return '';
	}
	const name = step.thought !== undefined ? `${step.thought}: ` : step.kind === 'answer' ? 'answer: ' : '';
	const text = visible(step.text.trim());
	return name + (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text);
}

/** Surprisal of both sides where both are known, and the highest divergence of a token. */
function figures(tokens: readonly ComparedTokens[]): string {
	const change = tokens.reduce((sum, { bitsA, bitsB }) => sum + bitsB - bitsA, 0);
	const divergences = tokens.flatMap(({ kl }) => kl ?? []);
	const highest = divergences.reduce((most, one) => (one.atLeast > most.atLeast ? one : most), { atLeast: -1, exact: true });
	const parts = [
		...(tokens.length > 0 && !Number.isNaN(change) ? [`Δ ${difference(change)} bits`] : []),
		...(divergences.length > 0 ? [`KL ${highest.exact ? '' : '≥ '}${decimals(highest.atLeast, 3)}`] : []),
	];
	return parts.length === 0 ? '' : `   (${parts.join(', ')})`;
}

function planeText({ name, measure, unit, names, values, largest }: PlaneDelta): string {
	const title = measure === 'divergence' ? 'KL of the lens, at least' : `${measure === 'difference' ? 'Δ' : '‖Δ‖'} ${printable(name)}`;
	if (largest === 0) {
		return `${title}: 0 everywhere`;
	}
	const at = values.findIndex((value) => Math.abs(value) === largest);
	const column = names[at % names.length]!;
	const value = measure === 'difference' ? difference(values[at], 3) : decimals(values[at], 3);
	return `${title}: largest ${value}${unit === '' ? '' : ` ${unit}`}, at step ${Math.floor(at / names.length) + 1}${column === '' ? '' : `, ${/^\d/.test(column) ? 'layer ' : ''}${column}`}`;
}

function shown(answer: string | undefined): string {
	return answer === undefined ? 'none' : visible(answer);
}
