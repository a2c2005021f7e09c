/** Small canvases of a key: a scale's colours, and what stands for no value. */
import type { Palette } from '../theme';
import type { Scale } from './colour';
import { hatching } from './heatmap';

/** Pixels of the page. */
export const SCALE = { width: 120, height: 10 };
export const SWATCH = { width: 18, height: 10 };

/** Scaled to the device's pixels. */
export function sized(canvas: HTMLCanvasElement, { width, height }: typeof SCALE): CanvasRenderingContext2D | null {
	canvas.width = width * devicePixelRatio;
	canvas.height = height * devicePixelRatio;
	canvas.style.width = `${width}px`;
	canvas.style.height = `${height}px`;
	const context = canvas.getContext('2d');
	context?.scale(devicePixelRatio, devicePixelRatio);
	return context;
}

export function gradient(canvas: HTMLCanvasElement, { domain: [low, high], shade }: Scale): void {
	const context = sized(canvas, SCALE);
	for (let x = 0; context && x < SCALE.width; x++) {
		context.fillStyle = shade(low + ((high - low) * x) / (SCALE.width - 1))?.[0] ?? 'transparent';
		context.fillRect(x, 0, 1, SCALE.height);
	}
}

export function hatched(canvas: HTMLCanvasElement, { dim }: Palette): void {
	const context = sized(canvas, SWATCH);
	if (context) {
		context.fillStyle = hatching(context, dim);
		context.fillRect(0, 0, SWATCH.width, SWATCH.height);
	}
}
