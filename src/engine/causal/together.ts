/** What sequences of a batch ask for, each by itself, and what is computed for all of them in one call. */
import type { Model } from '../model/model';
import type { State } from '../model/head';
import type { Moment, Produced, ThoughtStep } from '../thinking/step';

/** Questions that come in one turn of the event loop are answered together. */
export class Together<Question, Answer> {
	private asked: { question: Question; resolve(answer: Answer): void; reject(error: unknown): void }[] = [];

	/** `answer`: of each question, in their order. */
	constructor(private readonly answer: (questions: readonly Question[]) => Promise<readonly Answer[]>) {}

	ask(question: Question): Promise<Answer> {
		return new Promise((resolve, reject) => {
			this.asked.push({ question, resolve, reject });
			if (this.asked.length === 1) {
				setImmediate(() => void this.flush());
			}
		});
	}

	private async flush(): Promise<void> {
		const { asked } = this;
		this.asked = [];
		try {
			const answers = await this.answer(asked.map(({ question }) => question));
			asked.forEach(({ resolve }, i) => resolve(answers[i]!));
		} catch (error) {
			asked.forEach(({ reject }) => reject(error));
		}
	}
}

/** What the last position of a sequence leads to. What nobody asks for is not computed: a latent step needs no vocabulary. */
export interface Standing {
	/** Residual stream at the last site [width]. */
	hidden: Float32Array;
	/** The same after the final norm. */
	normed(): Promise<Float32Array>;
	/** The next token. */
	words(): Promise<State>;
}

export class Standings {
	private readonly norms: Together<Float32Array, Float32Array>;
	private readonly heads: Together<Float32Array, State>;

	constructor({ norm, head }: Model) {
		this.norms = new Together(async (states) => rowsOf(await norm.of(stacked(states)), states.length));
		this.heads = new Together((states) => head.states(stacked(states)));
	}

	/** `hidden` [width]. */
	of(hidden: Float32Array): Standing {
		let normed: Promise<Float32Array> | undefined;
		let words: Promise<State> | undefined;
		return { hidden, normed: () => (normed ??= this.norms.ask(hidden)), words: () => (words ??= this.heads.ask(hidden)) };
	}
}

/** Thoughts of several sequences of one arm, those of one index in one call: so the same step makes them all. */
export class Thoughts {
	private readonly thinking: Together<{ step: ThoughtStep; moment: Moment }, Produced>;
	private readonly feeding: Together<{ step: ThoughtStep; vector: Float32Array; index: number }, Float32Array>;

	constructor({ thinking }: Model) {
		this.thinking = new Together((asked) =>
			eachIndex(asked, ({ moment }) => moment.index, (_, some) => thinking.thinkAll(some[0]!.step, some.map(({ moment }) => moment))),
		);
		this.feeding = new Together((asked) =>
			eachIndex(asked, ({ index }) => index, (index, some) => thinking.fedAll(some[0]!.step, some.map(({ vector }) => vector), index)),
		);
	}

	think(step: ThoughtStep, moment: Moment): Promise<Produced> {
		return this.thinking.ask({ step, moment });
	}

	/** See `Thinking.fed`. */
	fed(step: ThoughtStep, vector: Float32Array, index: number): Promise<Float32Array> {
		return this.feeding.ask({ step, vector, index });
	}
}

/** Answers to items in their order, those of one index in one call. */
async function eachIndex<Item, Answer>(
	items: readonly Item[],
	indexOf: (item: Item) => number,
	answer: (index: number, items: readonly Item[]) => Promise<readonly Answer[]>,
): Promise<Answer[]> {
	const answers = new Array<Answer>(items.length);
	for (const index of new Set(items.map(indexOf))) {
		const places = [...items.keys()].filter((place) => indexOf(items[place]!) === index);
		const found = await answer(index, places.map((place) => items[place]!));
		places.forEach((place, i) => (answers[place] = found[i]!));
	}
	return answers;
}

function stacked(vectors: readonly Float32Array[]): Float32Array {
	const width = vectors[0]!.length;
	const all = new Float32Array(vectors.length * width);
	vectors.forEach((vector, i) => all.set(vector, i * width));
	return all;
}

function rowsOf(values: Float32Array, rows: number): Float32Array[] {
	const width = values.length / rows;
	return Array.from({ length: rows }, (_, row) => values.subarray(row * width, (row + 1) * width));
}
