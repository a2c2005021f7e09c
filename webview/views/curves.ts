/** Curves of the thoughts, one below the other on one step axis. */
import { axisBottom, create, scaleLinear, select } from 'd3';
import type { CurveView } from '../../src/shared/panel';
import { choice } from '../controls';
import { endOf, reading } from '../course';
import { binAt, binPlace, drawCurve, type CurveKind } from '../draw/curve';
import type { Tooltip } from '../tooltip';
import type { CourseDrawing, CoursePart, CourseTools } from './course';

const HEIGHT: Readonly<Record<CurveKind, number>> = { line: 30, stems: 64 };
const AXIS_HEIGHT = 18;
/** Pixels that a number on the axis needs. */
const TICK = 56;

interface Shown {
	curve: CurveView;
	kind: CurveKind;
}

/** `change`: another replacement of the thoughts is asked for. */
export function curves({ point, choose, walk }: CourseTools, tooltip: Tooltip, change: (name: string) => void): CoursePart {
	const root = create('div').attr('class', 'course-curves');
	const element = root.node() as HTMLElement;
	const changes = choice('What takes a thought’s place', change);
	const list = root.append('div').attr('class', 'course-list').node() as HTMLElement;
	const axis = root.append('div').attr('class', 'course-axis').node() as HTMLElement;
	walk(axis, 'Step axis of the curves. Arrow keys step through the thoughts.');
	const ticks = select(axis).append('svg').attr('aria-hidden', 'true').attr('height', AXIS_HEIGHT).node() as SVGSVGElement;
	const chooser = root.append('div').attr('class', 'course-change');
	chooser.append('span').text('each thought becomes');
	chooser.append(() => changes.element);
	let shown: CourseDrawing | undefined;

	const under = (event: MouseEvent) => {
		const canvas = list.querySelector('canvas');
		const box = canvas?.getBoundingClientRect();
		const bins = shown?.course.curves[0]?.series.mean.length ?? shown?.course.effects?.series.mean.length;
		const inside = box && event.clientX >= box.left && event.clientX <= box.right;
		return inside && bins !== undefined ? { canvas: canvas!, bin: binAt(event.clientX - box.left, bins, box.width) } : undefined;
	};
	list.addEventListener('pointermove', (event) => {
		const hit = under(event);
		const row = (event.target as Element).closest('.curve')?.getBoundingClientRect();
		if (hit && row) {
			point(hit.canvas, hit.bin, { left: event.clientX + 8, right: event.clientX, top: row.top, bottom: row.bottom });
		}
	});
	list.addEventListener('pointerleave', () => point(list, undefined, list.getBoundingClientRect()));
	list.addEventListener('click', (event) => {
		const hit = under(event);
		if (hit) {
			axis.focus({ preventScroll: true });
			choose(hit.bin);
		}
	});

	return {
		element,
		draw(drawing) {
			shown = drawing;
			const { course, selected, palette } = drawing;
			const all: Shown[] = [
				...course.curves.map((curve): Shown => ({ curve, kind: 'line' })),
				...(course.effects ? [{ curve: course.effects, kind: 'stems' } as const] : []),
			];
			element.hidden = all.length === 0;
			const rows = select(list)
				.selectAll<HTMLElement, Shown>('.curve')
				.data(all, ({ kind }, i) => `${kind} ${i}`)
				.join((enter) => enter.append(() => makeRow()))
				.order();
			rows.each(function ({ curve, kind }) {
				const { value, control } = selected === undefined ? { value: '', control: '' } : reading(curve, selected, kind, false);
				const parts = { name: curve.label, value, control: control || besides(curve, course.thoughts) };
				for (const [part, text] of Object.entries(parts)) {
					this.querySelector(`.curve-${part}`)!.textContent = text;
				}
				tooltip.set(this.querySelector('.curve-label')!, `${curve.definition} Unit: ${curve.unit}.`);
				const canvas = this.querySelector('canvas')!;
				const width = this.querySelector<HTMLElement>('.curve-plot')!.clientWidth;
				drawCurve(canvas, { view: curve, kind, width, height: HEIGHT[kind], selected, print: endOf }, palette, devicePixelRatio);
			});
			drawAxis(ticks, course.thoughts, list.querySelector<HTMLElement>('.curve-plot')?.clientWidth ?? 0);
			(chooser.node() as HTMLElement).hidden = course.effects === undefined;
			changes.set((course.effects?.changes ?? []).map(({ name, label }) => ({ value: name, label })), course.effects?.shown ?? '');
		},
	};
}

/** Where no value is held against another: for how many thoughts there is one, else what the line beside it is. */
function besides({ measured, control }: CurveView, thoughts: number): string {
	return measured < thoughts - 1 ? `${measured} of ${thoughts} thoughts` : (control?.label ?? '');
}

function makeRow(): HTMLElement {
	const row = create('div').attr('class', 'curve');
	const label = row.append('div').attr('class', 'curve-label').attr('tabindex', 0);
	label.append('span').attr('class', 'curve-name');
	label.append('span').attr('class', 'curve-value figure');
	label.append('span').attr('class', 'curve-control figure');
	row.append('div').attr('class', 'curve-plot').append('canvas').attr('aria-hidden', 'true');
	return row.node() as HTMLElement;
}

/** Numbers of thoughts, counted from 1. */
function drawAxis(svg: SVGSVGElement, thoughts: number, width: number): void {
	const x = scaleLinear([1, Math.max(2, thoughts)], [binPlace(0, 2, width), binPlace(1, 2, width)]);
	const ticks = x.ticks(Math.max(2, Math.floor(width / TICK))).filter((tick) => Number.isInteger(tick) && tick >= 1);
	const values = [...new Set([1, ...ticks.filter((tick) => x(tick) - x(1) > TICK / 2)])];
	const axis = axisBottom(x).tickValues(values).tickFormat(String).tickSize(4).tickPadding(2);
	select(svg).attr('width', width).selectAll<SVGGElement, null>('g').data([null]).join('g').call(axis);
}
