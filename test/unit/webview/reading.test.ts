import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { PanelState } from '../../../src/shared/panel';
import { underline } from '../../../webview/draw/surprise';
import { families, spoken } from '../../../webview/families';
import { marks } from '../../../webview/marks';
import { messageFor } from '../../../webview/message';
import { stretches } from '../../../webview/strip';
import { COLUMNS } from './columns';

describe('strip', () => {
	test('few layers are told one by one, also where they read alike', () => {
		assert.deepEqual(
			stretches(['a', 'a', 'b']).map(({ first, last, text }) => `${first}-${last} ${text}`),
			['0-0 a', '1-1 a', '2-2 b'],
		);
	});

	test('of many layers, neighbours that read alike are one', () => {
		assert.deepEqual(
			stretches(['a', 'a', 'b', 'b', 'b', 'a', 'c', 'c']).map(({ first, last, text }) => `${first}-${last} ${text}`),
			['0-1 a', '2-4 b', '5-5 a', '6-7 c'],
		);
	});
});

describe('marks', () => {
	test('signs for the invisible are told from text', () => {
		assert.deepEqual(marks('⟨80⟩😀⟨zz⟩'), [
			{ text: '⟨80⟩', sign: true },
			{ text: '😀⟨zz⟩', sign: false },
		]);
		assert.deepEqual(marks('·is a⟨U+202E⟩↵'), [
			{ text: '·', sign: true },
			{ text: 'is a', sign: false },
			{ text: '⟨U+202E⟩↵', sign: true },
		]);
	});

	test('no character is lost', () => {
		fc.assert(
			fc.property(fc.string({ unit: fc.constantFrom('·', '↵', '⟨U+202E⟩', '⟨', 'a', '<b>', '😀') }), (text) =>
				assert.equal(
					marks(text)
						.map((piece) => piece.text)
						.join(''),
					text,
				),
			),
		);
	});
});

describe('families', () => {
	test('classes of one probe are one family, in order', () => {
		const found = families([{ name: 'first-option' }, { name: 'within-k-hops:a' }, { name: 'within-k-hops:b:c' }]);
		assert.deepEqual(
			found.map(({ name, members }) => [name, members.map((one) => one.member)]),
			[
				['first-option', ['']],
				['within-k-hops', ['a', 'b:c']],
			],
		);
		assert.equal(spoken('within-k-hops'), 'within k hops');
	});
});

describe('surprise', () => {
	test('the line grows with surprisal, is full from 5 bits, and absent for forced tokens', () => {
		const own = (prob?: number) => underline({ prob }, 'own');
		assert.deepEqual([own(undefined), own(1), own(1 / 32), own(0)], [0, 8, 100, 100]);
		assert.ok(own(0.5) < own(0.25));
		const token = { prob: 1, referenceBits: 5, kl: 1 };
		assert.deepEqual((['own', 'reference', 'kl'] as const).map((measure) => underline(token, measure)), [8, 100, 54]);
		assert.equal(underline({ prob: 0.1 }, 'kl'), 0);
	});
});

describe('messages', () => {
	const run = { revision: 1, title: '', subtitle: '', arms: [], rows: 0, layers: 0, columns: COLUMNS, probes: [], fits: [], notes: [] };
	const ready = { kind: 'ready', name: 'a', run, stale: false, source: 'run' } as const;

	test('results that are up to date need none, stale ones offer another run', () => {
		assert.equal(messageFor(ready), undefined);
		assert.deepEqual(
			messageFor({ ...ready, stale: true })?.actions.map((one) => one.act),
			['analyze'],
		);
	});

	test('a file of activations says what it holds, and what can be done with it', () => {
		const message = messageFor({ ...ready, run: { ...run, layers: 2, unworded: { positions: 1, width: 4 } } });
		assert.match(message!.text, /1 position × 3 sites, 4 wide/);
		assert.deepEqual(message!.actions.map((one) => one.act), ['compareWith', 'copyPython']);
	});

	test('what is shown after a cancelled or failed run is told apart', () => {
		const text = (panel: PanelState) => messageFor(panel)?.text;
		const cancelled = { kind: 'cancelled', name: 'a', run } as const;
		assert.equal(text({ ...cancelled, shows: 'partial' }), 'Cancelled. What had been computed by then is shown.');
		assert.equal(text({ ...cancelled, shows: 'previous' }), 'Cancelled. The analysis before it is shown.');
		assert.match(text({ ...cancelled, shows: 'previous', stale: true })!, /before it is shown\..* settings have changed/);
		const action = { label: 'Show Log', act: 'showLog' } as const;
		const failed = { kind: 'failed', name: 'a', message: 'It broke.', action, source: 'run' } as const;
		assert.equal(text({ ...failed, run, shows: 'partial' }), 'It broke. What had been computed by then is shown.');
		assert.equal(text(failed), 'It broke.');
	});

	test('every other state says something and offers a way on', () => {
		const states: PanelState[] = [
			{ kind: 'empty' },
			{ kind: 'idle', name: 'a', model: 'm' },
			{ kind: 'untrusted' },
			{ kind: 'unavailable', reason: 'Because.' },
			{ kind: 'failed', name: 'a', message: 'It broke.', action: { label: 'Show Log', act: 'showLog' }, source: 'run' },
			{ kind: 'running', name: 'a', message: 'Loading' },
			{ kind: 'cancelled', name: 'a' },
		];
		const offers = states.map((state) => messageFor(state)?.actions[0]?.act);
		assert.deepEqual(offers, ['openExample', 'analyze', 'manageTrust', 'openExample', 'showLog', 'cancel', 'analyze']);
		assert.ok(states.every((state) => (messageFor(state)?.text ?? '').length > 0));
	});
});
