/** Rules that end a latent segment before its count, in words. */

/** A rule as recipes have it; `for` and the bounds where the rule has them. */
export interface RuleWords {
	rule: 'token' | 'entropy' | 'difference' | 'kl' | 'gate';
	below?: number;
	above?: number;
	for?: number;
}

/** Completes `because …`. */
export function ruleInWords({ rule, below, above, for: times }: RuleWords): string {
	switch (rule) {
		case 'token':
			return 'the likeliest next token ends thinking';
		case 'entropy':
			return `the entropy of the next token is below ${below} nats${times === undefined ? '' : ` ${times} times in a row`}`;
		case 'difference':
			return `a thought differs from the one before by less than ${below} of its norm`;
		case 'kl':
			return `the next token's distribution changes by less than ${below} nats`;
		case 'gate':
			return `the gate is above ${above}`;
	}
}
