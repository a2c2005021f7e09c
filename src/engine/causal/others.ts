/** Runs of the prompts that thoughts are taken from: each is run once, however many prompts are tested. */
import type { CausalParams, NamedPrompt } from '../api';
import type { ArmPlan } from '../run/arm';
import type { Model } from '../model/model';
import type { Clean } from './clean';
import { cleanRows, runAll } from './cleans';
import type { Other } from './replacement';

export class Others {
	/** By arm and text. Undefined where a prompt comes to no answer. */
	private readonly found = new Map<string, Omit<Other, 'name'> | undefined>();
	/** Texts of the reference, each once. */
	private readonly reference: readonly string[];

	constructor(
		private readonly model: Model,
		private readonly options: CausalParams['options'],
		reference: readonly NamedPrompt[],
		private readonly signal: AbortSignal,
		private readonly progress: (fraction: number) => void,
	) {
		this.reference = [...new Set(reference.map(({ text }) => text))];
	}

	/** Takes over what is known already. */
	know(arm: string, text: string, other: Omit<Other, 'name'>): void {
		this.found.set(`${arm} ${text}`, other);
	}

	/** Those with at least as many thoughts as `clean`, in their order. */
	async of(prompts: readonly NamedPrompt[], plan: ArmPlan, { thoughts }: Clean): Promise<Other[]> {
		const key = (text: string) => `${plan.name} ${text}`;
		const missing = [...new Set(prompts.map(({ text }) => text))].filter((text) => !this.found.has(key(text)));
		for (const [i, some] of this.blocks(missing).entries()) {
			this.progress(Math.min(1, (i * some.length) / missing.length));
			const cleans = await runAll(this.model, plan, some, this.options, this.signal);
			cleans.forEach((clean, i) => this.found.set(key(some[i]!), typeof clean === 'string' ? undefined : otherOf(clean)));
		}
		return prompts.flatMap(({ name, text }) => {
			const other = this.found.get(key(text));
			return other && other.thoughts.length >= thoughts.length ? [{ name, ...other }] : [];
		});
	}

	/**
	 * What is run side by side rounds alike only in the same company: prompts of the reference are run in blocks of it, whichever of
	 * them is asked for first, so that a run that goes on gives what one run gives.
	 */
	private blocks(missing: readonly string[]): string[][] {
		const size = cleanRows(this.model);
		const place = new Map(this.reference.map((text, i) => [text, Math.floor(i / size)]));
		const wanted = new Set(missing.flatMap((text) => place.get(text) ?? []));
		const others = missing.filter((text) => !place.has(text));
		const count = Math.ceil(others.length / size);
		return [
			...[...wanted].map((block) => this.reference.slice(block * size, (block + 1) * size)),
			...Array.from({ length: count }, (_, block) => others.slice(block * size, (block + 1) * size)),
		];
	}
}

/** Its thoughts, and the streams at all sites where each was fed. */
export function otherOf({ run, lasts, thoughts, answer }: Clean): Omit<Other, 'name'> {
	const resid = run.steps.flatMap(({ kind }, i) => (kind === 'latent' ? [lasts.get(run.prompt + i + 1)!.resid] : []));
	return { thoughts, resid, answer };
}
