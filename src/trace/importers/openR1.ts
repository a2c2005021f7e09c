/** OpenR1-Math: one problem, several `generations`, and lists of verdicts aligned to them. */
import type { RecordImporter } from './importer';
import { MAX_PARTS, refuse } from './limits';
import { plainSample } from './sample';
import { splitThinking } from './thinkTags';
import { field, inLine, listAt, stringAt } from './values';

const VERDICTS = ['correctness_math_verify', 'correctness_llama', 'is_reasoning_complete', 'finish_reasons'] as const;

export const openR1: RecordImporter = {
	kind: 'record',
	name: 'openr1-math',
	label: 'OpenR1-Math data set',
	matches: (record) => stringAt(record, 'problem') !== undefined && Array.isArray(field(record, 'generations')),
	read: (record, id) => {
		const name = stringAt(record, 'uuid') ?? id;
		const generations = listAt(record, 'generations');
		if (generations.length > MAX_PARTS) {
			refuse(`a problem has more than ${MAX_PARTS} generations`);
		}
		return generations.map((generation, i) => {
			const { parts, notes } = splitThinking(typeof generation === 'string' ? generation : '');
			const verdicts = VERDICTS.map((verdict) => ({ name: verdict, value: field(record, verdict, i) }));
			return {
				...plainSample(`${name}/${i}`, stringAt(record, 'problem') ?? '', [{ parts }]),
				target: stringAt(record, 'answer'),
				scores: verdicts.filter(({ value }) => value !== undefined && value !== null).map((verdict) => ({ name: verdict.name, value: inLine(verdict.value) })),
				state: field(record, 'is_reasoning_complete', i) === false ? ('limit' as const) : ('done' as const),
				notes,
			};
		});
	},
};
