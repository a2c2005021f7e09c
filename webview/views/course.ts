/** All thoughts at once: their way through a plane, curves on the step axis, and what they can carry. */
import { create, range } from 'd3';
import type { Course } from '../../src/shared/panel';
import { Asking } from '../asking';
import { binOf, explain, moved, summary } from '../course';
import { isCourseOpen, runOf, subjectOf, type AppState } from '../store';
import { onThemeChange, readPalette, type Palette } from '../theme';
import type { Context, View } from '../view';
import { capacity as makeCapacity } from './capacity';
import { curves as makeCurves } from './curves';
import { trajectory as makeTrajectory } from './trajectory';

/** Points along the axis: as many as the widest panel has pixels. */
const BINS = 1_024;
/** Thoughts on either side of the selected one that the table for assistive technology holds. */
const MIRRORED = 8;

/** What the parts of the section are given to show. */
export interface CourseDrawing {
	course: Course;
	/** Bin of the selected thought. */
	selected?: number;
	palette: Palette;
}

export interface CoursePart {
	readonly element: HTMLElement;
	draw(drawing: CourseDrawing): void;
}

/** What they may do. */
export interface CourseTools {
	/** A bin is pointed at. */
	point(owner: HTMLElement, bin: number | undefined, box: { left: number; right: number; top: number; bottom: number }): void;
	choose(bin: number): void;
	/** Makes an element a way for the keyboard along the thoughts. */
	walk(element: HTMLElement, label: string): void;
}

export function course({ host, store, selecting, tooltip, report }: Context): View {
	const root = create('section').attr('class', 'course').attr('aria-label', 'All thoughts at once').node() as HTMLElement;
	const head = create('div').attr('class', 'course-head');
	const toggle = head.append('button').attr('class', 'course-toggle');
	toggle.on('click', () => store.update((state) => ({ ...state, course: !isCourseOpen(state) })));
	const told = head.append('span').attr('class', 'course-summary');
	const body = create('div').attr('class', 'course-body').attr('id', 'course-body').node() as HTMLElement;
	toggle.attr('aria-controls', 'course-body');
	const mirror = create('div').attr('class', 'visually-hidden');
	const table = mirror.append('table').attr('role', 'grid').node() as HTMLTableElement;
	table.setAttribute('aria-label', 'Thoughts and their measures, around the selected one');
	const walkers: HTMLElement[] = [];
	let palette = readPalette();
	/** `null` where there is nothing to draw; undefined until the host has answered. */
	let found: Course | null | undefined;
	let change: string | undefined;

	const tools: CourseTools = {
		point(owner, bin, box) {
			if (bin === undefined || !found) {
				tooltip.hide();
			} else {
				tooltip.show(owner, explain(found, bin), box);
			}
		},
		choose: (bin) => select(bin * (found?.every ?? 1)),
		walk(element, label) {
			walkers.push(element);
			element.tabIndex = 0;
			element.setAttribute('role', 'slider');
			element.setAttribute('aria-label', label);
			element.addEventListener('keydown', onKey);
		},
	};
	const trajectory = makeTrajectory(tools, tooltip, () => draw(store.state));
	const curves = makeCurves(tools, tooltip, (name) => {
		change = name;
		asking.update();
	});
	const capacity = makeCapacity(tooltip);
	body.append(trajectory.element, curves.element, capacity.element);
	root.append(head.node() as HTMLElement, body, mirror.node() as HTMLElement);

	function select(row: number): void {
		void selecting.select({ row, layer: store.state.selection.layer });
	}

	function onKey(event: KeyboardEvent): void {
		if (event.ctrlKey || event.altKey || event.metaKey) {
			return;
		}
		if (event.key === 'Escape') {
			void selecting.select({});
			return;
		}
		const target = moved(event.key, store.state.selection.row, found?.thoughts ?? 0);
		if (target !== undefined) {
			event.preventDefault();
			select(target);
		}
	}

	const asking = new Asking<Course | null>(
		() => {
			const { state } = store;
			const run = runOf(state.panel);
			const about = subjectOf(state.panel);
			return (
				run && {
					about,
					key: JSON.stringify([about, run.revision, change]),
					due: isCourseOpen(state),
					call: () => host.call('course', { revision: run.revision, bins: BINS, change }),
				}
			);
		},
		(answer) => {
			found = answer;
			show(store.state);
		},
		report,
	);

	/** What is there, and what of it. */
	function show(state: AppState): void {
		const run = runOf(state.panel);
		root.hidden = !run?.course || found === null;
		const open = isCourseOpen(state);
		toggle.text(`${open ? '▾' : '▸'} All ${run?.course?.thoughts ?? 0} thoughts`).attr('aria-expanded', String(open));
		told.text(open ? (found ? summary(found) : '') : 'trajectory, curves, capacity');
		body.hidden = !open || !found;
		draw(state);
	}

	function draw(state: AppState): void {
		if (!found || body.hidden || root.hidden) {
			return;
		}
		const selected = binOf(found, state.selection.row);
		const drawing: CourseDrawing = { course: found, selected, palette };
		trajectory.draw(drawing);
		curves.draw(drawing);
		capacity.draw(drawing);
		const row = selected === undefined ? undefined : state.selection.row;
		for (const walker of walkers) {
			walker.setAttribute('aria-valuemin', '1');
			walker.setAttribute('aria-valuemax', String(found.thoughts));
			walker.setAttribute('aria-valuenow', String((row ?? 0) + 1));
			walker.setAttribute('aria-valuetext', selected === undefined ? 'no thought selected' : explain(found, selected));
		}
		mirrorTable(table, found, row);
	}

	new ResizeObserver(() => draw(store.state)).observe(body);
	onThemeChange(() => {
		palette = readPalette();
		draw(store.state);
	});

	return {
		element: root,
		render(state, before) {
			if (before && subjectOf(state.panel) !== subjectOf(before.panel)) {
				found = undefined;
			}
			if (!before || state.panel !== before.panel || isCourseOpen(state) !== isCourseOpen(before)) {
				show(state);
				asking.update();
			} else if (state.selection.row !== before.selection.row) {
				draw(state);
			}
		},
	};
}

/** One row a thought or bin, one column a measure. */
function mirrorTable(table: HTMLTableElement, course: Course, row: number | undefined): void {
	const bin = binOf(course, row) ?? 0;
	const bins = Math.ceil(course.thoughts / course.every);
	table.setAttribute('aria-rowcount', String(bins));
	const body = create('tbody');
	const lines = range(Math.max(0, bin - MIRRORED), Math.min(bins, bin + MIRRORED + 1));
	const rows = body.selectAll('tr').data(lines).join('tr').attr('aria-rowindex', (at) => at + 1);
	rows.attr('aria-selected', (at) => String(row !== undefined && at === bin));
	rows
		.selectAll('td')
		.data((at) => explain(course, at).split('\n'))
		.join('td')
		.text((text) => text);
	table.replaceChildren(body.node() as HTMLElement);
}
