import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ownWords, type OwnWords } from '../../../src/prompts/own';
import {
	isPromptFile,
	parsePrompt,
	toPromptInput,
	type Prompt,
	type PromptFile,
} from '../../../src/prompts/prompt';

const parse = (text: string, name = 'a.prompt.md', languageId?: string): Prompt => parsePrompt({ name, text, languageId });
const body = (text: string, name?: string) => toPromptInput(parse(text, name), 'a').text;

const toFileRanges = (own: OwnWords, range: { start: number; end: number }) => own.fromText(range).flatMap((part) => own.toFile(part));
const toText = (own: OwnWords, offset: number) => own.inText(own.atFile(offset) ?? -1);

/** Every code unit of the model's text is the one at the file's offset that the pieces name, and the way back leads to it. */
function assertMapped(file: PromptFile): void {
	const { text, pieces } = toPromptInput(parsePrompt(file), file.name);
	let covered = 0;
	for (const piece of pieces) {
		assert.equal(piece.text.start, covered, 'pieces tile the text');
		assert.equal(piece.text.end - piece.text.start, piece.file.end - piece.file.start);
		assert.equal(text.slice(piece.text.start, piece.text.end), file.text.slice(piece.file.start, piece.file.end));
		covered = piece.text.end;
	}
	assert.equal(covered, text.length);
	const own = ownWords({ text, pieces });
	for (let offset = 0; offset < text.length; offset++) {
		const [range] = toFileRanges(own, { start: offset, end: offset + 1 });
		assert.equal(text[offset], file.text[range!.start]);
		assert.equal(toText(own, range!.start), offset);
	}
	assert.equal(text.includes('\r\n'), false);
}

describe('formats', () => {
	const cases: [name: string, languageId: string | undefined, format: string, offered: boolean][] = [
		['davis.prompt.md', undefined, 'copilot', true],
		['Untitled-1', 'prompt', 'copilot', true],
		['davis.prompt', undefined, 'dotprompt', true],
		['notes.md', 'markdown', 'plain', true],
		['NOTES.TXT', undefined, 'plain', true],
		['Untitled-1', 'plaintext', 'plain', false],
		['main.py', 'python', 'plain', false],
		['', undefined, 'plain', false],
	];
	for (const [name, languageId, format, offered] of cases) {
		test(`${name || '(no name)'} ${languageId ?? ''}: ${format}`, () => {
			assert.equal(parse('x', name, languageId).format, format);
			assert.equal(isPromptFile({ name, languageId }), offered);
		});
	}
});

describe('settings', () => {
	test('all of them, in a header with comments', () => {
		const { settings, warnings, description, unknown } = parse(`---
# what to run
description: a --- b
model: prosqa-pause
latents: 8
noise: 0.75
arms: [latent, cot]
candidates: [yumpus, 'a word']
max-tokens: 20
temperature: 0.5
seed: 42
agent: ask
---
Is it?`);
		assert.deepEqual(settings, {
			model: 'prosqa-pause',
			latents: 8,
			noise: 0.75,
			arms: ['latent', 'cot'],
			candidates: ['yumpus', 'a word'],
			maxTokens: 20,
			temperature: 0.5,
			seed: 42,
		});
		assert.equal(description, 'a --- b');
		assert.deepEqual(warnings, []);
		assert.equal(unknown.size, 0);
	});

	test('arms and candidates as a comma string, each once', () => {
		assert.deepEqual(parse('---\narms: cot, latent,cot\n---\nx').settings.arms, ['cot', 'latent']);
		assert.deepEqual(parse('---\ncandidates: yes sir, 42,yes sir\n---\nx').settings.candidates, ['yes sir', '42']);
	});

	test('an empty value is no setting and no warning', () => {
		const { settings, warnings } = parse('---\nmodel:\nseed: ~\n---\nx');
		assert.deepEqual([settings, warnings], [{}, []]);
	});

	test('unknown keys are kept and named in one warning', () => {
		const { unknown, warnings, settings } = parse('---\nfoo: 1\n"__proto__": {a: 1}\nlatents: 2\nconstructor: x\n---\nx');
		assert.deepEqual(warnings, ['These keys of the header have no effect here: foo, __proto__, constructor.']);
		assert.equal(unknown.get('foo'), 1);
		assert.deepEqual(settings, { latents: 2 });
		assert.equal(({} as Record<string, unknown>)['a'], undefined);
	});

	test('warnings stay short, whatever the header', () => {
		const many = Array.from({ length: 2000 }, (_, i) => `${'k'.repeat(20)}${i}: 1`).join('\n');
		for (const header of [many, `a: *${'x'.repeat(5000)}`, `"${'x'.repeat(5000)}": 1`, `${'{{x}}'.repeat(3)}: 1`]) {
			const { warnings } = parse(
				`---\n${header}\n---\n${Array.from({ length: 50 }, (_, i) => `{{${'v'.repeat(150)}${i}}}`).join(' ')}`,
				'a.txt',
			);
			assert.ok(
				warnings.length >= 1 && warnings.every((warning) => warning.length < 1500 && !warning.includes('\n')),
				header.slice(0, 20),
			);
		}
	});

	for (const [key, value] of [
		['latents', 'many'],
		['latents', '"3"'],
		['latents', '-1'],
		['latents', '1e9'],
		['latents', '1.5'],
		['latents', '.nan'],
		['latents', '[1]'],
		['max-tokens', '0'],
		['temperature', 'hot'],
		['temperature', '-0.1'],
		['temperature', '.inf'],
		['seed', '4294967296'],
		['seed', 'true'],
		['model', '7'],
		['model', '"  "'],
		['arms', '[]'],
		['arms', '[latent, 3]'],
		['arms', '"../x"'],
		['arms', '{a: b}'],
		['candidates', '[]'],
		['candidates', '[a, [b]]'],
		['candidates', '"a,,b"'],
		['candidates', '"a\\u0007"'],
		['candidates', `"${'x'.repeat(201)}"`],
	] as const) {
		test(`${key}: ${value} is named, ignored, and not fatal`, () => {
			const { settings, warnings } = parse(`---\n${key}: ${value}\n---\nx`);
			assert.deepEqual(settings, {});
			assert.equal(warnings.length, 1);
			assert.match(warnings[0]!, new RegExp(`^The header's ${key} is ignored: it should be .+\\.$`));
		});
	}
});

describe('header', () => {
	const cases: [name: string, text: string, body: string, latents?: number][] = [
		['none', 'Is it?', 'Is it?'],
		['on the first line', '---\nlatents: 2\n---\nIs it?', 'Is it?', 2],
		['empty', '---\n---\nIs it?', 'Is it?'],
		['only comments', '---\n# nothing\n---\nIs it?', 'Is it?'],
		['CRLF', '---\r\nlatents: 2\r\n---\r\nIs\r\nit?\r\n', 'Is\nit?', 2],
		['byte order mark', '\uFEFF---\nlatents: 2\n---\nIs it?', 'Is it?', 2],
		['byte order mark, CRLF, no header', '\uFEFFIs\r\nit?', 'Is\nit?'],
		['blanks after the markers', '---  \nlatents: 2\n--- \t\nIs it?', 'Is it?', 2],
		['a rule in the body stays', '---\nlatents: 2\n---\na\n---\nb', 'a\n---\nb', 2],
		['a title first is a body', '# Title\n---\nlatents: 2\n---\nx', '# Title\n---\nlatents: 2\n---\nx'],
		['a blank line first is a body', '\n---\nlatents: 2\n---\nx', '---\nlatents: 2\n---\nx'],
		['markers inside a line close nothing', '---\ndescription: a --- b\nlatents: 2\n ---\n---\nx', 'x'],
		['four dashes open nothing', '----\nlatents: 2\n----\nx', '----\nlatents: 2\n----\nx'],
		['never closed', '---\nlatents: 2\nx', '---\nlatents: 2\nx'],
		['closed by the end of the file', '---\nlatents: 2\n---', '', 2],
		['only a marker', '---', '---'],
		['nothing at all', '', ''],
	];
	for (const [name, text, expected, latents] of cases) {
		test(name, () => {
			assert.equal(body(text), expected);
			assert.equal(parse(text).settings.latents, latents);
			assertMapped({ name: 'a.prompt.md', text });
		});
	}

	test('dotprompt allows a licence before it, other formats do not', () => {
		const text = '# Copyright\n#\n\n---\nlatents: 2\n---\nIs it?';
		assert.deepEqual([parse(text, 'a.prompt').settings.latents, body(text, 'a.prompt')], [2, 'Is it?']);
		assert.deepEqual([parse(text, 'a.md').settings.latents, body(text, 'a.md')], [undefined, text]);
		assert.equal(body('# Title\n---\ntext\n---', 'a.prompt'), '# Title\n---\ntext\n---', 'text between rules is no header');
	});

	test('an unclosed header is pointed out, a rule at the top is not', () => {
		assert.match(parse('---\nlatents: 2\nx').warnings.join(), /add a line `---` after it/);
		assert.deepEqual(parse('---\nOnce upon a time').warnings, []);
	});

	for (const [name, yaml] of [
		['broken', 'latents: [1'],
		['duplicate keys', 'latents: 1\nlatents: 2'],
		['a list', '- a'],
		['a text', 'hello'],
		['too long', `a: ${'x'.repeat(70_000)}`],
		['deep brackets', `a: ${'['.repeat(20_000)}`],
		['deep sequences', `${'- '.repeat(20_000)}x`],
		['deep indentation', Array.from({ length: 300 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
		[
			'alias bomb',
			[
				'a: &a [x,x,x,x,x,x,x,x,x]',
				...'bcdefghij'
					.split('')
					.map((key, i) => `${key}: &${key} [${`*${'abcdefghij'[i]},`.repeat(8)}*${'abcdefghij'[i]}]`),
			].join('\n'),
		],
	] as const) {
		test(`ignored with one warning: ${name}`, () => {
			const before = performance.now();
			const { warnings, settings } = parse(`---\n${yaml}\n---\nIs it?`);
			assert.equal(warnings.length, 1);
			assert.match(warnings[0]!, /^The header is ignored because [^\n]+\.$|^The header is ignored because [^\n]+$/);
			assert.deepEqual(settings, {});
			assert.equal(body(`---\n${yaml}\n---\nIs it?`), 'Is it?');
			assert.ok(performance.now() - before < 2000);
		});
	}
});

describe('text', () => {
	test('blank lines around the prompt are not given to the model; those inside are', () => {
		assert.equal(body('\n \n  a\n\nb  \n\n \n'), '  a\n\nb  ');
		assert.equal(body(' \n\t\n'), '');
	});

	test('template expressions stay and are named once', () => {
		const { variables, warnings, messages } = parse('Hi {{name}}, {{name}} and {{role "system"}}', 'a.prompt');
		assert.deepEqual(variables, ['{{name}}', '{{role "system"}}']);
		assert.deepEqual(warnings, ['Template expressions are given to the model as they stand: {{name}}, {{role "system"}}.']);
		assert.equal(messages[0]!.text, 'Hi {{name}}, {{name}} and {{role "system"}}');
		assert.deepEqual(parse('${input:x:hint} {{no}}').variables, ['${input:x:hint}']);
	});

	test('only user messages are given to a model without a template', () => {
		const file = 'S\nU\nV';
		const piece = (start: number) => [{ text: { start: 0, end: 1 }, file: { start, end: start + 1 } }];
		const prompt: Prompt = {
			...parse(file),
			messages: [
				{ role: 'system', text: 'S', pieces: piece(0) },
				{ role: 'user', text: 'U', pieces: piece(2) },
				{ role: 'user', text: 'V', pieces: piece(4) },
			],
		};
		const input = toPromptInput(prompt, 'a');
		assert.equal(input.text, 'U\n\nV');
		assert.deepEqual(toFileRanges(ownWords(input), { start: 0, end: 4 }), [
			{ start: 2, end: 3 },
			{ start: 4, end: 5 },
		]);
	});

	test('ranges over line ends stay one range; outside the prompt there is nothing', () => {
		const text = '---\r\nlatents: 2\r\n---\r\nab\r\ncd\r\n';
		const own = ownWords(toPromptInput(parse(text), 'a'));
		const start = text.indexOf('ab');
		assert.deepEqual(toFileRanges(own, { start: 1, end: 4 }), [{ start: start + 1, end: start + 5 }]);
		assert.deepEqual(toFileRanges(own, { start: 9, end: 12 }), []);
		assert.equal(toText(own, 3), undefined);
		assert.equal(toText(own, text.length), undefined);
		assert.equal(toText(own, start + 2), 2, 'at the \\r the text is at its \\n');
	});

	const character = fc.constantFrom(
		'a',
		' ',
		'\n',
		'\r\n',
		'\r',
		'---',
		'\n---\n',
		'\r\n---\r\n',
		'latents: 2',
		'#',
		'\uFEFF',
		'𝒳',
		'é',
		'\u2028',
		'{{x}}',
		':',
		'\t',
	);
	for (const name of ['a.prompt.md', 'a.prompt', 'a.txt']) {
		test(`offsets lead to equal code units: ${name}`, () => {
			fc.assert(
				fc.property(
					fc.array(character, { maxLength: 30 }),
					fc.constantFrom(
						'',
						'\uFEFF',
						'---\nseed: 1\n---\n',
						'\uFEFF---\r\nseed: 1\r\n---\r\n',
						'# c\n---\nseed: 1\n---\n',
					),
					(parts, head) => {
						assertMapped({ name, text: head + parts.join('') });
					},
				),
				{ numRuns: 1000 },
			);
		});
	}
});
