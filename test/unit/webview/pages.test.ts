import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Range } from '../../../src/shared/range';
import { Pages } from '../../../webview/pages';

interface Asked {
	rows: Range;
	signal: AbortSignal;
	answer(text: string): void;
	fail(error: Error): void;
}

function harness() {
	const asked: Asked[] = [];
	const failures: unknown[] = [];
	const state = { changed: 0 };
	const pages = new Pages<string>(
		(rows, signal) =>
			new Promise((resolve, reject) => {
				asked.push({
					rows,
					signal,
					answer: (text) => resolve(Array.from({ length: rows.end - rows.start }, (_, i) => `${text}${rows.start + i}`)),
					fail: reject,
				});
			}),
		() => state.changed++,
		(error) => failures.push(error),
	);
	return { pages, asked, failures, state };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('pages', () => {
	test('what is in view is asked for once, and the last page is as long as the list', async () => {
		const { pages, asked, state } = harness();
		pages.show({ start: 60, end: 70 }, 70);
		pages.show({ start: 60, end: 70 }, 70);
		assert.deepEqual(
			asked.map((one) => one.rows),
			[
				{ start: 0, end: 64 },
				{ start: 64, end: 70 },
			],
		);
		asked[1]?.answer('a');
		await settle();
		assert.deepEqual([pages.get(64), pages.get(0), state.changed], ['a64', undefined, 1]);
	});

	test('what has left the window is given up, and its late answer dropped', async () => {
		const { pages, asked, state } = harness();
		pages.show({ start: 0, end: 10 }, 1000);
		pages.show({ start: 640, end: 650 }, 1000);
		assert.equal(asked[0]?.signal.aborted, true);
		asked[0]?.answer('late');
		await settle();
		assert.deepEqual([pages.get(0), state.changed], [undefined, 0]);
	});

	test('refreshing keeps what is shown, lets a request finish, and asks for it again', async () => {
		const { pages, asked } = harness();
		pages.show({ start: 0, end: 10 }, 10);
		pages.refresh();
		asked[0]?.answer('old');
		await settle();
		assert.equal(pages.get(3), 'old3');
		pages.show({ start: 0, end: 10 }, 10);
		assert.equal(asked.length, 2);
		asked[1]?.answer('new');
		await settle();
		assert.equal(pages.get(3), 'new3');
		pages.show({ start: 0, end: 10 }, 10);
		assert.equal(asked.length, 2);
	});

	test('replacing drops the answer under way', async () => {
		const { pages, asked } = harness();
		pages.show({ start: 0, end: 10 }, 10);
		pages.replace();
		pages.show({ start: 0, end: 10 }, 10);
		asked[1]?.answer('new');
		asked[0]?.answer('old');
		await settle();
		assert.equal(pages.get(0), 'new0');
	});

	test('clearing forgets everything', async () => {
		const { pages, asked } = harness();
		pages.show({ start: 0, end: 10 }, 10);
		asked[0]?.answer('a');
		await settle();
		pages.clear();
		assert.equal(pages.get(0), undefined);
	});

	test('a failure is told once and not tried again until something has changed', async () => {
		const { pages, asked, failures } = harness();
		pages.show({ start: 0, end: 10 }, 10);
		asked[0]?.fail(new Error('no'));
		await settle();
		pages.show({ start: 0, end: 10 }, 10);
		assert.deepEqual([asked.length, failures.length], [1, 1]);
		pages.refresh();
		pages.show({ start: 0, end: 10 }, 10);
		assert.equal(asked.length, 2);
	});

	test('an outdated request that is refused is asked again in silence', async () => {
		const { pages, asked, failures } = harness();
		pages.show({ start: 0, end: 10 }, 10);
		pages.refresh();
		asked[0]?.fail(new Error('stale'));
		await settle();
		pages.show({ start: 0, end: 10 }, 10);
		assert.deepEqual([asked.length, failures.length], [2, 0]);
	});

	test('a long walk through the list keeps a bounded number of pages', async () => {
		const { pages, asked } = harness();
		for (let page = 0; page < 100; page++) {
			pages.show({ start: page * 64, end: page * 64 + 10 }, 6400);
			asked[page]?.answer('a');
			await settle();
		}
		const held = Array.from({ length: 100 }, (_, page) => pages.get(page * 64)).filter((row) => row !== undefined).length;
		assert.ok(held >= 30 && held <= 40, String(held));
	});
});
