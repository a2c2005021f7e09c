/** Published figures beside measured ones as a part of a report, and after it the result that they were counted from. */
import type { Verdict } from '../presets';
import type { Reproduction } from '../reproduction';
import type { Part } from './content';
import { evaluationPart } from './evaluation';

const VERDICTS: readonly Verdict[] = ['within', 'outside', 'not comparable', 'not measured'];

export function reproductionParts({ model, data, checks, evaluation }: Reproduction): Part[] {
	const counted = VERDICTS.map((verdict) => ({ verdict, n: checks.filter((check) => check.verdict === verdict).length }));
	const part: Part = {
		title: `Published figures beside ${model.id}`,
		subtitle: `${checks.length} checks on ${data.n} problems of ${data.name}.`,
		headline: counted
			.filter(({ n }) => n > 0)
			.map(({ verdict, n }) => ({ label: verdict, value: String(n), unit: n === 1 ? 'check' : 'checks', range: MEANINGS[verdict] })),
		sections: [
			{
				title: 'Checks',
				text: 'A figure of another model is printed beside ours and not judged: that two numbers are near each other is no replication.',
				tables: [
					{
						caption: 'Expected beside measured',
						columns: [{ label: 'Check' }, { label: 'Expected' }, { label: 'Measured' }, { label: 'Verdict' }],
						rows: checks.map(({ what, expected, source, measured, verdict, why }) => [what, `${expected}; ${source}`, measured, `${verdict}: ${why}`]),
					},
				],
			},
		],
		notes: [],
		provenance: [
			{ label: 'Data', value: `${data.name}, sha256 ${data.sha256}` },
			{ label: 'Model', value: `${model.id}, sha256 ${model.sha256}` },
		],
		figures: [],
	};
	return [part, ...(evaluation ? [evaluationPart(evaluation, 'this run')] : [])];
}

const MEANINGS: Readonly<Record<Verdict, string>> = {
	within: 'met by what was measured',
	outside: 'not met',
	'not comparable': 'of another model: not judged',
	'not measured': 'not possible here',
};
