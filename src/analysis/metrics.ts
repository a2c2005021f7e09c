/** Held-out figures of one cell of a probe: one thought or sentence at one site. */
import { calibrationError, reliability, type Bin } from './calibration';
import { sigmoid } from './logistic';
import { bootstrap, Ranking, type Scored } from './ranking';

/** An example with its log-odds as the score. */
export type Judged = Scored;

/** Every interval is 95 %, from a bootstrap over groups. */
export interface Figures {
	/** Examples, and positives among them; a prompt with several classes has one for each that is labelled. */
	n: number;
	positives: number;
	auroc: number;
	ci: [number, number];
	/** Mean AUROC of the same fit to control labels, on their own labels; NaN where there is none. */
	control: number;
	/** AUROC less `control`, with the interval of the difference on the same resamples. */
	selectivity: number;
	selectivityCi: [number, number];
	ece: number;
	bins: Bin[];
	recallAt1Fpr: number;
	recallCi: [number, number];
}

/** `controls`: examples of each draw of control labels, in the same groups. */
export function figures(judged: readonly Judged[], controls: readonly (readonly Judged[])[], groups: number, seed: number, name: string): Figures {
	const ranking = new Ranking(judged);
	const rivals = controls.map((one) => new Ranking(one)).filter((one) => !Number.isNaN(one.auroc()));
	const control = (times?: Float64Array) => mean(rivals.map((one) => one.auroc(times)));
	const intervals = bootstrap(
		groups,
		(times) => {
			const auroc = ranking.auroc(times);
			return { auroc, selectivity: auroc - control(times), recall: ranking.recall(times) };
		},
		seed,
		name,
	);
	const auroc = ranking.auroc();
	const bins = reliability(
		judged.map(({ score }) => sigmoid(score)),
		judged.map(({ positive }) => Number(positive)),
	);
	return {
		n: judged.length,
		positives: judged.filter(({ positive }) => positive).length,
		auroc,
		ci: intervals.auroc,
		control: control(),
		selectivity: auroc - control(),
		selectivityCi: intervals.selectivity,
		ece: calibrationError(bins),
		bins,
		recallAt1Fpr: ranking.recall(),
		recallCi: intervals.recall,
	};
}

/** NaN of none. */
export function mean(values: readonly number[]): number {
	return values.reduce((sum, value) => sum + value, 0) / values.length;
}
