/** What could not be tested, in which prompts, and why. */
export class Skipped {
	private readonly reasons = new Map<string, { why: string; prompts: Set<number> }>();

	constructor(
		/** How many are tested. */
		private readonly count: number,
	) {}

	has(what: string): boolean {
		return this.reasons.has(what);
	}

	/** In one prompt; as often as one likes. */
	add(what: string, why: string, prompt: number): void {
		const found = this.reasons.get(what) ?? { why, prompts: new Set() };
		found.prompts.add(prompt);
		this.reasons.set(what, found);
	}

	/** In all prompts. */
	always(what: string, why: string): void {
		this.reasons.set(what, { why, prompts: new Set() });
	}

	sentences(): string[] {
		return [...this.reasons].map(([what, { why, prompts }]) => {
			const where = prompts.size === 0 || prompts.size === this.count ? '' : ` on ${prompts.size} of ${this.count} prompts`;
			return `${what} was not run${where}, because ${why}.`;
		});
	}
}
