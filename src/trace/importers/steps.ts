/** The steps of an imported arm, and what the source says about each. */
import type { Step, StepPart } from '../document';
import { MAX_LINE, MAX_STEPS, MAX_TOKENS } from '../schema';
import { MAX_ALTERNATIVES, refuse } from './limits';
import { pieces } from './pieces';
import type { LoggedToken, Part, Turn } from './sample';
import { placeTokens } from './tokenParts';

const KINDS: Readonly<Record<Part['kind'], { kind: Step['kind']; part?: StepPart }>> = {
	reasoning: { kind: 'token' },
	summary: { kind: 'token', part: 'summary' },
	redacted: { kind: 'token', part: 'redacted' },
	answer: { kind: 'answer' },
	call: { kind: 'answer', part: 'call' },
	input: { kind: 'prompt' },
};

/** Texts of a trace, each with its number. */
export class Texts {
	private readonly ids = new Map<string, number>();

	id(text: string): number {
		const line = text.length > MAX_LINE ? text.slice(0, MAX_LINE) : text;
		const known = this.ids.get(line);
		if (known !== undefined) {
			return known;
		}
		if (this.ids.size >= MAX_TOKENS) {
			refuse(`a sample has more than ${MAX_TOKENS} different texts`, 'import a shorter sample');
		}
		this.ids.set(line, this.ids.size);
		return this.ids.size - 1;
	}

	get all(): { id: number; text: string }[] {
		return [...this.ids].map(([text, id]) => ({ id, text }));
	}
}

export class Steps {
	readonly steps: Step[] = [];
	/** By step; NaN where there is none. */
	readonly logprobs: number[] = [];
	private readonly alternatives = new Map<number, LoggedToken['alternatives']>();
	/** Text of the last step, where it is the end of a part. */
	private open?: string;
	/** Turns whose tokens were not found in their text. */
	unplaced = 0;
	/** Steps that are tokens of the source. */
	tokens = 0;

	constructor(private readonly texts: Texts) {}

	get hasLogprobs(): boolean {
		return this.logprobs.some((value) => !Number.isNaN(value));
	}

	/** A position without a text. */
	blank(kind: Step['kind']): void {
		this.push({ kind, id: -1 });
	}

	/** A position where a latent thought is fed. */
	latent(thought: number): void {
		this.push({ kind: 'latent', id: -1, thought });
	}

	turn({ parts, tokens }: Turn): void {
		const { placed, found } = tokens ? placeTokens(parts, tokens) : { placed: [], found: false };
		if (!found) {
			this.unplaced += tokens ? 1 : 0;
			parts.forEach((part) => this.text(part));
			return;
		}
		for (const { part, tokens: own } of placed) {
			if (part && own.length === 0) {
				this.text(part);
			} else {
				own.forEach((token) => this.token(part ? KINDS[part.kind] : { kind: 'token', part: 'markup' }, token));
			}
		}
	}

	private text({ kind, text }: Part): void {
		const last = this.steps.at(-1);
		if (last && this.open !== undefined && last.kind === KINDS[kind].kind && last.part === KINDS[kind].part) {
			// A line ends where a part does, or the views would take the two for one sentence.
			last.id = this.texts.id(`${this.open}\n`);
		}
		for (const piece of pieces(text)) {
			this.push({ ...KINDS[kind], id: this.texts.id(piece) });
			this.open = piece;
		}
	}

	private token(kind: Pick<Step, 'kind' | 'part'>, { text, logprob, alternatives }: LoggedToken): void {
		this.tokens++;
		if (alternatives.length > 0) {
			this.alternatives.set(this.steps.length, alternatives);
		}
		this.push({ ...kind, id: this.texts.id(text) }, logprob);
	}

	private push(step: Step, logprob = Number.NaN): void {
		if (this.steps.length >= MAX_STEPS) {
			refuse(`a sample has more than ${MAX_STEPS} steps`, 'import a shorter sample');
		}
		this.steps.push(step);
		this.open = undefined;
		this.logprobs.push(logprob);
	}

	/** The alternatives as planes [steps, ranks]; undefined where the source gives none. */
	ranks(): { ids: Int32Array; logprobs: Float32Array; top: number } | undefined {
		const top = Math.min(MAX_ALTERNATIVES, [...this.alternatives.values()].reduce((most, list) => Math.max(most, list.length), 0));
		if (top === 0) {
			return undefined;
		}
		const ids = new Int32Array(this.steps.length * top).fill(-1);
		const logprobs = new Float32Array(this.steps.length * top).fill(Number.NaN);
		for (const [step, list] of this.alternatives) {
			[...list]
				.sort((a, b) => b.logprob - a.logprob)
				.forEach(({ text, logprob }, rank) => {
					ids[step * top + rank] = this.texts.id(text);
					logprobs[step * top + rank] = logprob;
				});
		}
		return { ids, logprobs, top };
	}
}
