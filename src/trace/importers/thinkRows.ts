/** Rows of a question and an answer, in which the reasoning has a column of its own or stands between tags. */
import type { RecordImporter } from './importer';
import type { JsonObject } from './json';
import { plainSample, type Part } from './sample';
import { hasThinking, splitThinking } from './thinkTags';
import { stringAt } from './values';

const QUESTIONS = ['question', 'problem', 'prompt', 'instruction', 'input', 'query'];
const THINKING = ['reasoning', 'reasoning_content', 'thinking', 'thought', 'cot', 'chain_of_thought', 'think'];
const ANSWERS = ['response', 'output', 'completion', 'generation', 'answer', 'text', 'content', 'solution'];

const first = (record: JsonObject, names: readonly string[]) => names.map((name) => stringAt(record, name)).find((text) => text !== undefined);

export const thinkRows: RecordImporter = {
	kind: 'record',
	name: 'reasoning-rows',
	label: 'rows with a reasoning column or <think> text',
	matches: (record) => first(record, THINKING) !== undefined || ANSWERS.some((name) => hasThinking(stringAt(record, name) ?? '')),
	read: (record, id) => {
		const thinking = first(record, THINKING);
		const tagged = ANSWERS.map((name) => stringAt(record, name)).find((text) => text !== undefined && hasThinking(text));
		const answer = tagged ?? first(record, ANSWERS) ?? '';
		const { parts, notes } = splitThinking(answer);
		const own: Part[] = thinking === undefined || thinking.trim() === '' ? [] : [{ kind: 'reasoning', text: thinking }];
		const name = stringAt(record, 'id') ?? stringAt(record, 'uuid') ?? id;
		return [{ ...plainSample(name, first(record, QUESTIONS) ?? '', [{ parts: [...own, ...parts] }]), notes }];
	},
};
