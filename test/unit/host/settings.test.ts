import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { SETTINGS } from '../../../src/prompts/setting';

describe('settings', () => {
	const { properties } = JSON.parse(readFileSync('package.json', 'utf8')).contributes.configuration;

	for (const name of ['latents', 'maxTokens', 'temperature', 'seed', 'noise', 'topK'] as const) {
		test(`the editor and the prompt's header have the same limits for ${name}`, () => {
			const { minimum, maximum } = properties[`neuralese.${name}`];
			for (const limit of [minimum, maximum]) {
				assert.equal(SETTINGS[name].read(limit), limit);
			}
			assert.equal(SETTINGS[name].read(minimum - 1), undefined);
			assert.equal(SETTINGS[name].read(maximum + 1), undefined);
		});
	}
});
