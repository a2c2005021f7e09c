import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { renderChat } from '../../../src/prompts/chat';
import type { Message } from '../../../src/prompts/prompt';

/** As in SmolLM2-135M-Instruct. */
const CHATML = {
	source:
		"{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
};
/** In the manner of Llama 2: trims, and refuses an order that it does not know. */
const TRIMMING = {
	source:
		"{{ bos_token }}{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate') }}{% endif %}{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] | trim + ' [/INST]' }}{% else %}{{ ' ' + m['content'] | trim + ' ' + eos_token }}{% endif %}{% endfor %}",
	bos: '<s>',
	eos: '</s>',
};

let at = 0;
function message(role: Message['role'], text: string): Message {
	const start = (at += 100);
	at += text.length;
	return { role, text, pieces: [{ text: { start: 0, end: text.length }, file: { start, end: start + text.length } }] };
}

describe('chat template', () => {
	test('renders as the model was trained to read, with the place of each message', () => {
		const user = message('user', 'What is 2 + 2?');
		const { text, pieces } = renderChat(CHATML, [user]);
		assert.equal(
			text,
			'<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n<|im_start|>user\nWhat is 2 + 2?<|im_end|>\n<|im_start|>assistant\n',
		);
		assert.deepEqual(pieces.map((piece) => text.slice(piece.text.start, piece.text.end)), ['What is 2 + 2?']);
		assert.deepEqual(pieces[0]!.file, user.pieces[0]!.file);
	});

	test('two messages of the same text keep their own places', () => {
		const messages = [message('user', 'Again.'), message('assistant', 'Again.'), message('user', 'Again.')];
		const { text, pieces } = renderChat(CHATML, messages);
		assert.equal(pieces.length, 3);
		assert.ok(pieces.every((piece) => text.slice(piece.text.start, piece.text.end) === 'Again.'));
		assert.deepEqual(pieces.map(({ file }) => file.start), messages.map(({ pieces: [own] }) => own!.file.start));
	});

	test('a template that trims: the message is found without its white space', () => {
		const user = message('user', '\n  Is it so?  \n');
		const { text, pieces } = renderChat(TRIMMING, [user]);
		assert.equal(text, '<s>[INST] Is it so? [/INST]');
		assert.equal(text.slice(pieces[0]!.text.start, pieces[0]!.text.end), 'Is it so?');
		assert.equal(pieces[0]!.file.start, user.pieces[0]!.file.start + 3);
	});

	test('any text, any number of messages: each piece holds its message, in order and apart', () => {
		fc.assert(
			fc.property(fc.array(fc.string({ minLength: 1, unit: 'binary' }), { minLength: 1, maxLength: 5 }), (texts) => {
				const messages = texts.map((text, i) => message(i % 2 === 0 ? 'user' : 'assistant', text));
				const { text, pieces } = renderChat(CHATML, messages);
				let end = 0;
				for (const piece of pieces) {
					assert.ok(piece.text.start >= end);
					end = piece.text.end;
					const source = messages.find(({ pieces: [own] }) => own!.file.start === piece.file.start)!;
					assert.equal(text.slice(piece.text.start, piece.text.end), source.text);
				}
				// White space alone says nothing, and is not looked for.
				assert.equal(pieces.length, texts.filter((one) => one.trim() !== '').length);
			}),
		);
	});

	test('words of the template are never taken for a message', () => {
		const trimming = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] | trim }}</{{ m['role'] }}>{% endfor %}<assistant>";
		for (const said of ['user', ' user ', '<user>', 'assistant', '>', 's']) {
			const user = message('user', said);
			const { text, pieces } = renderChat({ source: trimming }, [user]);
			assert.deepEqual(pieces.map((piece) => piece.text.start), [6], said);
			assert.equal(text.slice(6, pieces[0]!.text.end), said.trim());
		}
		const shouting = "{% for m in messages %}[a] {{ m['content'] | upper }}{% endfor %}";
		assert.deepEqual(renderChat({ source: shouting }, [message('user', 'a')]), { text: '[a] A', pieces: [] });
		assert.equal(renderChat({ source: shouting }, [message('user', 'A')]).pieces[0]!.text.start, 4);
	});

	test('what looks into a message loses the place of that one only', () => {
		const source =
			"{% for m in messages %}<|{{ m['role'] }}|>{% if m['content'].startswith('!') %}(loud){{ m['content'] }}{% elif m['role'] == 'assistant' %}{{ m['content'].split('</think>')[-1] }}{% else %}{{ m['content'] }}{% endif %}{% endfor %}";
		const messages = [message('user', 'one'), message('assistant', 'so</think>two'), message('user', '!three'), message('assistant', 'four')];
		const { text, pieces } = renderChat({ source }, messages);
		assert.equal(text, '<|user|>one<|assistant|>two<|user|>(loud)!three<|assistant|>four');
		assert.deepEqual(pieces.map((piece) => text.slice(piece.text.start, piece.text.end)), ['one', 'four']);
	});

	describe('exact places through templates that change messages', () => {
		/** What each of them does, without Jinja: stretches of text, and stretches of messages. */
		type Shown = string | { index: number; start: number; end: number };
		const whole = ({ text }: Message, index: number): Shown => ({ index, start: 0, end: text.length });
		const trimmed = ({ text }: Message, index: number): Shown => ({ index, start: text.length - text.trimStart().length, end: text.trimEnd().length });
		const each = '{% for m in messages %}';
		const kinds: [name: string, source: string, show: (messages: Message[]) => Shown[]][] = [
			['trims', `${each}<{{ m['role'] }}> {{ m['content'] | trim }} \n{% endfor %}`, (all) => all.flatMap((m, i) => [`<${m.role}> `, trimmed(m, i), ' \n'])],
			['trims some', `${each}{% if m['role'] == 'user' %}u:{{ m['content'] | trim }}{% else %}a:{{ m['content'] }}{% endif %};{% endfor %}`, (all) => all.flatMap((m, i) => (m.role === 'user' ? ['u:', trimmed(m, i), ';'] : ['a:', whole(m, i), ';']))],
			['upper case', `${each}[{{ m['content'] | upper }}]{% endfor %}`, (all) => all.flatMap((m, i) => ['[', m.text.toUpperCase() === m.text ? whole(m, i) : m.text.toUpperCase(), ']'])],
			['repeats', `${each}{{ m['content'] }}/{{ m['content'] }}.{% endfor %}`, (all) => all.flatMap((m, i) => [whole(m, i), '/', m.text, '.'])],
			['reorders', "{% for m in messages | reverse %}{{ m['role'] }}={{ m['content'] }};{% endfor %}", (all) => [...all.entries()].reverse().flatMap(([i, m]) => [`${m.role}=`, whole(m, i), ';'])],
			['shows the last one first', "{{ messages[-1]['content'] | trim }}|{% for m in messages %}{{ m['content'] }},{% endfor %}", (all) => [trimmed(all.at(-1)!, all.length - 1), '|', ...all.flatMap((m, i): Shown[] => [i === all.length - 1 ? m.text : whole(m, i), ','])]],
		];
		const said = fc.array(fc.constantFrom('a', 'A', 'user', ' ', '\n', '<', ';', ',', '/', '|', '[', ']', 'u:', 'é', '😀', '{{ x }}', '\ue000', '\ue001'), { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''));
		for (const [name, source, show] of kinds) {
			test(name, () => {
				fc.assert(
					fc.property(fc.array(said, { minLength: 1, maxLength: 4 }), (texts) => {
						const messages = texts.map((text, i) => message(i % 2 === 0 ? 'user' : 'assistant', text));
						const { text, pieces } = renderChat({ source }, messages);
						let expected = '';
						const places: object[] = [];
						for (const part of show(messages)) {
							const start = expected.length;
							expected += typeof part === 'string' ? part : messages[part.index]!.text.slice(part.start, part.end);
							if (typeof part !== 'string' && messages[part.index]!.text.trim() !== '') {
								const file = messages[part.index]!.pieces[0]!.file.start;
								places.push({ text: { start, end: expected.length }, file: { start: file + part.start, end: file + part.end } });
							}
						}
						assert.equal(text, expected);
						assert.deepEqual(pieces, places);
					}),
					{ numRuns: 200 },
				);
			});
		}
	});

	test('what a template refuses or cannot read is one sentence', () => {
		assert.throws(() => renderChat(TRIMMING, [message('assistant', 'First!')]), /refuses these messages \(.*Roles must alternate/);
		assert.throws(() => renderChat({ source: '{% for x in %}' }, []), /cannot be read/);
		assert.throws(() => renderChat({ source: ' '.repeat(200_001) }, []), /the limit is/);
	});

	test('a template cannot reach what it was not given', () => {
		for (const source of ['{{ process }}', '{{ constructor }}', "{{ messages.constructor('return 1') }}", '{{ messages.__proto__ }}']) {
			let text = '';
			try {
				({ text } = renderChat({ source }, [message('user', 'x')]));
			} catch {
				continue;
			}
			assert.ok(!/function|object/i.test(text), `${source} gave ${text}`);
		}
	});
});
