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
				assert.equal(pieces.length, messages.length);
			}),
		);
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
