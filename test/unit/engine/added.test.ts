/** Adding models on a decoder that was made here: exports and model folders, the list, removing, and chat templates of the command line. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ModelCheck } from '../../../src/engine/api';
import { isNameOf } from '../../../src/engine/machine/registry';
import { openFile } from '../../../src/trace/bytes.node';
import { openTrace } from '../../../src/trace/reader';
import { DECODER, writeExport } from './decoder';

const TEMPLATE = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}<assistant>";
const QUESTION = 'Every bompus is a dumpus. Tom is a bompus. Is Tom a dumpus or felpus?';

describe('added models', () => {
	let root = '';
	let home = '';
	let prompt = '';
	before(() => {
		root = mkdtempSync(join(tmpdir(), 'neuralese-added-'));
		home = join(root, 'home');
		prompt = join(root, 'a.prompt.md');
		writeFileSync(prompt, `---\nname: a\n---\n\n${QUESTION}\n`);
	});
	after(() => rmSync(root, { recursive: true }));

	function cli(...args: string[]) {
		const environment = { ...process.env, NEURALESE_HOME: home, XDG_CACHE_HOME: home };
		const { status, stdout, stderr } = spawnSync('node', ['dist/cli.js', ...args], { encoding: 'utf8', env: environment });
		return { status, stdout, stderr };
	}
	const listed = () => cli('models', 'list').stdout.split('\n').map((line) => line.split('  ')[0]!);
	const analyze = (model: string, ...more: string[]) => cli('analyze', prompt, '--model', model, '--arms', 'direct', '--max-tokens', '2', '--no-evidence', ...more);

	test('an export is made into a model that computes what its graph does, and is removed without its own files', () => {
		const source = writeExport(join(root, 'tiny'));
		const added = cli('models', 'add', source);
		assert.equal(added.status, 0, added.stderr);
		const { layers, width, vocabulary, context } = DECODER;
		assert.match(added.stdout, new RegExp(`^tiny was added: .*\\n${layers} layers of width ${width}, ${vocabulary} tokens, ${context} positions, fp32; arms direct, cot, coconut, soft\\.`));
		const name = /--model (\S+)\n$/.exec(added.stdout)![1]!;
		assert.match(name, /^tiny-[0-9a-f]{8}$/);
		assert.ok(listed().includes(name));
		const check = JSON.parse(cli('models', 'check', name, '--json').stdout) as ModelCheck;
		assert.ok(check.selfTest.length > 4 && check.selfTest.every(({ ok }) => ok));
		assert.ok(check.available.includes('patches') && check.available.includes('latents'), check.available.join());
		const folder = join(home, 'models', name);
		writeFileSync(join(folder, 'own.probe.safetensors'), 'a probe of the user\'s');
		assert.equal(cli('models', 'remove', name).status, 0);
		assert.deepEqual(readdirSync(folder), ['own.probe.safetensors']);
		assert.deepEqual(readdirSync(join(home, 'places')), []);
		assert.ok(existsSync(join(source, 'model.onnx')) && !listed().includes(name));
		assert.equal(cli('models', 'remove', name).status, 1);
	});

	test('a manifest that was edited is put aside and not deleted', () => {
		const name = /--model (\S+)\n$/.exec(cli('models', 'add', writeExport(join(root, 'edited'))).stdout)![1]!;
		const manifest = join(home, 'models', name, 'model.json');
		const text = readFileSync(manifest, 'utf8').replace('"trainedLatents": 0', '"trainedLatents": 2');
		writeFileSync(manifest, text);
		assert.equal(cli('models', 'remove', name).status, 0);
		assert.equal(readFileSync(`${manifest}.removed`, 'utf8'), text);
		assert.ok(!listed().includes(name));
	});

	test('an edited manifest keeps its weights, and nothing else is lent them', () => {
		const source = writeExport(join(root, 'kept'));
		const name = /--model (\S+)\n$/.exec(cli('models', 'add', source).stdout)![1]!;
		const folder = join(home, 'models', name);
		const manifest = join(folder, 'model.json');
		const made = readFileSync(manifest, 'utf8');
		const edited = made.replace('"trainedLatents": 0', '"trainedLatents": 2').replace('"name": "kept"', '"name": "mine"');
		writeFileSync(manifest, edited);
		for (const model of [name, source]) {
			const { status, stdout, stderr } = cli('models', 'check', model);
			assert.equal(status, 0, stderr);
			assert.match(stdout, /original graph and instrumented graph/);
		}
		assert.equal(readFileSync(manifest, 'utf8'), edited, 'naming the export does not make the model again');
		// Other weights than those that were added, though they lie beside them.
		const other = JSON.parse(edited) as { files: { weights: { name: string; sha256: string; bytes: number }[] } };
		other.files.weights.push({ ...other.files.weights[0]!, name: 'config.json' });
		writeFileSync(manifest, JSON.stringify(other));
		assert.match(cli('models', 'check', name).stderr, /weights "model\.onnx" cannot be read/);
		// Nor does a copy of the edited folder elsewhere get them.
		const copy = join(root, 'copied');
		cpSync(folder, copy, { recursive: true });
		writeFileSync(join(copy, 'model.json'), edited);
		assert.match(cli('models', 'check', copy).stderr, /weights "model\.onnx" cannot be read/);
		// Not finished: it stays in the list and says so, and adding the export does not throw the edit away.
		writeFileSync(manifest, edited.slice(0, -20));
		assert.match(cli('models', 'list').stdout, new RegExp(`^${name}  ${name}: Its model\\.json is not JSON`, 'm'));
		assert.match(cli('models', 'add', source).stderr, /model\.json is not JSON/);
		assert.equal(readFileSync(manifest, 'utf8'), edited.slice(0, -20));
		// Taken off the list and put back, it is what it was.
		writeFileSync(manifest, edited);
		assert.equal(cli('models', 'remove', name).status, 0);
		cpSync(`${manifest}.removed`, manifest);
		assert.equal(cli('models', 'check', name).status, 0);
	});

	test('a model that is made again from a changed export keeps what the user put into its folder', () => {
		const source = writeExport(join(root, 'again'));
		const name = /--model (\S+)\n$/.exec(cli('models', 'add', source).stdout)![1]!;
		const folder = join(home, 'models', name);
		const manifest = join(folder, 'model.json');
		const edited = readFileSync(manifest, 'utf8').replace('"trainedLatents": 0', '"trainedLatents": 2');
		writeFileSync(manifest, edited);
		writeFileSync(join(folder, 'own.probe.safetensors'), 'a probe of the user\'s');
		writeExport(source, { seed: 2 });
		const again = cli('models', 'add', source);
		assert.equal(again.status, 0, again.stderr);
		assert.equal(readFileSync(`${manifest}.removed`, 'utf8'), edited);
		assert.equal(readFileSync(join(folder, 'own.probe.safetensors'), 'utf8'), 'a probe of the user\'s');
		assert.notEqual(readFileSync(manifest, 'utf8'), edited);
		assert.equal(cli('models', 'check', name).status, 0);
	});

	test('a model folder is registered as it stands: its path is in no trace and in no manifest, and removing leaves it alone', async () => {
		const folder = join(root, 'folders', 'reasoner');
		mkdirSync(join(root, 'folders'));
		cpSync('models/prosqa', folder, { recursive: true, filter: (path) => !path.includes('train') });
		const files = readdirSync(folder);
		const first = cli('models', 'add', folder);
		assert.equal(first.status, 0, first.stderr);
		const name = /--model (\S+)\n$/.exec(first.stdout)![1]!;
		assert.match(name, /^prosqa-[0-9a-f]{8}$/);
		assert.equal(cli('models', 'add', join(folder, '.')).stdout, first.stdout, 'the same folder is the same model');
		assert.equal(listed().filter((one) => one === name).length, 1);
		const out = join(root, 'registered.trace.safetensors');
		const { status, stderr } = analyze(name, '--out', out);
		assert.equal(status, 0, stderr);
		assert.ok(!readFileSync(out).includes(root) && !readFileSync(join(folder, 'model.json'), 'utf8').includes(root));
		assert.match(readFileSync(join(home, 'registered', `${name}.json`), 'utf8'), /"folder":/);
		const document = (await traceOf(out)).document;
		assert.equal(document.model.id, 'prosqa');
		assert.ok(isNameOf(name, 'prosqa') && isNameOf('prosqa', 'prosqa') && !isNameOf('prosqa-pause', 'prosqa') && !isNameOf('pros', 'prosqa'));
		// The header of a prompt takes the name too.
		const named = join(root, 'named.prompt.md');
		writeFileSync(named, `---\nmodel: ${name}\narms: direct\n---\n${QUESTION}\n`);
		const ran = cli('analyze', named, '--no-evidence', '--json');
		assert.deepEqual((JSON.parse(ran.stdout) as { notes: string[] }).notes.filter((note) => note.includes('local model')), []);
		assert.equal(cli('models', 'remove', name).status, 0);
		assert.deepEqual(readdirSync(folder), files);
		assert.ok(!listed().includes(name));
	});

	test('a registered folder that is gone is in the list, says so, and can be removed; names are no paths', () => {
		const folder = join(root, 'folders', 'gone');
		cpSync('models/prosqa-pause', folder, { recursive: true });
		const name = /--model (\S+)\n$/.exec(cli('models', 'add', folder).stdout)![1]!;
		rmSync(folder, { recursive: true });
		assert.match(cli('models', 'list').stdout, new RegExp(`^${name}  gone: Its folder is not there any more`, 'm'));
		assert.match(analyze(name).stderr, /has no readable model\.json/);
		assert.equal(cli('models', 'remove', name).status, 0);
		for (const path of ['../registered/x', '..', '.hidden', '']) {
			assert.notEqual(cli('models', 'remove', path).status, 0);
		}
	});

	test('what cannot be added is one sentence, and leaves no trace in the list', () => {
		const before = listed();
		const folder = join(root, 'broken');
		cpSync('models/prosqa', folder, { recursive: true, filter: (path) => !path.includes('train') });
		writeFileSync(join(folder, 'body.onnx'), 'no graph');
		for (const [args, wording] of [
			[[folder], /"body\.onnx" has 8 bytes/],
			[[folder, '--out', join(root, 'x')], /is a model folder already/],
			[[writeExport(join(root, 'bare'), { tokenizer: false })], /no tokenizer\.json beside the graph/],
			[[root], /no exported model/],
		] as const) {
			const { status, stderr } = cli('models', 'add', ...args);
			assert.equal(status, 1);
			assert.match(stderr.trimEnd().split('\n').at(-1)!, wording);
		}
		assert.deepEqual(listed(), before);
		assert.equal(existsSync(join(home, 'registered')) && readdirSync(join(home, 'registered')).length > 0, false);
	});

	test('a name that is not in the list is answered with those that are, and a hosted model of a header is a note', () => {
		const name = /--model (\S+)\n$/.exec(cli('models', 'add', writeExport(join(root, 'named-one'))).stdout)![1]!;
		for (const args of [['models', 'check', 'prosqaa'], ['analyze', prompt, '--model', 'prosqaa'], ['analyze', prompt, '--twin', 'prosqaa']]) {
			const { status, stderr } = cli(...args);
			assert.equal(status, 1);
			assert.match(stderr, new RegExp(`^There is no model "prosqaa": use .*prosqa, prosqa-pause, prosqa-rl, .*${name}.*, or the path`, 'm'));
		}
		const notesOf = (model: string) => {
			const file = join(root, 'hosted.prompt.md');
			writeFileSync(file, `---\nmodel: ${model}\narms: direct\n---\n${QUESTION}\n`);
			const { status, stdout, stderr } = cli('analyze', file, '--no-evidence', '--json');
			return status === 0 ? (JSON.parse(stdout) as { model: { id: string }; notes: string[] }) : stderr;
		};
		for (const hosted of ['openai/gpt-4o', 'gpt-4o']) {
			const found = notesOf(hosted);
			assert.ok(typeof found === 'object', String(found));
			assert.ok(found.notes.some((note) => note.includes(`"${hosted}", which is not a local model`)));
		}
		// An export beside the prompt is a model too.
		const beside = notesOf('named-one');
		assert.ok(typeof beside === 'object' && !beside.notes.some((note) => note.includes('local model')));
		assert.match(String(notesOf('./gpt-4o')), /has no readable model\.json/);
	});

	test('files and folders may be called as people call them, and hidden ones are refused in one sentence', () => {
		const folder = writeExport(join(root, 'of "mine" & 日本 $(x)'));
		const graph = join(folder, 'my möd (1).onnx');
		renameSync(join(folder, 'model.onnx'), graph);
		const added = cli('models', 'add', graph);
		assert.equal(added.status, 0, added.stderr);
		const name = /--model (\S+)\n$/.exec(added.stdout)![1]!;
		assert.equal(cli('models', 'add', folder).stdout, added.stdout, 'adding it again is the same model');
		assert.equal(cli('models', 'check', name).status, 0);
		renameSync(graph, join(folder, '.model.onnx'));
		assert.match(cli('models', 'add', join(folder, '.model.onnx')).stderr, /The file "\.model\.onnx" has a name that weights cannot have here/);
	});

	test('a hub\'s name is the model in its cache, and nothing is asked of the network', () => {
		const snapshot = join(home, 'huggingface', 'hub', 'models--acme--tiny');
		const commit = 'c0ffee'.padEnd(40, '0');
		const folder = writeExport(join(root, 'for-cache'));
		for (const name of readdirSync(folder)) {
			cpSync(join(folder, name), join(snapshot, 'blobs', name));
			mkdirSync(join(snapshot, 'snapshots', commit), { recursive: true });
			symlinkSync(join('..', '..', 'blobs', name), join(snapshot, 'snapshots', commit, name));
		}
		mkdirSync(join(snapshot, 'refs'));
		writeFileSync(join(snapshot, 'refs', 'main'), commit);
		const ran = analyze('acme/tiny');
		assert.equal(ran.status, 0, ran.stderr);
		assert.ok(listed().some((name) => /^tiny-[0-9a-f]{8}$/.test(name)));
		assert.match(analyze('acme/absent').stderr, /^There is nothing at "acme\/absent", and no model of that name in the hub's cache: .* models add acme\/absent first\.$/m);
	});

	test('the template is used, left out by flag and by header, and the trace says which', async () => {
		const source = writeExport(join(root, 'chat'), { chat: TEMPLATE });
		const out = join(root, 'chat.trace.safetensors');
		const run = async (...more: string[]) => {
			const { status, stderr } = analyze(source, '--out', out, ...more);
			assert.equal(status, 0, stderr);
			const { prompt: given, notes } = (await traceOf(out)).document;
			return { given, note: notes.find((one) => one.includes('template')) };
		};
		const used = await run();
		assert.equal(used.given.text, `<user>${QUESTION}<assistant>`);
		assert.equal(used.note, 'The messages were written as the model’s chat template does.');
		const off = await run('--no-chat-template');
		assert.equal(off.given.text, QUESTION);
		assert.match(off.note!, /was left out, as was asked/);
		writeFileSync(prompt, readFileSync(prompt, 'utf8').replace('name: a', 'name: a\nchat-template: off'));
		assert.equal((await run()).given.text, QUESTION);
	});

	async function traceOf(path: string) {
		const file = await openFile(path);
		try {
			return await openTrace(file);
		} finally {
			file.dispose();
		}
	}
});
