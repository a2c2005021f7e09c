/** How one thought of an arm comes about: what its segment of the plan says, where it begins, and what it gives. */
import { generator } from '../../shared/random';

/** What is fed back, resolved against a vocabulary. */
export type Feedback =
	| { site: 'normed' }
	| { site: 'resid' }
	| { site: 'token'; id: number }
	/** Thought i is the i-th of them. */
	| { site: 'tokens'; ids: number[] }
	| {
			site: 'mixture';
			top: number;
			temperature?: number;
			gumbel?: { scale: number };
			dirichlet?: { concentration: number };
	  };

/** Fed to a thought graph: numbers [shape], each drawn, times `scale`, times the factor of its row of the first axis. */
export interface Noise {
	shape: number[];
	distribution?: 'normal' | 'uniform';
	scale?: number;
	schedule?: number[];
}

/** What a graph carries from thought to thought, before the first one. */
export interface Start {
	start: 'zero' | 'normal';
	scale?: number;
}

export type StopRule =
	| { rule: 'token'; ids: number[] }
	| { rule: 'entropy'; below: number; for?: number }
	| { rule: 'difference'; below: number }
	| { rule: 'kl'; below: number }
	| { rule: 'gate'; above: number };

/** A latent segment of a plan. */
export interface ThoughtStep {
	feedback: Feedback;
	through?: string;
	noise?: Noise;
	state?: Start;
	/** Absent: where it is produced only. */
	decode?: ('resid' | 'latent')[];
}

/** Whether random numbers go into each of its thoughts. A random start goes into the first one only. */
export function isDrawn({ feedback, noise }: ThoughtStep): boolean {
	return noise !== undefined || (feedback.site === 'mixture' && (feedback.gumbel !== undefined || feedback.dirichlet !== undefined));
}

/** What random numbers follow from: the same run draws the same thoughts, and each can be drawn anew. */
export interface Draw {
	seed: number;
	arm: string;
}

/** Where a thought is produced. */
export interface Moment {
	/** Residual stream at the last site [width]. */
	hidden: Float32Array;
	/** The same after the final norm. */
	normed(): Promise<Float32Array>;
	/** Of the thought, among all of the arm. */
	index: number;
	/** Index of its segment's first thought: 0 where absent. */
	first?: number;
	draw: Draw;
	/** What the thought before it handed on; absent for a segment's first. */
	carried?: Float32Array;
}

export interface Produced {
	/** What is fed back [width]. */
	embed: Float32Array;
	/** What is stored and read [latent width]; `embed` itself where the model tells none apart. */
	latent: Float32Array;
	/** For the next thought of the segment. */
	carried?: Float32Array;
	/** Of a learnt gate, 0..1. */
	gate?: number;
	/** Where a token is fed: it is no vector then, and `embed` is its embedding. */
	token?: number;
}

/** Uniform numbers for one purpose at one thought. `what` keeps purposes apart. */
export function uniformOf({ seed, arm }: Draw, what: string, index: number): () => number {
	return generator(seed, `${arm} ${what} ${index}`);
}
