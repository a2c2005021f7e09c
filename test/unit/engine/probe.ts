/** A linear probe with arbitrary weights, and its own arithmetic to compare with. */
import { encodeHeader } from '../../../src/trace/container';

interface Shape {
	steps: number;
	sites: number;
	classes: string[];
	width: number;
}

/** `score`: of class 0, in plain loops over the file's layout. */
export function linearProbe({ steps, sites, classes, width }: Shape) {
	const values = (length: number, of: (i: number) => number) => Float32Array.from({ length }, (_, i) => of(i));
	const weight = values(steps * sites * classes.length * width, (i) => Math.sin(i * 1.7) / 8);
	const bias = values(steps * sites * classes.length, (i) => Math.cos(i) / 4);
	const mean = values(steps * sites * width, (i) => Math.sin(i) / 10);
	const scale = values(steps * sites * width, (i) => 1 + Math.cos(i * 0.3) / 2);
	const tensors = [
		{ name: 'weight', shape: [steps, sites, classes.length, width], data: weight },
		{ name: 'bias', shape: [steps, sites, classes.length], data: bias },
		{ name: 'mean', shape: [steps, sites, width], data: mean },
		{ name: 'scale', shape: [steps, sites, width], data: scale },
	];
	const metadata = {
		format: 'neuralese-probe',
		version: '1',
		name: 'entity',
		label: 'The entity is near.',
		arm: 'latent',
		at: 'thoughts',
		site: 'resid',
		model: 'prosqa',
		seed: '0',
		classes: JSON.stringify(classes),
		metrics: JSON.stringify({ groups: 1, splitBy: 'problem', cells: [] }),
	};
	const header = encodeHeader(
		tensors.map(({ name, shape }) => ({ name, dtype: 'F32', shape })),
		metadata,
	);
	const bytes = Buffer.concat([header, ...tensors.map(({ data }) => new Uint8Array(data.buffer))]);
	const score = (hidden: Float32Array, step: number, site: number) => {
		const cell = step * sites + site;
		let logit = bias[cell * classes.length]!;
		for (let i = 0; i < width; i++) {
			logit +=
				(weight[cell * classes.length * width + i]! * (hidden[i]! - mean[cell * width + i]!)) / scale[cell * width + i]!;
		}
		return 1 / (1 + Math.exp(-logit));
	};
	return { bytes, score };
}
