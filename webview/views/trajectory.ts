/** The way of the thoughts through a plane of two principal components. */
import { create } from 'd3';
import { choice } from '../controls';
import { percent, planes } from '../course';
import { drawPath, layOutPath, pointAt, stepColour, type PathLayout } from '../draw/path';
import { prepared } from '../draw/canvas';
import type { Tooltip } from '../tooltip';
import type { CoursePart, CourseTools } from './course';

/** Pixels from a point within which it is meant. */
const REACH = 14;
const KEY = { width: 56, height: 8 };
/** A higher drawing would push the steps away. */
const MAX_HEIGHT = 220;
const ASPECT = 0.75;
const NO_NAMES = 'none';

/** `redraw`: what is drawn was chosen anew. */
export function trajectory({ point, choose, walk }: CourseTools, tooltip: Tooltip, redraw: () => void): CoursePart {
	const root = create('div').attr('class', 'course-path');
	const bar = root.append('div').attr('class', 'course-bar');
	let [plane, by] = ['', ''];
	const plan = choice('Components', (value) => ((plane = value), redraw()));
	const naming = choice('Names', (value) => ((by = value), redraw()));
	bar.append('span').text('components');
	bar.append(() => plan.element);
	bar.append(() => naming.element);
	const frame = root.append('div').attr('class', 'course-frame').node() as HTMLElement;
	walk(frame, 'Trajectory of the thoughts. Arrow keys step through them.');
	const canvas = create('canvas').attr('class', 'course-canvas').attr('aria-hidden', 'true').node() as HTMLCanvasElement;
	frame.append(canvas);
	const key = root.append('p').attr('class', 'course-key');
	key.append('span').text('thought');
	const first = key.append('span').attr('class', 'figure');
	const ramp = key.append('canvas').attr('aria-hidden', 'true').node() as HTMLCanvasElement;
	const last = key.append('span').attr('class', 'figure');
	const shares = key.append('span').attr('class', 'course-shares');
	let layout: PathLayout | undefined;

	const under = (event: MouseEvent) => {
		const box = canvas.getBoundingClientRect();
		return layout && pointAt(layout, event.clientX - box.left, event.clientY - box.top, REACH);
	};
	frame.addEventListener('pointermove', (event) => {
		const bin = under(event);
		frame.style.cursor = bin === undefined ? '' : 'pointer';
		point(canvas, bin, { left: event.clientX, right: event.clientX, top: event.clientY - REACH, bottom: event.clientY + REACH });
	});
	frame.addEventListener('pointerleave', () => point(canvas, undefined, canvas.getBoundingClientRect()));
	frame.addEventListener('click', (event) => {
		const bin = under(event);
		if (bin !== undefined) {
			choose(bin);
		}
	});

	return {
		element: root.node() as HTMLElement,
		draw({ course: { path, thoughts }, selected, palette }) {
			(root.node() as HTMLElement).hidden = path === undefined;
			if (!path) {
				return;
			}
			const options = planes(path);
			const { axes, value } = options.find((one) => one.value === plane) ?? options[0]!;
			plan.set(options, value);
			const names = path.labels.find((one) => one.by === by) ?? (by === NO_NAMES ? undefined : path.labels[0]);
			naming.set([...path.labels.map((one) => ({ value: one.by, label: one.by })), { value: NO_NAMES, label: 'no names' }], names?.by ?? NO_NAMES);
			const width = frame.clientWidth;
			layout = layOutPath(path.places, axes, { width, height: Math.min(MAX_HEIGHT, Math.round(width * ASPECT)) });
			drawPath(canvas, { layout, spare: path.spare, names: names?.groups ?? [], selected }, palette, devicePixelRatio);
			first.text('1');
			last.text(thoughts);
			const context = prepared(ramp, KEY, devicePixelRatio);
			for (let x = 0; context && x < KEY.width; x++) {
				context.fillStyle = stepColour(x, KEY.width);
				context.fillRect(x, 0, 1, KEY.height);
			}
			shares.text(`variance ${percent(path.shares[axes[0]] ?? 0)} × ${percent(path.shares[axes[1]] ?? 0)}`);
			tooltip.set(key.node() as HTMLElement, path.definition);
		},
	};
}
