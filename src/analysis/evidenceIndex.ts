/** The evidence of a trace by what it is about: a row of many finds its own at once. */
import type { CausalRecord, ClaimRecord, EvidenceRecord, ReadingRecord } from '../trace/evidence';

/** A label that holds less in every thought of an arm is not told by its name. */
const WORTH_NAMING = 0.01;

export class EvidenceIndex {
	private readonly claims = new Map<string, ClaimRecord>();
	private readonly readings = new Map<string, ReadingRecord>();
	private readonly tests = new Map<string, CausalRecord[]>();
	private readonly patches = new Map<string, CausalRecord[]>();
	private readonly weighty = new Map<string, Set<string>>();

	constructor(readonly record: EvidenceRecord) {
		for (const claim of record.claims) {
			this.claims.set(keyOf(claim.arm, claim.thought), claim);
		}
		for (const reading of record.readings) {
			this.readings.set(keyOf(reading.arm, reading.thought), reading);
			const labels = this.weighty.get(reading.arm) ?? new Set<string>();
			this.weighty.set(reading.arm, labels);
			for (const { label, mass } of reading.candidates) {
				if (mass >= WORTH_NAMING) {
					labels.add(label);
				}
			}
		}
		for (const test of record.tests) {
			const [of, key] = test.test === 'patch' ? [this.patches, test.arm] : [this.tests, keyOf(test.arm, test.step)];
			const found = of.get(key);
			if (found) {
				found.push(test);
			} else {
				of.set(key, [test]);
			}
		}
	}

	claim(arm: string, thought: number): ClaimRecord | undefined {
		return this.claims.get(keyOf(arm, thought));
	}

	reading(arm: string, thought: number): ReadingRecord | undefined {
		return this.readings.get(keyOf(arm, thought));
	}

	/** Of a thought or sentence, or of all at once; without patches. */
	testsOf(arm: string, step: number | 'all'): readonly CausalRecord[] {
		return this.tests.get(keyOf(arm, step)) ?? [];
	}

	patchesOf(arm: string): readonly CausalRecord[] {
		return this.patches.get(arm) ?? [];
	}

	/** Labels that hold one part in a hundred or more in some thought of the arm. */
	weightyOf(arm: string): ReadonlySet<string> {
		return this.weighty.get(arm) ?? new Set();
	}
}

function keyOf(arm: string, of: number | 'all'): string {
	return `${arm}\n${of}`;
}
