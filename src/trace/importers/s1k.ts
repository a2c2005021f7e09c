/** s1K and s1K-1.1: a question, and for each teacher its thinking and its attempt. */
import type { RecordImporter } from './importer';
import { plainSample, type Sample } from './sample';
import { inLine, field, listAt, stringAt } from './values';

/** Columns of a teacher's thinking, attempt and grade, and its name where it is known. */
const TEACHERS = [
	{ name: 'deepseek', thinking: 'deepseek_thinking_trajectory', attempt: 'deepseek_attempt', grade: 'deepseek_grade', model: 'deepseek-r1' },
	{ name: 'gemini', thinking: 'gemini_thinking_trajectory', attempt: 'gemini_attempt', grade: 'gemini_grade', model: 'gemini-2.0-flash-thinking' },
] as const;

export const s1k: RecordImporter = {
	kind: 'record',
	name: 's1k',
	label: 's1K data set',
	matches: (record) =>
		stringAt(record, 'question') !== undefined &&
		(TEACHERS.some(({ thinking }) => stringAt(record, thinking) !== undefined) || listAt(record, 'thinking_trajectories').length > 0),
	read: (record, id) => {
		const question = stringAt(record, 'question')!;
		const target = stringAt(record, 'solution');
		const sample = (name: string, thinking: string, attempt: string): Sample => ({
			...plainSample(name, question, [
				{
					parts: [
						{ kind: 'reasoning' as const, text: thinking },
						{ kind: 'answer' as const, text: attempt },
					].filter(({ text }) => text.trim() !== ''),
				},
			]),
			target,
		});
		const own = listAt(record, 'thinking_trajectories').map((thinking, i) =>
			sample(`${id}/${i}`, typeof thinking === 'string' ? thinking : '', stringAt(record, 'attempt') ?? ''),
		);
		const teachers = TEACHERS.filter(({ thinking }) => stringAt(record, thinking) !== undefined);
		const taught = teachers.map(({ name, thinking, attempt, grade, model }): Sample => ({
			...sample(`${id}/${name}`, stringAt(record, thinking)!, stringAt(record, attempt) ?? ''),
			model,
			scores: field(record, grade) === undefined ? [] : [{ name: grade, value: inLine(field(record, grade)) }],
		}));
		return [...taught, ...own];
	},
};
