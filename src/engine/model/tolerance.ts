/** How far apart two computations of the same may be. */
import type { ProviderName } from '../../shared/execution';

/**
 * Largest difference between two ways to compute the same, as a share of the largest value (of 1 where all are smaller): float32
 * sums in another order, with room for the widest models. Quantised activations depend on what is computed together.
 */
const TOLERANCES: ReadonlyMap<string, number> = new Map([
	['fp16', 2e-2],
	['int8', 0.25],
	['q4', 2e-2],
]);
const TOLERANCE = 1e-4;
/**
 * The same for providers other than the processor. Graphics cards multiply float32 with the 11 bits of TF32 or float16, a relative error
 * of 5e-4 in each product, which grows through the layers as rounding of fp16 does; WebGPU's shaders keep float32 (measured: 3e-5).
 */
const PROVIDER_TOLERANCES: Record<ProviderName, number> = { cpu: 0, webgpu: 1e-3, cuda: 2e-2, dml: 2e-2, coreml: 2e-2 };

export function tolerance(quantisation: string, provider: ProviderName): number {
	return Math.max(TOLERANCES.get(quantisation) ?? TOLERANCE, PROVIDER_TOLERANCES[provider]);
}
