import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { EngineError } from '../../../src/engine/error';
import { parseManifest } from '../../../src/engine/model/manifest';
import { MODEL } from './harness';

const text = readFileSync(`${MODEL}/model.json`, 'utf8');

/** The manifest with the value at a dotted path replaced. */
function with_(path: string, value: unknown): string {
	const manifest = JSON.parse(text) as Record<string, unknown>;
	const keys = path.split('.');
	const last = keys.pop()!;
	const holder = keys.reduce((object, key) => object[key] as Record<string, unknown>, manifest);
	holder[last] = value;
	return JSON.stringify(manifest);
}

function refused(json: string, names: RegExp): void {
	assert.throws(
		() => parseManifest(json),
		(error: unknown) =>
			error instanceof EngineError &&
			error.code === 'bad-model' &&
			names.test(error.message) &&
			/^[^\n]+\.$/.test(error.message),
		names.source,
	);
}

describe('manifest', () => {
	test('of the bundled model is accepted', () => {
		const manifest = parseManifest(text);
		assert.equal(manifest.id, 'prosqa');
		assert.ok(Object.keys(manifest.recipe.arms).includes('latent'));
	});

	test('what is wrong is named by its field', () => {
		refused('{', /JSON/);
		refused('[]', /model\.json/);
		refused(with_('format', 'other'), /at format/);
		refused(with_('version', 2), /at version/);
		refused(with_('shape.layers', 0), /at shape\.layers/);
		refused(with_('shape.layers', 1000), /at shape\.layers/);
		refused(with_('shape.width', 1.5), /at shape\.width/);
		refused(with_('files.body.sha256', 'abc'), /at files\.body\.sha256/);
		refused(with_('files.body.bytes', -1), /at files\.body\.bytes/);
		refused(with_('recipe.answer', '('), /at recipe\.answer/);
		refused(with_('recipe.arms', {}), /at recipe\.arms/);
		refused(
			with_('recipe.arms.direct', [{ kind: 'decode', role: 'answer', stop: ['<eos>'], limit: 4 }]),
			/at recipe\.arms\.direct/,
		);
		refused(with_('recipe.arms.direct', [{ kind: 'prompt' }, { kind: 'prompt' }]), /at recipe\.arms\.direct/);
		refused(with_('recipe.arms.direct', [{ kind: 'prompt' }, { kind: 'sing' }]), /at recipe\.arms\.direct/);
		refused(
			with_('recipe.arms.latent', [{ kind: 'prompt' }, { kind: 'latent', count: 6, feedback: { site: 'moon' } }]),
			/at recipe\.arms\.latent/,
		);
	});

	test('names of files cannot leave the folder', () => {
		for (const name of [
			'../body.onnx',
			'/etc/passwd',
			'a/b',
			'a\\b',
			'..',
			'.hidden',
			'C:evil',
			'',
			'a\0b',
			'x'.repeat(200),
		]) {
			refused(with_('files.body.name', name), /at files\.body\.name/);
		}
	});
});
