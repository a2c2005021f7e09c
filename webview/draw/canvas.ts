/** A canvas of a size in pixels of the page, sharp on the device's. */

export interface Size {
	width: number;
	height: number;
}

/** Empties the canvas; undefined where it has no room or cannot be drawn on. */
export function prepared(canvas: HTMLCanvasElement, { width, height }: Size, ratio: number): CanvasRenderingContext2D | undefined {
	canvas.width = Math.round(width * ratio);
	canvas.height = Math.round(height * ratio);
	canvas.style.width = `${width}px`;
	canvas.style.height = `${height}px`;
	const context = width > 0 && height > 0 ? canvas.getContext('2d') : null;
	context?.scale(ratio, ratio);
	return context ?? undefined;
}
