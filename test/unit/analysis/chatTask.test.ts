/** A ProsQA problem as a chat model is given it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { parseTask } from '../../../src/analysis/task';
import { renderChat, type ChatTemplate } from '../../../src/prompts/chat';
import type { Message } from '../../../src/prompts/prompt';
import { PROMPT } from '../trace/sample';

const said = (role: Message['role'], text: string): Message => ({ role, text, pieces: [] });
const each = '{% for m in messages %}';
const TEMPLATES: Record<string, ChatTemplate> = {
	chatml: { source: `{{ '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}${each}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}{{ '<|im_start|>assistant\n' }}` },
	trimming: { source: `{{ bos_token }}${each}{{ '[INST] ' + m['content'] | trim + ' [/INST]' }}{% endfor %}`, bos: '<s>' },
	spoken: { source: `${each}{{ 'USER: ' + m['content'] + ' ASSISTANT:' }}{% endfor %}` },
	tight: { source: `${each}{{ '<' + m['role'] + '>' + m['content'] + '</' + m['role'] + '>' }}{% endfor %}` },
};
/** As far as a task can be compared. */
const gist = (text: string) => {
	const task = parseTask(text)!;
	const { question, root, options, answer, hops, edges, entities } = task;
	return { question, root, options, answer, hops, edges, entities };
};

describe('ProsQA in a chat', () => {
	const problems = (JSON.parse(readFileSync('test/fixtures/prosqa-published.json', 'utf8')) as { question: string }[]).map(({ question }) => question);

	for (const [name, template] of Object.entries(TEMPLATES)) {
		test(`${name}: recognised as without the chat, with its facts where they stand`, () => {
			for (const question of [PROMPT, ...problems]) {
				const { text } = renderChat(template, [said('user', question)]);
				assert.deepEqual(gist(text), gist(question));
				const task = parseTask(text)!;
				for (const [subject, object] of task.edges) {
					for (const { start, end } of task.occurrences(subject, object)) {
						assert.match(text.slice(start, end), new RegExp(`^(Every )?${subject} is an? ${object}\\.$`));
					}
				}
				const other = task.counterpart();
				const bare = parseTask(question)!.counterpart();
				assert.equal(other?.text, bare && renderChat(template, [said('user', bare.text)]).text);
			}
		});
	}

	test('examples before it have facts of their own', () => {
		const messages = [said('user', problems[0]!), said('assistant', 'I see.'), said('user', problems[1]!)];
		assert.deepEqual(gist(renderChat(TEMPLATES['chatml']!, messages).text), gist(problems[1]!));
	});

	test('a second question is about the facts of the first', () => {
		const facts = 'Tom is a gerpus. Every gerpus is a terpus. Sam is a hilpus. Is Tom a terpus or hilpus?';
		const { text } = renderChat(TEMPLATES['chatml']!, [said('user', facts), said('assistant', 'Yes.'), said('user', 'Is Sam a terpus or hilpus?')]);
		assert.deepEqual([parseTask(text)!.root, parseTask(text)!.answer], ['Sam', 'hilpus']);
	});

	test('a chat about something else is none', () => {
		assert.equal(parseTask(renderChat(TEMPLATES['chatml']!, [said('user', 'Is Paris a city or country?')]).text), undefined);
	});
});
