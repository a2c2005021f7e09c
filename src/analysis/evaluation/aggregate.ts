/** From what each problem gave to a result with its intervals. Pure: the command line and the editor count alike. */
import type { Estimate } from '../../trace/evidence';
import { bootstrapMean, mcnemar, pairedDifference, share } from '../statistics';
import { testKey, type Outcome, type Role, type Setup, type TestOutcome } from './outcome';
import {
	EVALUATION_FORMAT,
	EVALUATION_VERSION,
	type Against,
	type ArmResult,
	type CausalResult,
	type Comparison,
	type Evaluation,
	type Interval,
	type Outcomes,
	type Side,
} from './result';

/** What a result says beside its counts. */
export interface Circumstances {
	/** ISO 8601, UTC. */
	created: string;
	runtime: string;
}

/** `outcomes` in any order; of two of the same problem the first counts. */
export function aggregate(setup: Setup, outcomes: readonly Outcome[], { created, runtime }: Circumstances): Evaluation {
	const { twin, causal: _, ...asked } = setup;
	const own = new Ledger(setup, outcomes, 'model');
	const other = twin && new Ledger(setup, outcomes, 'twin');
	return {
		format: EVALUATION_FORMAT,
		version: EVALUATION_VERSION,
		...asked,
		created,
		runtime,
		seed: setup.options.seed,
		n: setup.data.n,
		...own.side(),
		...(twin && other ? { twin: { model: twin, ...other.side(), against: own.against(other) } } : {}),
		notes: [...own.notes(), ...(other?.notes() ?? [])],
		outcomes: [...own.outcomes(), ...(other?.outcomes() ?? [])],
	};
}

type Right = (boolean | null)[];

/** One arm or test, by problem; null where it was not run. */
interface Line {
	answers: (string | null)[];
	right: Right;
}

interface TestLine extends Line {
	/** Any of its outcomes: what they have in common. */
	like: TestOutcome;
	outcomes: (TestOutcome | undefined)[];
}

class Ledger {
	private readonly arms = new Map<string, Line & { seconds: number }>();
	private readonly tests = new Map<string, TestLine>();

	constructor(
		private readonly setup: Setup,
		outcomes: readonly Outcome[],
		private readonly role: Role,
	) {
		const { n } = setup.data;
		const blank = (): Line => ({ answers: new Array<null>(n).fill(null), right: new Array<null>(n).fill(null) });
		const counted = new Set<string>();
		for (const outcome of outcomes) {
			const { kind, problem } = outcome;
			if (outcome.role !== role || counted.has(`${kind} ${problem}`)) {
				continue;
			}
			counted.add(`${kind} ${problem}`);
			if (kind === 'answers') {
				for (const { arm, answer, right, seconds } of outcome.answers) {
					const line = entry(this.arms, arm, () => ({ ...blank(), seconds: 0 }));
					line.answers[problem] = answer;
					line.right[problem] = right;
					line.seconds += seconds;
				}
				continue;
			}
			for (const test of outcome.tests) {
				const line = entry(this.tests, testKey(test), () => ({ ...blank(), like: test, outcomes: new Array<undefined>(n) }));
				line.answers[problem] = test.answer;
				line.right[problem] = test.right;
				line.outcomes[problem] = test;
			}
		}
	}

	side(): Side {
		// Recipes go from no reasoning to more of it: the difference is what more of it brings.
		const names = [...this.arms.keys()].reverse();
		const arms = [...this.arms].map(([name, { right, seconds }]): [string, ArmResult] => [name, { ...accuracy(right), seconds }]);
		const pairs = names.flatMap((a, i) =>
			names.slice(i + 1).map((b) => ({ a, b, ...compared(this.arms.get(a)!.right, this.arms.get(b)!.right) })),
		);
		const causal = this.setup.causal && [...this.tests.values()].map((line) => this.causal(line));
		return { arms: Object.fromEntries(arms), pairs, ...(causal ? { causal } : {}) };
	}

	/** Arms and tests that both models have. */
	against(other: Ledger): Against[] {
		const arms = [...this.arms].flatMap(([arm, { right }]) => {
			const theirs = other.arms.get(arm);
			return theirs ? [{ arm, ...compared(right, theirs.right) }] : [];
		});
		const tests = [...this.tests].flatMap(([key, { like, right }]) => {
			const theirs = other.tests.get(key);
			return theirs ? [{ ...named(like), ...compared(right, theirs.right) }] : [];
		});
		return [...arms, ...tests];
	}

	/** Told by the outcomes alone, so that a run in two parts says the same as one. */
	notes(): string[] {
		const { model, twin, causal } = this.setup;
		const who = this.role === 'model' ? model.id : twin!.id;
		const run = new Set([...this.tests.values()].map(({ like }) => like.test));
		return (causal?.tests ?? [])
			.filter((test) => !run.has(test))
			.map((test) => `${who}: ${test} was not run, because no arm has what it changes.`);
	}

	outcomes(): Outcomes[] {
		const arms = [...this.arms].map(([arm, { answers, right }]): Outcomes => ({ model: this.role, arm, answers, right }));
		const tests = [...this.tests.values()].map(
			({ like, answers, right, outcomes }): Outcomes => ({
				model: this.role,
				...named(like),
				answers,
				right,
				changed: Array.from(outcomes, (one) => one?.changed ?? null),
				deltaLogOdds: Array.from(outcomes, (one) => one?.deltaLogOdds ?? null),
				kl: Array.from(outcomes, (one) => one?.kl ?? null),
			}),
		);
		return [...arms, ...tests];
	}

	private causal({ like, right, outcomes }: TestLine): CausalResult {
		const ran = outcomes.filter((one) => one !== undefined);
		const { seed } = this.setup.options;
		const measured = ran.filter((one) => one.deltaLogOdds !== null && one.kl !== null);
		const mean = (key: 'deltaLogOdds' | 'kl') => bootstrapMean(measured.map((one) => one[key]!), seed);
		const changed = share(ran.filter((one) => one.changed).length, ran.length);
		const followed = ran.filter((one) => one.follows !== undefined);
		const follows = share(followed.filter((one) => one.follows).length, followed.length);
		const [deltaLogOdds, kl] = [mean('deltaLogOdds'), mean('kl')];
		return {
			...named(like),
			...(like.trained === undefined ? {} : { trained: like.trained }),
			n: ran.length,
			...accuracy(right),
			changed: finite(changed.value),
			changedCi: interval(changed),
			...(followed.length > 0 ? { follows: { value: finite(follows.value), ci: interval(follows), n: follows.n } } : {}),
			measured: measured.length,
			deltaLogOdds: finite(deltaLogOdds.value),
			deltaLogOddsCi: interval(deltaLogOdds),
			kl: finite(kl.value),
			klCi: interval(kl),
			unchanged: compared(this.arms.get(like.arm)?.right ?? [], right),
		};
	}
}

function named({ arm, test, form, step }: TestOutcome) {
	return { arm, test, ...(form === undefined ? {} : { form }), step };
}

function accuracy(right: Right): Omit<ArmResult, 'seconds'> {
	const ran = right.filter((one) => one !== null);
	const correct = ran.filter((one) => one).length;
	const estimate = share(correct, ran.length);
	return { correct, accuracy: finite(estimate.value), ci: interval(estimate) };
}

/** On the problems on which both were run. */
function compared(a: Right, b: Right): Comparison {
	const paired = { both: 0, onlyA: 0, onlyB: 0, neither: 0 };
	a.forEach((right, i) => {
		const other = b[i] ?? null;
		if (right !== null && other !== null) {
			paired[right ? (other ? 'both' : 'onlyA') : other ? 'onlyB' : 'neither']++;
		}
	});
	const { onlyA, onlyB } = paired;
	const difference = pairedDifference(paired);
	return { onlyA, onlyB, p: mcnemar(onlyA, onlyB), difference: finite(difference.value), ci: interval(difference) };
}

function finite(value: number): number | null {
	return Number.isFinite(value) ? value : null;
}

function interval({ ci }: Estimate): Interval {
	return [finite(ci[0]), finite(ci[1])];
}

function entry<K, V>(map: Map<K, V>, key: K, create: () => V): V {
	const value = map.get(key) ?? create();
	map.set(key, value);
	return value;
}
