/** The chain-of-thought cell of a row: a sentence, token by token. */
import { select } from 'd3';
import type { LegibilityView, SentenceView, TokenView } from '../../src/shared/panel';
import { underline, type Underline } from '../draw/surprise';
import * as glossary from '../glossary';
import { signed } from '../marks';
import type { Tooltip } from '../tooltip';

const SIGNS: Readonly<Record<NonNullable<SentenceView['verdict']>, { text: string; tone: string }>> = {
	'on a path': { text: '✓ on a path', tone: 'good' },
	'dead end': { text: '⊣ leaves every path here', tone: 'warn leaves' },
	'after the dead end': { text: '⊣ after the dead end', tone: 'after' },
	'no such fact': { text: '✗ no such fact', tone: 'bad' },
};

/** What stands before a sentence that is not simply thought. */
const ROLES: Readonly<Partial<Record<SentenceView['role'], string>>> = {
	answer: 'answer: ',
	summary: 'summary, not the chain of thought: ',
	redacted: 'redacted: ',
	call: 'calls: ',
};

/** What is told of a token: which measure its underline shows, and which models it was read under. */
export interface Told {
	underline: Underline;
	legibility?: LegibilityView;
}

export function showSentence(cell: HTMLElement, sentence: SentenceView | undefined, told: Told, tooltip: Tooltip): void {
	const root = select(cell);
	root.selectAll('*').remove();
	if (!sentence) {
		return;
	}
	const text = root.append('div').attr('class', `sentence ${sentence.role}`);
	const role = ROLES[sentence.role];
	if (role !== undefined) {
		text.append('span').attr('class', 'role').text(role);
	}
	for (const token of sentence.tokens) {
		text.append(() => tokenSpan(token, told, tooltip));
	}
	if (sentence.verdict) {
		const { text: words, tone } = SIGNS[sentence.verdict];
		const verdict = root.append('div').attr('class', `verdict ${tone}`).attr('data-verdict', sentence.verdict).text(words);
		tooltip.set(verdict.node() as HTMLElement, glossary.VERDICTS[sentence.verdict]);
	}
}

function tokenSpan(token: TokenView, told: Told, tooltip: Tooltip): HTMLElement {
	const span = document.createElement('span');
	span.className = token.text.startsWith(' ') ? 'token spaced' : 'token';
	span.dataset['step'] = String(token.step);
	span.tabIndex = -1;
	span.style.setProperty('--surprise', `${underline(token, told.underline)}%`);
	span.append(...signed(token.text));
	tooltip.set(span, glossary.token(token, told.legibility));
	return span;
}
