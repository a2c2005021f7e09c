/** One call at a time, and what became of things while it was answered. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { CANCELLED } from '../../../src/shared/rpc';
import { Asking, type Question } from '../../../webview/asking';

describe('asking', () => {
	function asker() {
		const [calls, answers, errors]: [string[], string[], unknown[]] = [[], [], []];
		const open = new Map<string, { resolve(answer: string): void; reject(error: unknown): void }>();
		const now = { about: 'run', revision: 1, due: true };
		const question = (): Question<string> => {
			const key = `${now.about} ${now.revision}`;
			const call = () => (calls.push(key), new Promise<string>((resolve, reject) => open.set(key, { resolve, reject })));
			return { about: now.about, key, due: now.due, call };
		};
		const asking = new Asking(question, (answer) => answers.push(answer), (error) => errors.push(error));
		const change = (to: Partial<typeof now>) => (Object.assign(now, to), asking.update());
		return { asking, now, calls, answers, errors, open, change };
	}

	test('one call at a time: it may finish, and what changed meanwhile is asked after it, once', async () => {
		const { asking, calls, answers, open, change } = asker();
		asking.update();
		change({ revision: 2 });
		change({ revision: 3 });
		assert.deepEqual(calls, ['run 1']);
		open.get('run 1')!.resolve('one');
		await turn();
		assert.deepEqual([calls, answers], [['run 1', 'run 3'], ['one']]);
		open.get('run 3')!.resolve('three');
		await turn();
		asking.update();
		assert.deepEqual([calls, answers], [['run 1', 'run 3'], ['one', 'three']]);
	});

	test('an answer about something else comes too late; nothing is asked while nobody looks', async () => {
		const { asking, calls, answers, open, change } = asker();
		change({ due: false });
		assert.deepEqual(calls, []);
		change({ due: true });
		change({ about: 'file', due: false });
		open.get('run 1')!.resolve('one');
		await turn();
		assert.deepEqual([calls, answers], [['run 1'], []]);
		change({ due: true });
		assert.deepEqual(calls, ['run 1', 'file 1']);
		asking.update();
	});

	test('a failure is told once, and not asked again; one that is no longer wanted, or was called off, is not told', async () => {
		const { calls, errors, open, change } = asker();
		change({});
		open.get('run 1')!.reject('broken');
		await turn();
		change({});
		assert.deepEqual([calls, errors], [['run 1'], ['broken']]);
		change({ revision: 2 });
		change({ revision: 3 });
		open.get('run 2')!.reject('stale');
		await turn();
		open.get('run 3')!.reject(Object.assign(new Error('called off'), { code: CANCELLED }));
		await turn();
		assert.deepEqual([calls, errors], [['run 1', 'run 2', 'run 3'], ['broken']]);
	});
});
