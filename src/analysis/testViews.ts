/** What changing a thought or a sentence did to the answer, in the order in which it is read. */
import type { TestView } from '../shared/panel';
import type { CausalRecord, Estimate } from '../trace/evidence';
import { isWritten, type CausalTest } from './causal';
import { withInterval } from './estimates';
import type { EvidenceIndex } from './evidenceIndex';
import { printable } from './text';

/** Arms, and what of them is asked about, 0-based. */
export interface Tested {
	latent?: string;
	thought: number;
	written?: string;
	sentence: number;
}

/** Changes shown of one thought, of all together, or of one sentence: there are about twenty kinds, and a file from elsewhere may hold many more. */
const MAX_SHOWN = 200;
/** UTF-16 units of an answer that stand in a table. */
const MAX_ANSWER = 300;

/** From what keeps to language to what leaves nothing. */
export const ORDER: readonly string[] = [
	'snap-1',
	'snap-5',
	'mixture',
	'snap-code',
	'redraw',
	'resample',
	'interchange',
	'transplant',
	'jitter',
	'noise',
	'ablate-mean',
	'ablate-zero',
	'truncate',
	'early-answer',
	'drop-span',
];

/** What takes a thought's place, by its test, and the same at the thought's norm. */
const LABELS: ReadonlyMap<string, readonly [string, string?]> = new Map<CausalTest | 'interchange', readonly [string, string?]>([
	['snap-1', ['its nearest token', 'nearest token, rescaled']],
	['snap-5', ['mixture of 5 nearest', 'mixture of 5, rescaled']],
	['mixture', ['mixture of all tokens', 'mixture, rescaled']],
	['snap-code', ['its nearest codes']],
	['redraw', ['itself, drawn anew']],
	['resample', ['another prompt’s']],
	['interchange', ['a matched prompt’s']],
	['transplant', ['another question’s']],
	['noise', ['noise, same norm']],
	['ablate-mean', ['the step’s mean']],
	['ablate-zero', ['zero']],
	['truncate', ['removed, with later ones']],
]);

/** Single thoughts before all at once, later thoughts computed again before those that stay as they were, then by what is put in. */
export function testViews(index: EvidenceIndex, { latent, thought, written, sentence }: Tested): TestView[] {
	const thoughts = (step: number | 'all') => (latent === undefined ? [] : index.testsOf(latent, step).filter((one) => !isWritten(one.test as CausalTest)));
	const sentences = (step: number) => (written === undefined ? [] : index.testsOf(written, step).filter((one) => isWritten(one.test as CausalTest)));
	return [
		...inOrder(thoughts(thought)).map((one) => view('thought', labelOf(one), one)),
		...inOrder(thoughts('all')).map((one) => view('all thoughts', labelOf(one), one)),
		...inOrder([
			...sentences(sentence),
			// How many sentences are left: with one more, this one is among them.
			...sentences(sentence + 1).filter(({ test }) => test === 'early-answer'),
		]).map((one) => view('sentence', sentenceLabel(one, sentence), one)),
	];
}

function inOrder(records: readonly CausalRecord[]): CausalRecord[] {
	const place = ({ test }: CausalRecord) => (ORDER.includes(test) ? ORDER.indexOf(test) : ORDER.length);
	const frozen = ({ later, test }: CausalRecord) => Number(later === 'frozen' && !isWritten(test as CausalTest));
	return [...records].sort((a, b) => frozen(a) - frozen(b) || place(a) - place(b)).slice(0, MAX_SHOWN);
}

export function labelOf({ test, form, trained }: CausalRecord): string {
	if (test === 'jitter') {
		return printable(`itself with noise, ${form} × norm`);
	}
	const [raw, rescaled = raw] = LABELS.get(test) ?? [printable(form === undefined ? test : `${test}, ${form}`)];
	return `${form === 'rescaled' ? rescaled : raw}${trained === false ? ' (untrained)' : ''}`;
}

function sentenceLabel({ test, step }: CausalRecord, sentence: number): string {
	return test === 'drop-span' ? 'left this sentence out' : step === sentence ? 'stopped before it' : 'stopped after it';
}

function view(of: TestView['of'], label: string, record: CausalRecord): TestView {
	const { later, answer, changed, deltaLogOdds, kl, control } = record;
	return {
		of,
		label,
		later,
		answer: short(answer),
		changed,
		deltaLogOdds: deltaLogOdds ?? NaN,
		kl: kl ?? NaN,
		control: control && {
			answer: short(control.answer),
			changed: control.changed,
			deltaLogOdds: control.deltaLogOdds ?? NaN,
		},
		by: printable(inFull(record)),
	};
}

function short(answer = ''): string {
	return printable(answer.length > MAX_ANSWER ? `${answer.slice(0, MAX_ANSWER)}…` : answer);
}

function inFull({ test, step, trained, by, follows, draws, control }: CausalRecord): string {
	const over = (estimate: Estimate) => `${withInterval(estimate)} over ${estimate.n} other prompts`;
	const all = draws ? `; Δ log-odds ${over(draws)}${control?.draws ? `, on the control ${withInterval(control.draws)}` : ''}` : '';
	const followed = follows === undefined ? '' : follows ? '; the answer is that prompt’s own' : '; the answer is not that prompt’s';
	switch (test) {
		case 'truncate':
			return `only the first ${step} thoughts are run${trained === false ? ', a number that the model was not trained with' : ''}`;
		case 'early-answer':
			return `the answer is forced after ${step} sentences of the chain of thought`;
		case 'drop-span':
			return 'the sentence is taken out';
		default:
			return `in its place: ${by}${all}${followed}`;
	}
}
