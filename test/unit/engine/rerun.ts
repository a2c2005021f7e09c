/** A changed run as a complete run of its own: the whole arm from its prompt, one at a time, with what is fed as thoughts swapped. */
import { planArms, type ArmPlan } from '../../../src/engine/run/arm';
import type { Body, Cache, Forward, Input } from '../../../src/engine/model/body';
import { readManifest } from '../../../src/engine/model/folder';
import { parseManifest } from '../../../src/engine/model/manifest';
import { Model } from '../../../src/engine/model/model';
import { LastReader } from '../../../src/engine/run/readers';
import type { Last } from '../../../src/engine/run/last';
import { ArmRun, prefill, samplingOf } from '../../../src/engine/run/run';
import type { Moment, Produced, ThoughtStep } from '../../../src/engine/thinking/step';
import { Runtime } from '../../../src/engine/runtime';
import { readAnswer } from '../../../src/analysis/answers';
import type { Step } from '../../../src/trace/document';

export async function loaded(folder: string): Promise<Model> {
	const { text, sha256 } = await readManifest(folder);
	const { signal } = new AbortController();
	return Model.load(Runtime.load(), { folder, manifest: parseManifest(text), sha256, signal, progress: () => {} });
}

/** What is fed as thought `index`, whose own vector would be `own`; `logits`: of the lens at the state that it comes from; `latent`: what is stored. */
export type Change = (
	own: Float32Array,
	index: number,
	logits: () => Promise<Float32Array>,
	latent: Float32Array,
) => Float32Array | Promise<Float32Array>;

export interface Rerun {
	/** Of the answer's first token. */
	logits: Float32Array;
	answer: string | undefined;
	thoughts: Float32Array[];
	/** Residual streams [sites, width] where thoughts are fed. */
	resid: Float32Array[];
}

export function latentPlan(model: Model, latents?: number): ArmPlan {
	return planArms(model.manifest.recipe, ['latent'], { latents }, (token) => model.tokenizer.idOf(token))[0]!;
}

/** `patch`: replaces the residual stream at `site` where thought `thought` is fed. */
export async function rerun(
	model: Model,
	plan: ArmPlan,
	prompt: string,
	change: Change = (own) => own,
	patch?: { thought: number; site: number; add: Float32Array },
): Promise<Rerun> {
	const { signal } = new AbortController();
	const { ids } = model.tokenizer.encode(prompt);
	const reader = new LastReader(model);
	const prefix = await prefill(model, [...plan.before, ...ids], signal, (forward) => reader.read(forward));
	const result: Rerun = { logits: new Float32Array(0), answer: undefined, thoughts: [], resid: [] };
	let last: Last = prefix.last;
	const { width } = model.manifest.shape;
	const logits = () => last.logits();
	const body: Body = Object.create(model.body, {
		forward: {
			value: (input: Input, past: Cache) => {
				const isPatched = patch !== undefined && result.thoughts.length === patch.thought + 1 && 'embeddings' in input;
				const options = isPatched ? { patch: { site: patch.site, keep: new Float32Array(width), add: patch.add } } : {};
				return model.body.forward(input, past, options);
			},
		},
	});
	const changed: Model = Object.create(model, {
		body: { value: body },
		thinking: {
			value: {
				// A dummy is fed as a vector too, so that it can be changed.
				think: async (step: ThoughtStep, moment: Moment): Promise<Produced> => {
					const { token: _, ...own } = await model.thinking.think(step, moment);
					const embed = await change(own.embed, moment.index, logits, own.latent);
					return { ...own, embed, latent: embed };
				},
			},
		},
	});
	let answering = false;
	const watch = {
		everything: false,
		read: async (forward: Forward, steps: readonly Step[]) => {
			if (steps[0]!.kind === 'answer' && !answering) {
				answering = true;
				result.logits = await logits();
			}
			last = await reader.read(forward);
			if (steps[0]!.kind === 'latent') {
				result.resid.push(last.resid);
			}
			return last;
		},
		thought: (_: unknown, { embed }: Produced) => void result.thoughts.push(embed),
	};
	const run = new ArmRun(changed, plan, prefix, watch, samplingOf({ seed: 0, temperature: 0 }, plan), signal);
	await run.run();
	if (!answering) {
		result.logits = await logits();
	}
	const written = run.written.filter(({ role }) => role === 'answer').map(({ id }) => id);
	const { answer } = model.manifest.recipe;
	result.answer = readAnswer(model.tokenizer.decode(written), answer === undefined ? undefined : new RegExp(answer, 'u'));
	return result;
}
