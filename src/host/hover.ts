/** What the model made of the token under the pointer: from results that are there, never from a model that would have to run. */
import * as vscode from 'vscode';
import type { PromptToken } from '../analysis/hover';
import { ownWords, ownWordsNow } from '../prompts/own';
import { formatProbability } from '../shared/probability';
import type { Analyses } from './analyses';
import { readPromptFile, toEditorRange } from './promptFile';
import { Unchanged } from './unchanged';

/** Longer token texts are cut in the table, so that its columns stay within a hover's width. */
const COLUMN_WIDTH = 28;

export class TokenHover implements vscode.HoverProvider {
	constructor(private readonly analyses: Analyses) {}

	async provideHover(document: vscode.TextDocument, position: vscode.Position): Promise<vscode.Hover | undefined> {
		const view = (await this.analyses.find(document))?.view;
		if (!view) {
			return undefined;
		}
		const { input, prompt } = readPromptFile(document);
		const analysed = view.source.document.prompt;
		const then = ownWords(analysed);
		const now = ownWordsNow(analysed, prompt, input);
		const unchanged = new Unchanged(then.text, now.text);
		const offset = now.atFile(document.offsetAt(position));
		const before = offset === undefined || offset >= now.text.length ? undefined : unchanged.back(offset);
		const place = before === undefined ? undefined : then.inText(before);
		const token = place === undefined ? undefined : await view.tokenAt(place);
		const spans = token && then.fromText(token.span).map((span) => unchanged.forward(span));
		if (!token || !spans || spans.includes(undefined)) {
			return undefined;
		}
		const ranges = spans.flatMap((span) => now.toFile(span!)).map((range) => toEditorRange(document, range));
		const edited = then.text !== now.text;
		return new vscode.Hover(describe(token, edited), ranges.find((range) => range.contains(position)));
	}
}

/** Our own words are Markdown; everything that came from a model or a file is appended as text or as code. */
function describe(token: PromptToken, edited: boolean): vscode.MarkdownString {
	const text = new vscode.MarkdownString();
	text.isTrusted = false;
	text.supportHtml = false;
	text.appendMarkdown(`**${vscode.l10n.t('Token')}** `).appendText(token.text);
	text.appendMarkdown(` · ${vscode.l10n.t('id {0}', token.id)}\n\n`);
	if (token.prob !== undefined && token.surprisalBits !== undefined) {
		const [prob, bits] = [formatProbability(token.prob), token.surprisalBits.toFixed(2)];
		text.appendMarkdown(`${vscode.l10n.t('Probability {0} given what comes before · surprisal {1} bits', prob, bits)}\n\n`);
	}
	text.appendMarkdown(
		token.looped
			? vscode.l10n.t('What each layer and loop would say next (logit lens, after a loop the coda lens, top token):')
			: vscode.l10n.t('What each layer would say next (logit lens, top token):'),
	);
	const layers = token.layers.toReversed();
	const lens = layers.map(({ name, text: next, prob }) => [name, next, formatProbability(prob)]);
	text.appendCodeblock(table(lens), 'plaintext');
	for (const { label, scores } of token.probes) {
		text.appendMarkdown(`${vscode.l10n.t('Probe, score at each thought, last layer (not a calibrated probability):')} `).appendText(label);
		const thoughts = [vscode.l10n.t('thought'), ...scores.map((_, i) => `${i + 1}`)];
		text.appendCodeblock(table([thoughts, [vscode.l10n.t('score'), ...scores.map(formatProbability)]]), 'plaintext');
	}
	if (edited) {
		text.appendMarkdown(vscode.l10n.t('The prompt was edited since: these figures belong to the text as it was.'));
	}
	return text;
}

function table(rows: string[][]): string {
	const short = (cell: string) => (cell.length > COLUMN_WIDTH ? `${cell.slice(0, COLUMN_WIDTH - 1)}…` : cell);
	const cut = rows.map((row) => [...row.slice(0, -1).map(short), ...row.slice(-1)]);
	const widths = cut[0]?.map((_, column) => Math.max(...cut.map((row) => row[column]!.length))) ?? [];
	return cut.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd()).join('\n');
}
