/** The steps: chain of thought, latent thoughts and probe scores on one axis. Only the rows in view exist. */
import { create, range, select } from 'd3';
import type { Row, Run } from '../../src/shared/panel';
import { siteName } from '../../src/shared/sites';
import { choice } from '../controls';
import { intent } from '../keys';
import { Pages } from '../pages';
import { layerOf, runOf, subjectOf, underlineOf, type AppState } from '../store';
import type { Context, View } from '../view';
import { metrics as metricsFor, reveal, visible, type Metrics } from '../viewport';
import { makeHead, makeRow } from './grid';
import { heat as makeHeat } from './heat';
import { picker as makePicker } from './picker';
import { showSentence } from './sentence';
import { showThought } from './thought';
import { underlineChoice } from './underline';

/** Rows kept outside the view on both sides; also the step in which the window moves. */
const OVERSCAN = { tall: 4, thin: 16 };
/** Where one has scrolled to is saved when the scrolling rests. */
const SCROLL_REST_MS = 150;

/** Heading of the written column: only the chain of thought itself is called so. */
const WRITTEN: Readonly<Record<NonNullable<Run['reasoning']>, string>> = {
	full: 'Chain of thought',
	summary: 'Reasoning summary',
	redacted: 'Reasoning withheld',
	none: 'Without reasoning',
};

export function steps(context: Context): View {
	const { host, store, selecting, tooltip, report } = context;
	const root = create('section').attr('class', 'steps').attr('tabindex', -1).node() as HTMLElement;
	const grid = select(root)
		.append('div')
		.attr('class', 'grid')
		.attr('role', 'grid')
		.attr('aria-label', 'Steps')
		.node() as HTMLElement;
	const picker = makePicker(context);
	const heat = makeHeat(context);
	const layers = choice('Layer', (value) => void selecting.select({ ...store.state.selection, layer: Number(value) }));
	const underline = underlineChoice(context);
	const head = makeHead(underline.element, layers.element, picker.element, tooltip);
	grid.append(head);
	const body = select(grid).append('div').attr('class', 'body').attr('role', 'rowgroup').node() as HTMLElement;
	const layer = select(body).append('div').attr('class', 'columns heat-layer').attr('aria-hidden', 'true').node() as HTMLElement;
	layer.append(heat.canvas);
	root.append(heat.mirror);
	const shown = new WeakMap<HTMLElement, { row?: Row; layer: number; metrics: string; told: string }>();
	let laid: { state: AppState; width: number; metrics: Metrics } | undefined;
	/** The selected row is kept in view until one scrolls away from it: what appears below the steps must not cover it. */
	let anchored = false;

	const pages = new Pages<Row>(
		(rows, signal) =>
			host.call('rows', { revision: runOf(store.state.panel)?.revision ?? 0, rows, layer: layerOf(store.state) }, { signal }),
		() => draw(store.state),
		report,
	);

	/** What is in view, for a layout that the browser has settled. */
	function draw(state: AppState): void {
		const run = runOf(state.panel);
		if (!run || root.clientWidth === 0) {
			return;
		}
		if (laid?.state !== state || laid.width !== root.clientWidth) {
			laid = { state, width: root.clientWidth, metrics: metricsFor(run.rows, run.layers, root.clientWidth, state.room) };
			layOut(state, run, laid.metrics);
		}
		const { metrics } = laid;
		const window = visible(
			root.scrollTop,
			viewHeight(),
			metrics.rowHeight,
			run.rows,
			metrics.tall ? OVERSCAN.tall : OVERSCAN.thin,
		);
		pages.show(window, run.rows);
		layer.style.top = `${window.start * metrics.rowHeight}px`;
		heat.draw(state, run, window, metrics, (row) => pages.get(row)?.thought?.spare !== undefined);
		drawRows(state, range(window.start, window.end), run.rows, metrics);
	}

	/** What depends on the state and the width, and not on where one has scrolled to. */
	function layOut(state: AppState, run: Run, metrics: Metrics): void {
		root.classList.toggle('tall', metrics.tall);
		root.dataset['layout'] = metrics.layout;
		root.style.setProperty('--scores-width', `${metrics.scoresWidth}px`);
		root.style.setProperty('--row-height', `${metrics.rowHeight}px`);
		root.style.setProperty('--rows-kept', String(Math.min(run.rows, metrics.kept)));
		root.style.setProperty('--rows', String(run.rows));
		grid.setAttribute('aria-rowcount', String(run.rows + 1));
		picker.render(state, metrics.heatWidth);
		head.querySelector('.sentence-title')!.textContent = WRITTEN[run.reasoning ?? 'full'];
		underline.render(state);
		layers.set(
			range(run.layers + 1).map((site) => ({ value: String(site), label: siteName(site, run.depth) })),
			String(layerOf(state)),
		);
	}

	function drawRows(state: AppState, window: number[], rows: number, metrics: Metrics): void {
		const { selection } = state;
		const tabbable = (selection.row ?? 0) < rows ? (selection.row ?? 0) : 0;
		// The row that Tab leads to stays, wherever one has scrolled to: the focus would be lost with it.
		const indices = window.includes(tabbable) || window.length === 0 ? window : [...window, tabbable].sort((a, b) => a - b);
		select(body)
			.selectAll<HTMLElement, number>('.row')
			.data(indices, (index) => index)
			.join((enter) => enter.append(makeRow))
			.order()
			.style('top', (index) => `${index * metrics.rowHeight}px`)
			.attr('aria-selected', (index) => String(index === selection.row))
			.attr('tabindex', (index) => (index === tabbable ? 0 : -1))
			.each(function (index) {
				fill(this, index, state, metrics);
				for (const explained of this.querySelectorAll('.spare, .level')) {
					explained.setAttribute('tabindex', index === tabbable ? '0' : '-1');
				}
				for (const token of this.querySelectorAll<HTMLElement>('.token')) {
					token.classList.toggle('here', index === selection.row && Number(token.dataset['step']) === selection.step);
				}
			});
	}

	function fill(element: HTMLElement, index: number, state: AppState, style: Metrics): void {
		const told = { underline: underlineOf(state), legibility: runOf(state.panel)?.legibility };
		const now = { row: pages.get(index), layer: layerOf(state), metrics: JSON.stringify(style), told: JSON.stringify([told.underline, told.legibility?.reference, told.legibility?.base]) };
		const was = shown.get(element);
		if (was && was.row === now.row && was.layer === now.layer && was.metrics === now.metrics && was.told === now.told) {
			return;
		}
		shown.set(element, now);
		const [, sentence, thought] = element.children as unknown as HTMLElement[];
		element.setAttribute('aria-busy', String(now.row === undefined));
		element.classList.toggle('of-spare', now.row?.thought?.spare !== undefined);
		// The same sentence stays as it is: one of its tokens may have the focus.
		if (!was || was.told !== now.told || JSON.stringify(was.row?.sentence) !== JSON.stringify(now.row?.sentence)) {
			showSentence(sentence as HTMLElement, now.row?.sentence, told, tooltip);
		}
		showThought(thought as HTMLElement, now.row?.thought, { layer: now.layer, tall: style.tall, top: style.top }, tooltip);
	}

	const viewHeight = () => Math.max(0, root.clientHeight - head.offsetHeight);

	/** `focus`: the keyboard is on the steps, so it follows the selection. */
	function follow(state: AppState, focus: boolean): void {
		const { row, step } = state.selection;
		if (row === undefined || !laid || row >= (runOf(state.panel)?.rows ?? 0)) {
			return;
		}
		const target = reveal(row, laid.metrics.rowHeight, root.scrollTop, viewHeight());
		if (target !== root.scrollTop) {
			root.scrollTop = target;
			draw(state);
		}
		if (focus) {
			const element = body.querySelector<HTMLElement>(`.row[data-row="${row}"]`);
			const token = step === undefined ? null : element?.querySelector<HTMLElement>(`.token[data-step="${step}"]`);
			(token ?? element)?.focus({ preventScroll: true });
		}
	}

	function onKey(event: KeyboardEvent): void {
		const { state } = store;
		const run = runOf(state.panel);
		if (!run || !laid || head.contains(event.target as Node)) {
			return;
		}
		const tokens = state.selection.row === undefined ? [] : (pages.get(state.selection.row)?.sentence?.tokens ?? []);
		const meant = intent(event, state.selection, {
			rows: run.rows,
			layers: run.layers,
			layer: layerOf(state),
			page: Math.max(1, Math.floor(viewHeight() / laid.metrics.rowHeight)),
			steps: tokens.map((token) => token.step),
		});
		if (!meant) {
			return;
		}
		event.preventDefault();
		if (meant.kind === 'select') {
			void selecting.select(meant.selection);
			follow(store.state, true);
		} else if (meant.kind === 'clear') {
			void selecting.select({});
		} else {
			openDetails(store.state.selection.row ?? 0);
		}
	}

	function openDetails(row: number): void {
		void selecting.select({ ...store.state.selection, row });
		store.update((state) => ({ ...state, details: true }));
		document.querySelector<HTMLElement>('.details')?.focus();
	}

	body.addEventListener('click', (event) => {
		const target = event.target as HTMLElement;
		const row = target.closest<HTMLElement>('.row');
		if (!row || getSelection()?.isCollapsed === false) {
			return;
		}
		const step = target.closest<HTMLElement>('.token')?.dataset['step'];
		const chosen = target.closest<HTMLElement>('.strip-word')?.dataset['layer'];
		void selecting.select({
			row: Number(row.dataset['row']),
			layer: chosen === undefined ? store.state.selection.layer : Number(chosen),
			step: step === undefined ? undefined : Number(step),
		});
		row.focus({ preventScroll: true });
	});
	root.addEventListener('keydown', onKey);
	let resting: number | undefined;
	let frame = 0;
	const redraw = () => {
		cancelAnimationFrame(frame);
		frame = requestAnimationFrame(() => draw(store.state));
	};
	for (const gesture of ['wheel', 'pointerdown', 'touchmove']) {
		root.addEventListener(gesture, () => (anchored = false), { passive: true });
	}
	root.addEventListener('scroll', () => {
		redraw();
		clearTimeout(resting);
		resting = window.setTimeout(() => store.update((state) => ({ ...state, scroll: root.scrollTop })), SCROLL_REST_MS);
	});
	new ResizeObserver(() => {
		redraw();
		if (anchored) {
			follow(store.state, false);
		}
	}).observe(root);
	new ResizeObserver(() => root.style.setProperty('--head-height', `${head.offsetHeight}px`)).observe(head, { box: 'border-box' });

	return {
		element: root,
		render(state, before) {
			const run = runOf(state.panel);
			// Without steps, loops × tokens are all there is to see.
			root.hidden = run === undefined || (run.rows === 0 && run.depth !== undefined);
			if (!before || subjectOf(state.panel) !== subjectOf(before.panel)) {
				pages.clear();
			} else if (layerOf(state) !== layerOf(before)) {
				pages.replace();
			} else if (run?.revision !== runOf(before.panel)?.revision) {
				pages.refresh();
			}
			heat.update(state, before);
			draw(state);
			if (run && (!before || !runOf(before.panel) || subjectOf(state.panel) !== subjectOf(before.panel))) {
				root.scrollTop = state.scroll;
			}
			if (state.selection.row !== before?.selection.row) {
				anchored = true;
				follow(state, false);
			}
		},
		reveal() {
			anchored = true;
			follow(store.state, false);
		},
	};
}
