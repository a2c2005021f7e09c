/** Runs of the prompts that thoughts are taken from: each is run once, however many prompts are tested. */
import type { CausalParams, NamedPrompt } from '../api';
import type { ArmPlan } from '../arm';
import type { Model } from '../model';
import type { Clean } from './clean';
import { cleanRows, runAll } from './cleans';
import type { Other } from './replacement';

export class Others {
	/** By arm and text. Undefined where a prompt comes to no answer. */
	private readonly found = new Map<string, Omit<Other, 'name'> | undefined>();

	constructor(
		private readonly model: Model,
		private readonly options: CausalParams['options'],
		private readonly signal: AbortSignal,
		private readonly progress: (fraction: number) => void,
	) {}

	/** Takes over what is known already. */
	know(arm: string, text: string, other: Omit<Other, 'name'>): void {
		this.found.set(`${arm} ${text}`, other);
	}

	/** Those with at least as many thoughts as `clean`, in their order. */
	async of(prompts: readonly NamedPrompt[], plan: ArmPlan, { thoughts }: Clean): Promise<Other[]> {
		const key = (text: string) => `${plan.name} ${text}`;
		const missing = [...new Set(prompts.map(({ text }) => text))].filter((text) => !this.found.has(key(text)));
		const size = cleanRows(this.model);
		for (let start = 0; start < missing.length; start += size) {
			this.progress(start / missing.length);
			const some = missing.slice(start, start + size);
			const cleans = await runAll(this.model, plan, some, this.options, this.signal);
			cleans.forEach((clean, i) => this.found.set(key(some[i]!), typeof clean === 'string' ? undefined : otherOf(clean)));
		}
		return prompts.flatMap(({ name, text }) => {
			const other = this.found.get(key(text));
			return other && other.thoughts.length >= thoughts.length ? [{ name, ...other }] : [];
		});
	}
}

function otherOf({ run, lasts, thoughts, answer }: Clean): Omit<Other, 'name'> {
	const resid = run.steps.flatMap(({ kind }, i) => (kind === 'latent' ? [lasts.get(run.prompt + i + 1)!.resid] : []));
	return { thoughts, resid, answer };
}
