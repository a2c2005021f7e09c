/** Chat templates on a real export: kept in the model's folder, rendered by every command that reads a prompt, refused in one sentence. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { openFile } from '../../src/trace/bytes.node';
import { openTrace } from '../../src/trace/reader';
import { EXPORTS, temporary } from './support';

const TEMPLATE =
	"{{ bos_token }}{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";
const HEADER = '---\nname: a\n---\n';
const QUESTION = 'Is Tom a terpus?';
const GIVEN = `<s><user>${QUESTION}</s><assistant>`;

describe('chat templates', { skip: EXPORTS === '' && 'npm test -- exports makes the exports' }, () => {
	let home = '';
	let prompt = '';
	before(async () => {
		home = await temporary();
		prompt = join(home, 'a.prompt.md');
		await writeFile(prompt, `${HEADER}\n${QUESTION}\n`);
	});

	function cli(...args: string[]) {
		const { status, stdout, stderr } = spawnSync('node', ['dist/cli.js', ...args], {
			encoding: 'utf8',
			env: { ...process.env, NEURALESE_HOME: home, XDG_CACHE_HOME: home },
		});
		return { status, stdout, stderr };
	}

	/** A copy of an export with other files beside it. */
	async function exported(name: string, files: Record<string, string>): Promise<string> {
		const folder = join(home, name);
		await cp(join(EXPORTS, 'llama/optimum'), folder, { recursive: true });
		for (const [file, content] of Object.entries(files)) {
			await writeFile(join(folder, file), content);
		}
		return folder;
	}

	async function configured(chat_template: unknown): Promise<string> {
		const config = JSON.parse(await readFile(join(EXPORTS, 'llama/optimum/tokenizer_config.json'), 'utf8')) as object;
		return JSON.stringify({ ...config, chat_template });
	}

	const small = ['--arms', 'direct', '--max-tokens', '2', '--no-evidence', '--json'];

	for (const [name, files] of [
		['configuration', async () => ({ 'tokenizer_config.json': await configured(TEMPLATE) })],
		['list', async () => ({ 'tokenizer_config.json': await configured([{ name: 'tool_use', template: 'no' }, { name: 'default', template: TEMPLATE }]) })],
		['file', async () => ({ 'tokenizer_config.json': await configured('no'), 'chat_template.jinja': TEMPLATE })],
	] as const) {
		test(`from a ${name}: the prompt is a conversation, and its text is found in the file`, async () => {
			const source = await exported(name, await files());
			const out = join(home, `${name}.trace.safetensors`);
			const { status, stdout, stderr } = cli('analyze', prompt, '--model', source, ...small, '--out', out);
			assert.equal(status, 0, stderr);
			assert.equal((JSON.parse(stdout) as { prompt: string }).prompt, GIVEN);
			const file = await openFile(out);
			const { document } = await openTrace(file);
			file.dispose();
			const [piece] = document.prompt.pieces;
			assert.equal(document.prompt.pieces.length, 1);
			assert.equal(GIVEN.slice(piece!.text.start, piece!.text.end), QUESTION);
			assert.equal(piece!.file.start, HEADER.length + 1);
			// The template's special tokens are tokens, and not their letters.
			const [arm] = document.arms;
			assert.deepEqual([arm!.steps[0]!.id, arm!.steps.filter(({ id }) => id === 2).length >= 1], [1, true]);
		});
	}

	test('without a template the text is given as it is', () => {
		const { status, stdout } = cli('analyze', prompt, '--model', join(EXPORTS, 'llama/optimum'), ...small);
		assert.equal(status, 0);
		assert.equal((JSON.parse(stdout) as { prompt: string }).prompt, QUESTION);
	});

	test('causal, ood, legibility and sets are of the same text as analyze', async () => {
		const source = await exported('commands', { 'chat_template.jinja': TEMPLATE });
		const data = join(home, 'data.json');
		await writeFile(data, JSON.stringify([1, 2, 3].map((i) => ({ question: `Is ${i} a terpus?`, answer: 'no' }))));
		const model = ['--model', source, '--max-tokens', '2', '--json'];
		const latent = ['--latents', '1', '--arms', 'coconut', '--reference', data];
		for (const args of [
			['causal', prompt, ...model, ...latent, '--tests', 'ablate-zero,resample'],
			['ood', prompt, ...model, ...latent],
			['legibility', prompt, ...model],
		]) {
			const { status, stdout, stderr } = cli(...args);
			assert.equal(status, 0, stderr);
			assert.equal((JSON.parse(stdout) as { prompt: string }).prompt, GIVEN);
		}
		const set = cli('eval', data, ...model, '--arms', 'direct');
		assert.equal(set.status, 0, set.stderr);
		const { outcomes } = JSON.parse(set.stdout) as { outcomes: { answer?: string }[] };
		const one = join(home, 'b.prompt.md');
		await writeFile(one, 'Is 1 a terpus?\n');
		const single = JSON.parse(cli('analyze', one, ...model, '--arms', 'direct', '--no-evidence').stdout) as { arms: { direct: { answer: string } } };
		assert.ok(JSON.stringify(outcomes[0]).includes(JSON.stringify(single.arms.direct.answer)), JSON.stringify(outcomes[0]));
	});

	test('a template that is broken, refuses, or never ends is one sentence', async () => {
		for (const [name, template, wording] of [
			['broken', '{% for %}', /chat template cannot be read/],
			['refuses', "{{ raise_exception('No users') }}", /chat template refuses these messages/],
			['endless', '{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}', /no sign of progress/],
		] as const) {
			const { status, stderr } = cli('analyze', prompt, '--model', await exported(name, { 'chat_template.jinja': template }), ...small);
			assert.equal(status, 1, name);
			const lines = stderr.trimEnd().split('\n');
			assert.match(lines.at(-1)!, wording);
		}
	});
});
