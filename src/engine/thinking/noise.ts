/** Explicit noise of thoughts. */
import { gaussian } from '../../shared/random';
import { uniformOf, type Draw, type Noise, type Start } from './step';

/** Of thought `index`, row-major [shape]. Uniform numbers lie in [−√3, √3), so that both distributions have mean 0 and variance 1. */
export function noiseOf({ shape, distribution = 'normal', scale = 1, schedule }: Noise, draw: Draw, index: number): Float32Array {
	const uniform = uniformOf(draw, 'thought', index);
	const one = distribution === 'normal' ? () => gaussian(uniform) : () => (2 * uniform() - 1) * Math.sqrt(3);
	const size = shape.reduce((product, extent) => product * extent, 1);
	const row = size / shape[0]!;
	return Float32Array.from({ length: size }, (_, i) => one() * scale * (schedule?.[Math.floor(i / row)] ?? 1));
}

/** What a graph is handed as its state before the segment's first thought, which is `index` of the arm. */
export function startOf({ start, scale = 1 }: Start, width: number, draw: Draw, index: number): Float32Array {
	const uniform = uniformOf(draw, 'state', index);
	return Float32Array.from({ length: width }, () => (start === 'zero' ? 0 : scale * gaussian(uniform)));
}
