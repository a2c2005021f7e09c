/** What each number on the screen is and how it was computed, in words: the text of the tooltips. */
import type { ArmView, CodeReading, Details, LegibilityView, MadeView, ProbeCell, ProbeView, SentenceView, ThoughtView, TokenView } from '../src/shared/panel';
import { decimals } from '../src/shared/decimals';
import { isKnown } from '../src/shared/probability';
import { nearness } from './codes';
import { FULL, type Underline } from './draw/surprise';
import { exact, interval, proportion, surprisal } from './figures';
import type { Stretch } from './strip';

const LENS = 'softmax of the unembedding of the normed residual stream';
const NOT_PROBABILITY = 'It is not a calibrated probability.';

export const LATENT_COLUMN =
	`Logit lens where the thought is produced: ${LENS}. ` +
	`Bright bars are candidates that the task’s own structure allows at this step. ` +
	`Readable is not yet used: the words do not show that the answer depends on them.`;
export const SCORE_SCALE =
	`Score of a linear probe, on a fixed scale: the same colour is the same score in every trace. ` + NOT_PROBABILITY;
export const SPARE_CELL = 'A corner is cut off the cells of spare thoughts: their scores are no evidence about the answer.';
export const NOTES = 'Lists the notes: what is highlighted there is selected here. ] and [ go from one to the next.';
export const OWN_NOTE =
	'Your note on this step, kept beside the trace and never inside it. It is saved as you write; Ctrl+Enter ends it, Esc brings back what was there.';
export const NO_FIGURES = 'The trace holds no held-out figures for this probe: nothing says how far its scores can be trusted.';
export const TOKEN_ID = 'Number of the token in the model’s vocabulary.';
export const SELF_TEST = 'The same values, computed in two ways when the model was loaded. What differs by more than rounding is not offered.';
export const READS_AS = `Likeliest tokens by the logit lens: ${LENS} at this layer.`;

export const VERDICTS: Readonly<Record<NonNullable<SentenceView['verdict']>, string>> = {
	'on a path': 'The prompt states this step, and from where it leads the answer can still be reached.',
	'dead end': 'The dead end: the prompt states this step, but from where it leads the answer can no longer be reached.',
	'after the dead end': 'The prompt states this step, but an earlier one has left every path to the answer.',
	'no such fact': 'The prompt does not state this step.',
};

export const STATES: Readonly<Record<ArmView['state'], string>> = {
	waiting: 'waiting',
	running: 'running…',
	done: 'no answer',
	limit: 'no answer at its limit',
	cancelled: 'cancelled',
};

export function arm(view: ArmView): string {
	if (view.answer === undefined) {
		return `The arm “${view.label}”: ${STATES[view.state]}.${ended(view)}`;
	}
	const cut = view.state === 'limit' ? ' It was cut off at its limit of tokens.' : '';
	const compared =
		view.comparedWith === undefined ? '' : ` It ${view.agrees ? 'agrees' : 'disagrees'} with the arm “${view.comparedWith}”.`;
	return `Answer of the arm “${view.label}”, read from the text that it wrote.${cut}${compared}${ended(view)}`;
}

function ended({ ending }: ArmView): string {
	return ending === undefined ? '' : ` ${ending}`;
}

export function agreement(agree: boolean): string {
	return `All arms that answered this one prompt gave ${agree ? 'the same answer' : 'not the same answer'}.`;
}

/** What a stronger line says. It is a measure of how usual a token is, and nothing else. */
export function underline(measure: Underline, { reference = '', base = '' }: Pick<LegibilityView, 'reference' | 'base'> = {}): string {
	const { value, unit } = FULL[measure];
	const chance = `one chance in ${2 ** FULL.own.value}`;
	const usual = 'How usual a token is says nothing about whether the answer depends on it.';
	switch (measure) {
		case 'own':
			return `The less the model expected a token, the stronger its line: full from ${value} ${unit} of surprisal on, ${chance}. ${usual}`;
		case 'reference':
			return `The less ${reference} expects a token, given prompt and chain so far, the stronger its line: full from ${value} ${unit} of surprisal on, ${chance}. ${usual}`;
		case 'kl':
			return `The farther the model’s distribution is from that of ${base} where a token was written, KL(this model || ${base}), the stronger its line: full from ${value} ${unit} on. ${usual}`;
	}
}

/** Everything that was measured of it. */
export function token(view: TokenView, { reference = 'the reference model', base = 'the base model' }: Pick<LegibilityView, 'reference' | 'base'> = {}): string {
	const { text, prob, referenceBits, kl } = view;
	const own =
		prob === undefined
			? `There is no probability of “${text}” in this trace (yet).`
			: `p = ${exact(prob)}: the probability that the model gave to “${text}” from what stands before it. Surprisal −log₂ p = ${decimals(surprisal(prob))} bits.`;
	const others = [
		...(referenceBits === undefined ? [] : [`Under ${reference} ${decimals(referenceBits)} bits.`]),
		...(kl === undefined ? [] : [`KL(this model || ${base}) = ${decimals(kl)} nats.`]),
	];
	return [own, ...others].join(' ');
}

export function heatmap({ kind, name, label }: Pick<ProbeView, 'kind' | 'name' | 'label'>): string {
	return kind === 'patch' ? `Effect on the answer of patching in ${label}, nats` : `Scores of the probe ${name}`;
}

export function word({ text, prob, live }: ThoughtView['top'][number], layer: number): string {
	const allowed = live
		? 'A live candidate: the task’s own structure allows it at this step.'
		: 'The task’s own structure does not allow it at this step.';
	if (!isKnown(prob)) {
		return `“${text}” by its rank: the source does not give its probability.`;
	}
	return `p = ${exact(prob)} for “${text}” by the logit lens at layer ${layer}: ${LENS}. ${live === undefined ? '' : allowed}`;
}

export function spare(reason: string): string {
	return `Spare thought: ${reason}. What it reads as is no evidence about the answer.`;
}

export const LESS = 'Lower rows, so that more of the steps are in view (−, or Ctrl and the wheel).';
export const MORE = 'Higher rows, with more of each step (+, or Ctrl and the wheel). 0 is as before.';

export function idle(reason: string): string {
	return `Idle thought: ${reason}. Taking it away changes nothing on this prompt, whatever it reads as.`;
}

export function halted(why: string): string {
	return `${why} Rules are part of the model’s recipe; they are looked at before or after each thought.`;
}

export const GATE = 'What the thought graph’s gate said at this thought, 0 to 1. A recipe may stop where it is above a bound.';
export const READOUT = 'is what the decoder that was trained with the model reads in the thought. It was trained to say so: fluent is not yet faithful.';
export const ENTROPY = 'Entropy H, in nats, of what the thought reads as by the logit lens at the chosen layer.';
const CODE = 'Codes are vectors that this part of a thought was trained to be near; the nearest is by Euclidean distance.';

export function codePart(part: string, state: CodeReading['state']): string {
	return `Nearest code of the thought’s part “${part}”, and its distance. ${CODE} ${STATE_OF[state]}`;
}

export function codeColumns({ part, from, to }: Details['codes'][number]): string {
	return `The part “${part}” is the numbers ${from + 1} to ${to} of the thought.`;
}

const STATE_OF: Readonly<Record<CodeReading['state'], string>> = {
	discrete: 'The part is discrete: it is meant to be at a code, and what is far from all of them is an error.',
	continuous: 'The part is continuous: it may lie anywhere between codes, which are only marks on its way.',
};

export function code(reading: CodeReading): string {
	const [first, ...others] = reading.nearest.map(({ text, distance }) => `“${text}” at ${exact(distance)}`);
	const share = nearness(reading);
	const bar = Number.isNaN(share) ? '' : ` 1 − d₁/d₂ = ${exact(share)}, the bar: full at a code, empty half-way between two.`;
	return `${reading.part}: nearest ${first ?? 'unknown'}${others.length > 0 ? `, then ${others.join(', ')}` : ''}.${bar} ${STATE_OF[reading.state]}`;
}

export function widths({ width, modelWidth }: Pick<MadeView, 'width' | 'modelWidth'>): string {
	return `The thought has ${width} numbers. The model reads vectors of ${modelWidth}, which the thought graph makes from it: less than a state can pass from step to step.`;
}

export function noise({ scale, own, seed }: NonNullable<MadeView['noise']>): string {
	return (
		`Random numbers that the thought graph was given, times ${exact(scale)}, ${own ? 'as the recipe says' : 'in place of the recipe’s scale'}. ` +
		`They follow from the seed ${seed}, the arm’s name and the thought’s number alone: the same seed gives the same thoughts.`
	);
}

export const FROM = 'The state that the thought was made from, at the position before the one where it was fed.';
export const FED =
	'Logit lens of the vector that was fed back: softmax of the unembedding of its norm. It is another site than the state it was made from, ' +
	'and the two may read differently.';

export function stretch({ first, last, text }: Stretch): string {
	const where = first === last ? `layer ${first}` : `layers ${first} to ${last}`;
	return `“${text}” is the likeliest token by the logit lens at ${where}. Click to show the layer.`;
}

export function entropy(nats: number, layer: number): string {
	const spread = exact(Math.exp(nats));
	return `Entropy H = ${exact(nats)} nats of the whole distribution at layer ${layer}: spread over exp(H) = ${spread} tokens.`;
}

export function divergence({ layer, klFinal }: Details['layers'][number]): string {
	return `KL(last layer || layer ${layer}) = ${exact(klFinal)} nats: how far the reading is from the last layer’s.`;
}

export function cosine({ text, cosine: value }: Details['neighbours'][number]): string {
	return `Cosine of the vector that was fed back with the input embedding of “${text}”: ${exact(value)}.`;
}

export function norm(value: number, { width, modelWidth }: Pick<MadeView, 'width' | 'modelWidth'>): string {
	return width === modelWidth
		? `Euclidean norm of the thought, the vector that was fed back in place of a token’s embedding: ${exact(value)}.`
		: `Euclidean norm of the thought’s ${width} numbers, before the thought graph makes ${modelWidth} of them: ${exact(value)}.`;
}

export function claim(label: string): string {
	return `A score near 1 claims: ${label.replace(/\.$/, '')}.`;
}

/** `cell`: held-out figures of what was fitted just there, where the trace has them. */
export function score(label: string, value: number, where: string, cell: ProbeCell | undefined): string {
	if (Number.isNaN(value)) {
		return `${where}: not measured. The probe is not read here.`;
	}
	const held = cell ? `Held out at this step and layer: ${fitted(cell)}.` : 'The trace holds no held-out figures for this step and layer.';
	return `${where}: ${exact(value)}, score of a linear probe on the residual stream. ${NOT_PROBABILITY} ${claim(label)} ${held}`;
}

function fitted({ auroc, ci, shuffled, random, control, selectivity, ece, recallAt1Fpr, recallCi }: ProbeCell): string {
	return [
		`AUROC ${proportion(auroc)} [${interval(ci)}]`,
		`shuffled ${proportion(shuffled)}`,
		`random direction ${proportion(random)}`,
		...(selectivity === undefined || control === undefined
			? []
			: [`selectivity ${selectivity.toFixed(2)} (AUROC less ${proportion(control)} on control labels, a coin for each word)`]),
		...(ece === undefined ? [] : [`calibration error ${proportion(ece)}`]),
		...(recallAt1Fpr === undefined || recallCi === undefined ? [] : [`recall at 1 % false positives ${proportion(recallAt1Fpr)} [${interval(recallCi)}]`]),
	].join(', ');
}

export const AUROC =
	'Area under the ROC curve on held-out problems: 0.5 is chance, 1 is perfect. ' +
	'In brackets its 95 % interval from a bootstrap over problems, at one step and layer.';
export const SHUFFLED = 'Control: the same fit on shuffled labels. The probe shows something only as far as it exceeds this.';
export const RANDOM = 'Control: a random direction instead of the fitted one.';
