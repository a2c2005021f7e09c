/** Tests that a model's thought graphs compute numbers, and the same ones in every way the engine computes them. Run on loading. */
import { lastOf, lastSite } from '../run/last';
import { bySite } from '../model/body';
import type { Model } from '../model/model';
import { latentsOf } from '../model/recipeSchema';
import { Difference, testIds, toleranceOf, type SelfTest } from '../model/selftest';
import type { Moment, Produced, ThoughtStep } from './step';
import type { Thinking } from './thinking';

/** Thoughts that are tested: the second one sees what the first handed on. */
const THOUGHTS = 2;

/** Of every graph that a segment of the recipe goes through. */
export async function thoughtTests(model: Model, signal: AbortSignal): Promise<SelfTest[]> {
	const tests: SelfTest[] = [];
	for (const { step, arm } of stepsOf(model)) {
		signal.throwIfAborted();
		tests.push(...(await testsOf(model, step, arm)));
	}
	return tests;
}

/** What another provider makes of a state, held against what the processor makes of the same one: of every such graph, and of `embed`. */
export async function compareThoughts(model: Model, processor: Thinking, signal: AbortSignal): Promise<SelfTest[]> {
	const tests: SelfTest[] = [];
	for (const { step, arm } of stepsOf(model)) {
		signal.throwIfAborted();
		const difference = new Difference(toleranceOf(model));
		const moments = await momentsOf(model, arm);
		const [found, expected] = [await chain(model.thinking, step, moments), (await chain(processor, step, moments)).flat()];
		found.flat().forEach((vector, i) => difference.add(vector, expected[i]!));
		if (processor.isEdited(step)) {
			const { latent } = await processor.think(step, moments[0]!);
			difference.add(await model.thinking.fed(step, latent, 0), await processor.fed(step, latent, 0));
		}
		const { maxAbsDiff, ok } = difference;
		tests.push({ name: `${step.through}: ${model.provider.used} and cpu`, feature: 'latents', maxAbsDiff, ok });
	}
	return tests;
}

/** A step for every graph, as the first segment that goes through it has it; of a state, whatever is fed back. */
function stepsOf({ manifest, thinking }: Model): { step: ThoughtStep; arm: string }[] {
	const found = new Map<unknown, { step: ThoughtStep; arm: string }>();
	for (const { arm, segment } of latentsOf(manifest.recipe.arms)) {
		const graph = thinking.graphOf(segment as ThoughtStep);
		if (graph && !found.has(graph)) {
			const feedback: ThoughtStep['feedback'] = { site: segment.feedback.site === 'resid' ? 'resid' : 'normed' };
			found.set(graph, { step: { ...segment, feedback, through: graph.name } as ThoughtStep, arm });
		}
	}
	return [...found.values()];
}

async function testsOf(model: Model, step: ThoughtStep, arm: string): Promise<SelfTest[]> {
	const { thinking } = model;
	const moments = await momentsOf(model, arm);
	const fresh = () => new Difference(toleranceOf(model));
	const [first, second] = [await chain(thinking, step, moments), await chain(thinking, step, moments)];
	const tests: SelfTest[] = [];
	const report = (name: string, feature: SelfTest['feature'], { maxAbsDiff, ok }: Difference) =>
		tests.push({ name: `${step.through}: ${name}`, feature, maxAbsDiff, ok });

	const finite = fresh();
	first.flat().forEach((vector) => vector.every(Number.isFinite) || finite.fail());
	report('thoughts are numbers', 'latents', finite);
	if (!finite.ok) {
		return tests;
	}

	const twice = fresh();
	first.flat().forEach((vector, i) => twice.add(vector, second.flat()[i]!));
	report('the same thought twice', 'latents', twice);

	const graph = thinking.graphOf(step)!;
	if (graph.isBatched) {
		const apart = fresh();
		const together = await thinking.thinkAll(step, moments);
		for (const [row, moment] of moments.entries()) {
			const alone = vectorsOf(await thinking.think(step, moment));
			vectorsOf(together[row]!).forEach((vector, i) => apart.add(vector, alone[i]!));
		}
		report('thoughts side by side', 'batches', apart);
	}
	if (thinking.isEdited(step)) {
		const again = fresh();
		const { latent, embed } = await thinking.think(step, moments[0]!);
		again.add(await thinking.fed(step, latent, moments[0]!.index), embed);
		report('a latent embedded again', 'latents', again);
	}
	return tests;
}

/** Vectors of thoughts that follow each other, each from a state of its own. */
async function chain(thinking: Thinking, step: ThoughtStep, moments: readonly Moment[]): Promise<Float32Array[][]> {
	const found: Float32Array[][] = [];
	let carried: Float32Array | undefined;
	for (const [index, moment] of moments.entries()) {
		const produced = await thinking.think(step, { ...moment, index, carried });
		({ carried } = produced);
		found.push(vectorsOf(produced));
	}
	return found;
}

function vectorsOf({ embed, latent, carried, gate }: Produced): Float32Array[] {
	return [embed, latent, ...(carried ? [carried] : []), ...(gate === undefined ? [] : [Float32Array.of(gate)])];
}

/** States at the end of the test sequence, of one index. */
async function momentsOf(model: Model, arm: string): Promise<Moment[]> {
	const { width } = model.manifest.shape;
	const { resid, count } = await model.body.forward({ ids: testIds(model.manifest) }, model.body.empty);
	return Array.from({ length: Math.min(THOUGHTS, count) }, (_, i) => {
		const last = lastOf(model, bySite(resid, width, count - 1 - i, count - i));
		return { hidden: lastSite(last, model), normed: last.normed, index: 0, draw: { seed: 0, arm } };
	});
}
