import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evidenceLines } from '../../../src/cli/evidenceText';
import type { ClaimRecord, EvidenceRecord } from '../../../src/trace/evidence';

function claim(arm: string, thought: number, why?: string): ClaimRecord {
	return { arm, thought, claim: 'reads as zumpus', level: 0, rungs: [{ level: 1, state: why === undefined ? 'reached' : 'not reached', why: why ?? '' }] };
}

function evidence(claims: ClaimRecord[], singles?: EvidenceRecord['singles']): EvidenceRecord {
	const reference = { name: 'few.json', sha256: '0'.repeat(64), prompts: 2 };
	return { reference, seed: 0, tests: [], singles, ood: [], readings: [], claims, meter: [], legibility: [], cohorts: [], skipped: ['Something.'] };
}

const reasons = (record: EvidenceRecord) => evidenceLines(record).filter((line) => line.includes(' not L'));

test('thoughts that the same keeps from a level share a line', () => {
	const same = 'it reads as chance does';
	const one = [0, 1, 2, 4, 5].map((thought) => claim('latent', thought, thought === 4 ? 'another' : same));
	assert.deepEqual(reasons(evidence([...one, claim('latent', 6)])), [`  0–2, 5 are not L1: ${same}`, '  4 is not L1: another']);
	assert.deepEqual(reasons(evidence([claim('a', 0, same), claim('a', 1, same), claim('b', 2, same)])), [`  a 0–1, b 2 are not L1: ${same}`]);
});

test('how to change every thought is said where not all were changed', () => {
	const hint = '  With --all-thoughts each thought is changed.';
	assert.ok(!evidenceLines(evidence([])).includes(hint));
	const lines = evidenceLines(evidence([], [{ arm: 'latent', of: 128, thoughts: [0, 127], cohort: [0] }]));
	assert.ok(lines.indexOf(hint) > lines.indexOf('  Not measured: Something.'));
});
