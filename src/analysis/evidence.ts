/** The ladder of evidence: what each level asks of a thought's claim, and why it was reached or not. */
import type { ClaimRecord, Estimate, ReadingRecord, Rung, SinglesRecord } from '../trace/evidence';

/** Of a single test on a single thought: one in twenty that say nothing pass L1, which is why it is the lowest. */
const SIGNIFICANCE = 0.05;
/** With fewer draws, the lowest p, 1/(1 + n), is not below the significance. */
export const MIN_DRAWS = 20;
/** Other prompts that a thought is resampled from on the prompt itself. */
export const MIN_RESAMPLES = 20;
/** Prompts that a replication is over (field guide, section 1). */
export const MIN_PROMPTS = 100;
/** Nats: a change of the odds by one part in a hundred. Less is no movement, however narrow its interval. */
export const NEGLIGIBLE = 0.01;
/** Words in a claim, and the mass that one of them has at least. */
const CLAIM_WORDS = 3;
const CLAIM_MASS = 0.05;

/** A control's thought on the same prompt: mass on the same candidates, and among its own shuffled questions. */
export interface Control {
	live: number;
	shuffled: Estimate & { p: number };
}

/** What was found about one thought. What was not measured is absent. */
export interface Findings {
	arm: string;
	thought: number;
	/** The likeliest token at the last site, for thoughts without a live candidate. */
	top: string;
	reading?: Pick<ReadingRecord, 'candidates' | 'live' | 'shuffled'>;
	twin?: Control;
	random?: Control;
	/** Δ log-odds over resamples on this prompt, later thoughts recomputed; the twin's; and over the reference prompts. */
	resample?: Estimate;
	twinResample?: Estimate;
	cohort?: Estimate;
	/** Where only some of the arm's thoughts were changed one by one. */
	singles?: Pick<SinglesRecord, 'of' | 'thoughts' | 'cohort'>;
}

/**
 * L1: the live candidates' mass beats the same decode of other questions' thoughts. L2: neither the twin nor the model with random
 * weights has as much of it, or passes L1's own test on the same prompt against its own thoughts of the same other questions. L3: other
 * prompts' thoughts in this one's place move the answer on this prompt, and do not on the twin. L4: they move it to the same side over
 * at least 100 prompts.
 */
export function claimOf(findings: Findings): ClaimRecord {
	const rungs = [beatsShuffled(findings), isAbsentInControls(findings), movesAnswer(findings), isReplicated(findings)];
	const missing = rungs.findIndex(({ state }) => state !== 'reached');
	const level = (missing < 0 ? rungs.length : missing) as ClaimRecord['level'];
	return { arm: findings.arm, thought: findings.thought, claim: wordsOf(findings), level, rungs };
}

function wordsOf({ reading, top }: Findings): string {
	const live = (reading?.candidates ?? [])
		.filter(({ group, mass }) => mass >= CLAIM_MASS && (group === 'path' || group === 'frontier' || group === 'candidate'))
		.sort((a, b) => b.mass - a.mass)
		.slice(0, CLAIM_WORDS)
		.map(({ label }) => label);
	return `reads as ${live.length > 0 ? live.join(', ') : top}`;
}

function beatsShuffled({ thought, reading }: Findings): Rung {
	if (!reading) {
		return rung(1, undefined, 'There are no candidates that the thought could be read as: name some.');
	}
	const { live, shuffled } = reading;
	if (!shuffled || shuffled.n < MIN_DRAWS) {
		const n = shuffled?.n ?? 0;
		return rung(1, undefined, `Only ${n} other questions have a thought ${thought} to compare with, and ${MIN_DRAWS} are needed.`);
	}
	return rung(1, passes(shuffled), `${massWords(live, shuffled)} in thought ${thought} of ${shuffled.n} other questions.`);
}

function isAbsentInControls({ reading, twin, random }: Findings): Rung {
	if (!reading) {
		return rung(2, undefined, 'There are no candidates that a control could be read as.');
	}
	if (!twin || twin.shuffled.n < MIN_DRAWS) {
		return rung(2, undefined, 'There is no control model without recurrence to compare with.');
	}
	const controls: [string, Control][] = [['The twin', twin], ...(random ? [['random weights', random] as [string, Control]] : [])];
	const has = controls.filter(([, { live, shuffled }]) => passes(shuffled) || live >= reading.live);
	const numbers = controls.map(([name, { live, shuffled }]) => `${name}: ${massWords(live, shuffled)}`).join('; ');
	const verdict =
		has.length === 0 ? 'no control has as much, or reads so beyond chance' : 'a control reads so too, without what is fed back here';
	return rung(2, has.length === 0, `${numbers} in their own thoughts of other questions; ${verdict}.`);
}

function movesAnswer({ thought, resample, twinResample, singles }: Findings): Rung {
	if (singles && !singles.thoughts.includes(thought)) {
		return rung(3, undefined, `Only ${singles.thoughts.length} of ${singles.of} thoughts were changed one by one, and this is none of them.`);
	}
	if (!resample || resample.n < MIN_RESAMPLES) {
		return rung(3, undefined, `The thought was resampled from ${resample?.n ?? 0} other prompts, and ${MIN_RESAMPLES} are needed.`);
	}
	if (!twinResample) {
		return rung(3, undefined, `${effectWords(resample)}; there is no control model on which to do the same.`);
	}
	const twin = moves(twinResample);
	const why = `Another prompt's thought in its place: ${effectWords(resample)}; on the twin ${effectWords(twinResample)}.`;
	return rung(3, moves(resample) && !twin, why);
}

function isReplicated({ thought, resample, cohort, singles }: Findings): Rung {
	if (singles && !singles.cohort.includes(thought)) {
		return rung(4, undefined, `Only ${singles.cohort.length} of ${singles.of} thoughts were changed on the reference prompts, and this is none of them.`);
	}
	if (!cohort || cohort.n < MIN_PROMPTS) {
		return rung(4, undefined, `The same was done on ${cohort?.n ?? 0} reference prompts, and ${MIN_PROMPTS} are needed.`);
	}
	const isSame = resample === undefined || Math.sign(resample.value) === Math.sign(cohort.value);
	return rung(4, moves(cohort) && isSame, `The same on ${cohort.n} reference prompts: ${effectWords(cohort)}.`);
}

function rung(level: Rung['level'], reached: boolean | undefined, why: string): Rung {
	return { level, state: reached === undefined ? 'not measured' : reached ? 'reached' : 'not reached', why };
}

function passes({ p, n }: { p: number; n: number }): boolean {
	return n >= MIN_DRAWS && p < SIGNIFICANCE;
}

/** Whether the whole interval lies on one side of what is negligible. */
export function moves({ ci: [low, high] }: Estimate): boolean {
	return low > NEGLIGIBLE || high < -NEGLIGIBLE;
}

function massWords(live: number, { value, p }: Estimate & { p: number }): string {
	return `mass ${live.toFixed(3)} on the live words against ${value.toFixed(3)} (p = ${p.toFixed(3)})`;
}

function effectWords({ value, ci: [low, high], n }: Estimate): string {
	return `Δ log-odds ${signed(value)} [${signed(low)}, ${signed(high)}], n = ${n}`;
}

function signed(value: number): string {
	return value.toFixed(2).replace(/^-(?!0\.00$)/, '−').replace(/^-/, '');
}
