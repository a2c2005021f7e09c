/** The whole step axis beside the steps: where one is, what is where, and the way to any place of it. */
import { create } from 'd3';
import type { Overview } from '../../src/shared/panel';
import { clamp } from '../../src/shared/range';
import { Asking } from '../asking';
import { scaleOf } from '../draw/colour';
import { drawOverview, laneBoxes, type Drawn } from '../draw/overview';
import * as glossary from '../glossary';
import { ZOOM_KEYS, type ZoomStep } from '../keys';
import { binBox, lensAt, rowsOfBin, scrollFor, type Axis } from '../lens';
import { inWords } from '../overview';
import { layerOf, probeOf, runOf, shownProbe, subjectOf, type AppState } from '../store';
import { onThemeChange, readPalette } from '../theme';
import type { Context } from '../view';

/** Of the steps beside it. */
export interface Scroller {
	/** Pixels. */
	readonly scroll: number;
	readonly view: number;
	readonly rowHeight: number;
	readonly rows: number;
	/** Of the steps and the overview together. */
	readonly width: number;
	to(scroll: number): void;
	zoom(by: ZoomStep): void;
	/** The keyboard goes to the steps in view. */
	focus(): void;
}

export interface OverviewPane {
	element: HTMLElement;
	/** The steps were laid out or scrolled. */
	draw(state: AppState, steps: Scroller): void;
}

/** Fewer steps are seen whole when they take a line each. */
const OVERVIEW_FROM = 32;
/** What the lanes may take of the width, and at most: every lane of two parts, their entropy and a heatmap. */
const LANES = { share: 0.22, least: 48, most: 190 };

const ZOOM_BUTTONS = [
	[-1, '−', 'Show less of each step', glossary.LESS],
	[1, '+', 'Show more of each step', glossary.MORE],
] as const;

export function overview({ host, store, tooltip, report }: Context): OverviewPane {
	const root = create('div').attr('class', 'overview');
	const head = root.append('div').attr('class', 'overview-head');
	const names = head.append('div').attr('class', 'lane-names').attr('aria-hidden', 'true');
	const buttons = head.append('div').attr('class', 'zoom');
	for (const [by, sign, label, meaning] of ZOOM_BUTTONS) {
		const button = buttons.append('button').attr('class', 'zoom-button').attr('aria-label', label).text(sign);
		button.on('click', () => steps?.zoom(by));
		tooltip.set(button.node() as HTMLElement, meaning);
	}
	const track = root.append('div').attr('class', 'overview-track').attr('tabindex', 0);
	track.attr('role', 'slider').attr('aria-orientation', 'vertical').attr('aria-label', 'Steps in view').attr('aria-valuemin', 1);
	const canvas = track.append('canvas').attr('aria-hidden', 'true').node() as HTMLCanvasElement;
	const lens = track.append('div').attr('class', 'lens').node() as HTMLElement;
	const [element, bar] = [root.node() as HTMLElement, track.node() as HTMLElement];
	let steps: Scroller | undefined;
	let palette = readPalette();
	let known: { key: string; subject: string; value: Overview } | undefined;
	let painted = '';

	const axis = (one: Scroller): Axis => ({ content: one.rows * one.rowHeight, view: one.view, overview: bar.clientHeight });

	const asking = new Asking<Overview>(
		() => {
			const { state } = store;
			const run = runOf(state.panel);
			const [about, bins, layer, probe] = [subjectOf(state.panel), bar.clientHeight, layerOf(state), probeOf(state)];
			return (
				run && {
					about,
					key: JSON.stringify([about, run.revision, layer, probe, bins]),
					due: bins > 0,
					call: () => host.call('overview', { revision: run.revision, bins, layer, probe }),
				}
			);
		},
		(value, { key, about }) => {
			known = { key, subject: about, value };
			if (steps) {
				draw(store.state, steps);
			}
		},
		report,
	);

	function draw(state: AppState, scroller: Scroller): void {
		steps = scroller;
		element.hidden = scroller.rows < OVERVIEW_FROM;
		if (element.hidden || bar.clientHeight === 0) {
			return;
		}
		asking.update();
		if (known && known.subject === subjectOf(state.panel)) {
			paint(state, known.value, scroller);
		}
		place(scroller);
	}

	function drawnOf(state: AppState, value: Overview, scroller: Scroller): Drawn {
		const probe = shownProbe(state);
		const { boxes, width } = laneBoxes(value.lanes, clamp(scroller.width * LANES.share, LANES.least, LANES.most));
		return { overview: value, boxes, width, height: bar.clientHeight, scale: probe && scaleOf(probe), selected: state.selection.row };
	}

	function paint(state: AppState, value: Overview, scroller: Scroller): void {
		const now = JSON.stringify([known?.key, scroller.width, bar.clientHeight, state.selection.row, probeOf(state), devicePixelRatio]);
		if (now === painted) {
			return;
		}
		painted = now;
		const drawn = drawnOf(state, value, scroller);
		element.style.setProperty('--lanes-width', `${drawn.width}px`);
		names
			.selectAll<HTMLSpanElement, Drawn['boxes'][number]>('span')
			.data(drawn.boxes)
			.join('span')
			.style('left', ({ left }) => `${left}px`)
			.style('width', ({ width }) => `${width}px`)
			.text(({ lane }) => lane.label)
			.each(function ({ lane }) {
				tooltip.set(this, lane.definition);
			});
		drawOverview(canvas, drawn, palette, devicePixelRatio);
	}

	/** The lens, and in words what it shows. */
	function place(scroller: Scroller): void {
		const { top, height } = lensAt(scroller.scroll, axis(scroller));
		lens.style.transform = `translateY(${top}px)`;
		lens.style.height = `${height}px`;
		const first = Math.min(scroller.rows, Math.floor(scroller.scroll / scroller.rowHeight) + 1);
		const last = Math.min(scroller.rows, Math.ceil((scroller.scroll + scroller.view) / scroller.rowHeight));
		track.attr('aria-valuemax', scroller.rows).attr('aria-valuenow', first);
		track.attr('aria-valuetext', known ? inWords(known.value, { start: first - 1, end: last }) : `Steps ${first} to ${last}`);
	}

	let held: number | undefined;
	const yOf = (event: PointerEvent) => event.clientY - bar.getBoundingClientRect().top;
	bar.addEventListener('pointerdown', (event) => {
		if (event.button !== 0 || !steps) {
			return;
		}
		const { top, height } = lensAt(steps.scroll, axis(steps));
		const y = yOf(event);
		// Beside the lens: it comes to the pointer, and can be moved on from there.
		held = y >= top && y < top + height ? y - top : height / 2;
		bar.setPointerCapture(event.pointerId);
		steps.to(scrollFor(y - held, axis(steps)));
	});
	bar.addEventListener('pointermove', (event) => {
		if (held !== undefined && steps) {
			steps.to(scrollFor(yOf(event) - held, axis(steps)));
		} else {
			explain(yOf(event));
		}
	});
	for (const end of ['pointerup', 'pointercancel']) {
		bar.addEventListener(end, () => (held = undefined));
	}
	bar.addEventListener('pointerleave', () => tooltip.hide());

	function explain(y: number): void {
		const value = known?.value;
		if (!value || value.bins === 0) {
			return;
		}
		const bin = clamp(Math.floor((y / bar.clientHeight) * value.bins), 0, value.bins - 1);
		const [origin, box] = [bar.getBoundingClientRect(), binBox(bin, value.bins, bar.clientHeight)];
		const text = inWords(value, rowsOfBin(bin, value.bins, value.rows));
		tooltip.show(bar, text, { left: origin.left, right: origin.right, top: origin.top + box.top, bottom: origin.top + box.bottom });
	}

	bar.addEventListener('wheel', (event) => {
		if (steps && !event.ctrlKey) {
			steps.to(steps.scroll + event.deltaY);
		}
	}, { passive: true });
	bar.addEventListener('keydown', (event) => {
		if (!steps || event.ctrlKey || event.altKey || event.metaKey) {
			return;
		}
		const { scroll, view, rowHeight, rows } = steps;
		const moves: Readonly<Record<string, number>> = {
			ArrowUp: scroll - rowHeight,
			ArrowLeft: scroll - rowHeight,
			ArrowDown: scroll + rowHeight,
			ArrowRight: scroll + rowHeight,
			PageUp: scroll - view,
			PageDown: scroll + view,
			Home: 0,
			End: rows * rowHeight,
		};
		const [to, by] = [moves[event.key], ZOOM_KEYS.get(event.key)];
		if (to === undefined && by === undefined && event.key !== 'Enter') {
			return;
		}
		event.preventDefault();
		if (to !== undefined) {
			steps.to(to);
		} else if (by !== undefined) {
			steps.zoom(by);
		} else {
			steps.focus();
		}
	});
	new ResizeObserver(() => steps && draw(store.state, steps)).observe(bar);
	onThemeChange(() => {
		palette = readPalette();
		painted = '';
		if (steps) {
			draw(store.state, steps);
		}
	});
	return { element, draw };
}
