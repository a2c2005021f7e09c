/** A picture of ours as PNG: the page is what has a canvas and fonts. */
import type { Drawing } from '../src/shared/review';

/** For paper and for dense screens. */
const SCALE = 2;

export async function rasterized({ svg, width, height }: Drawing): Promise<Uint8Array> {
	const image = new Image();
	image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
	await image.decode();
	const canvas = document.createElement('canvas');
	canvas.width = width * SCALE;
	canvas.height = height * SCALE;
	canvas.getContext('2d')!.drawImage(image, 0, 0, canvas.width, canvas.height);
	const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
	if (!blob) {
		throw new Error('The picture could not be drawn: save it as SVG.');
	}
	return new Uint8Array(await blob.arrayBuffer());
}
