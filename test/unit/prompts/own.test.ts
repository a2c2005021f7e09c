/** What was analysed, held against the file as it is now: through templates that add, trim, reorder and repeat. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { renderChat } from '../../../src/prompts/chat';
import { isTemplated, ownWords, ownWordsNow } from '../../../src/prompts/own';
import { conversationOf, parsePrompt, toPromptInput, type Message, type Prompt } from '../../../src/prompts/prompt';

const TEMPLATES = {
	plain: "{% for m in messages %}<{{ m['role'] }}>\n{{ m['content'] }}<end>\n{% endfor %}<assistant>\n",
	trimming: "<s>{% for m in messages %}[{{ m['role'] }}] {{ m['content'] | trim }} {% endfor %}",
};
const FILE = 'system: Be brief.\nuser:   Is Tom a terpus?\r\nOr not?\n';

/** Two messages, as a format with roles would read them: no format of today has more than one. */
function read(text: string) {
	const [, brief] = /^system: (.*)$/m.exec(text)!;
	const [, first] = /^user: (.*)$/m.exec(text)!;
	const message = (role: 'system' | 'user', parts: string[]): Message => {
		let length = 0;
		const pieces = parts.map((part) => {
			const start = text.indexOf(part, part.startsWith('\n') ? text.indexOf('\r') : 0);
			const piece = { text: { start: length, end: length + part.length }, file: { start, end: start + part.length } };
			length += part.length;
			return piece;
		});
		return { role, text: parts.join(''), pieces };
	};
	const messages = [message('system', [brief!]), message('user', [first!.replace('\r', ''), '\nOr not?'])];
	const prompt: Prompt = { ...parsePrompt({ name: 'a.prompt', text }), messages };
	return { prompt, input: toPromptInput(prompt, 'a.prompt') };
}

describe('own words', () => {
	for (const [name, source] of Object.entries(TEMPLATES)) {
		test(`through the ${name} template every character leads to its place in the file and back`, () => {
			const { prompt, input } = read(FILE);
			const then = { ...input, ...renderChat({ source }, conversationOf(prompt)) };
			assert.equal(isTemplated(then), true);
			const own = ownWords(then);
			const now = ownWordsNow(then, prompt, input);
			assert.equal(now.text, own.text, 'nothing has changed');
			assert.ok(own.text.includes('Is Tom a terpus?\nOr not?'));
			let found = 0;
			for (let offset = 0; offset < FILE.length; offset++) {
				const at = now.atFile(offset);
				const place = at === undefined || at >= now.text.length ? undefined : own.inText(at);
				if (place !== undefined) {
					const [back] = own.fromText({ start: place, end: place + 1 }).flatMap((range) => now.toFile(range));
					assert.equal(then.text[place], FILE[offset] === '\r' ? '\n' : FILE[offset]);
					assert.equal(FILE[back!.start], then.text[place]);
					found++;
				}
			}
			assert.ok(found >= own.text.length, `${found} of ${own.text.length}`);
		});
	}

	test('what a template writes is no place of the file', () => {
		const { prompt, input } = read(FILE);
		const then = { ...input, ...renderChat({ source: TEMPLATES.plain }, conversationOf(prompt)) };
		const own = ownWords(then);
		const role = then.text.indexOf('<user>');
		assert.deepEqual(own.fromText({ start: role, end: role + '<user>'.length }), []);
		// A token that is half a template's keeps the file's half.
		const first = then.text.indexOf('Is Tom');
		assert.equal(own.fromText({ start: first - 3, end: first + 2 }).map(({ start, end }) => own.text.slice(start, end)).join(''), '  Is');
	});

	test('a text without a template is compared by its own words too, and only with messages of a user', () => {
		const { prompt, input } = read(FILE);
		assert.equal(isTemplated(input), false);
		assert.equal(ownWordsNow(input, prompt, input).text, input.text);
		const changed = read(FILE.replace('brief', 'long'));
		assert.equal(ownWordsNow(input, changed.prompt, changed.input).text, ownWords(input).text);
		const then = { ...input, ...renderChat({ source: TEMPLATES.plain }, conversationOf(prompt)) };
		assert.notEqual(ownWordsNow(then, changed.prompt, changed.input).text, ownWords(then).text);
	});

	test('property: any message, with any white space around it, is found as it stands', () => {
		const words = fc.stringMatching(/^[ \t]{0,2}[a-z<]{1,6}([ \n][a-z{]{1,4}){0,3}[ \t]{0,2}$/);
		fc.assert(
			fc.property(words, fc.constantFrom(...Object.values(TEMPLATES)), (text, source) => {
				const prompt = parsePrompt({ name: 'a.prompt.md', text });
				const input = toPromptInput(prompt, 'a');
				const then = { ...input, ...renderChat({ source }, conversationOf(prompt)) };
				const own = ownWords(then);
				const now = ownWordsNow(then, prompt, input);
				assert.equal(now.text, own.text);
				const ranges = now.toFile({ start: 0, end: now.text.length });
				assert.equal(ranges.map(({ start, end }) => text.slice(start, end)).join(''), own.text);
			}),
		);
	});
});
