import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { contrast, inkOn, scaleOf, SCORES } from '../../../webview/draw/colour';

const { shade } = SCORES;

describe('colour', () => {
	test('contrast is WCAG’s', () => {
		assert.ok(Math.abs(contrast('#000000', '#ffffff') - 21) < 0.05);
		assert.ok(Math.abs(contrast('#777777', '#ffffff') - 4.48) < 0.05);
		assert.equal(contrast('#123456', '#123456'), 1);
	});

	test('every score can be read on its colour', () => {
		fc.assert(
			fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (score) => {
				const [fill, ink] = shade(score) ?? ['#000000', '#000000'];
				assert.ok(contrast(fill, ink) >= 4, `${score}: ${fill} ${ink} ${contrast(fill, ink)}`);
			}),
		);
	});

	test('the scale is cividis from 0 to 1, is fixed, and grows lighter all the way', () => {
		assert.deepEqual([shade(0)?.[0], shade(1)?.[0]], ['#002051', '#fdea45']);
		assert.deepEqual([shade(-3), shade(7)], [shade(0), shade(1)]);
		const lightness = Array.from({ length: 256 }, (_, i) => contrast(shade(i / 255)?.[0] ?? '', '#000000'));
		assert.ok(lightness.every((value, i) => i === 0 || value >= (lightness[i - 1] ?? 0) - 1e-6));
	});

	test('what was not measured has no colour', () => {
		assert.equal(shade(Number.NaN), undefined);
	});

	test('effects have a diverging scale: symmetric about 0, as fixed as its domain, and legible', () => {
		const { shade: paint, print, domain, edged } = scaleOf({ kind: 'patch', domain: [-5, 5] });
		assert.deepEqual([domain, edged, paint(NaN)], [[-5, 5], true, undefined]);
		assert.deepEqual([paint(-9), paint(9)], [paint(-5), paint(5)]);
		const [zero, low, high] = [paint(0)?.[0] ?? '', paint(-5)?.[0] ?? '', paint(5)?.[0] ?? ''];
		assert.ok(contrast(zero, '#000000') > 17 && contrast(low, '#ffffff') > 8 && contrast(high, '#ffffff') > 6, `${zero} ${low} ${high}`);
		assert.deepEqual([print(-0.966), print(0.02), print(0), print(NaN)], ['−0.97', '+0.02', '0.00', '–']);
		assert.equal(scaleOf({ kind: 'patch', domain: [-50, 50] }).print(-21.22), '−21.2');
		for (let value = -5; value <= 5; value += 0.1) {
			const [fill, ink] = paint(value)!;
			assert.ok(contrast(fill, ink) >= 4, `${value}: ${fill} ${ink}`);
		}
		assert.equal(scaleOf({ kind: 'probe', domain: [0, 1] }), SCORES);
	});

	test('ink', () => {
		assert.deepEqual([inkOn('#002051'), inkOn('#fdea45')], ['#f4f4f4', '#111111']);
	});
});
