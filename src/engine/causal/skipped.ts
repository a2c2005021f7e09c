interface Reason {
	why: string;
	/** All where empty. */
	prompts: Set<number>;
	/** `kind`: there is nothing of the kind that the test changes, so that nothing is missing. */
	because: 'missing' | 'kind';
}

/** What could not be tested, in which prompts, and why. */
export class Skipped {
	private readonly reasons = new Map<string, Reason>();
	private readonly parts = new Set<string>();

	constructor(
		/** How many are tested. */
		private readonly count: number,
	) {}

	has(what: string): boolean {
		return this.reasons.has(what);
	}

	/** In one prompt; as often as one likes. */
	add(what: string, why: string, prompt: number, because: Reason['because'] = 'missing'): void {
		const found = this.reasons.get(what) ?? { why, prompts: new Set(), because };
		found.prompts.add(prompt);
		this.reasons.set(what, found);
	}

	/** In all prompts. */
	always(what: string, why: string, because: Reason['because'] = 'missing'): void {
		this.reasons.set(what, { why, prompts: new Set(), because });
	}

	/** What was tested in part, in one sentence; as often as one likes. */
	partly(sentence: string): void {
		this.parts.add(sentence);
	}

	/** One for each test; `all`: also of those that do not apply, and what was tested in part. */
	sentences({ all }: { all: boolean }): string[] {
		const reasons = [...this.reasons].flatMap(([what, { why, prompts, because }]) => {
			const where = prompts.size === 0 || prompts.size === this.count ? '' : ` on ${prompts.size} of ${this.count} prompts`;
			return all || because === 'missing' ? [`${what} was not run${where}, because ${why}.`] : [];
		});
		return all ? [...this.parts, ...reasons] : reasons;
	}
}
