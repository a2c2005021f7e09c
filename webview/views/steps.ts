/** The steps: chain of thought, latent thoughts and probe scores on one axis. Only the rows in view exist. */
import { create, range, select } from 'd3';
import type { Row, Run } from '../../src/shared/panel';
import { siteName } from '../../src/shared/sites';
import { template } from '../columns';
import { choice } from '../controls';
import { intent, type ZoomStep } from '../keys';
import { Pages } from '../pages';
import { layerOf, runOf, subjectOf, type AppState } from '../store';
import type { Context, View } from '../view';
import { metrics as metricsFor, reveal, visible, zoomed, type Metrics } from '../viewport';
import { makeHead } from './grid';
import { heat as makeHeat } from './heat';
import { overview as makeOverview, type Scroller } from './overview';
import { picker as makePicker } from './picker';
import { Rows } from './rows';
import { traitNames } from './traits';
import { underlineChoice } from './underline';

/** Rows kept outside the view on both sides; also the step in which the window moves. */
const OVERSCAN = { tall: 4, thin: 16, dense: 16 };
/** Where one has scrolled to is saved when the scrolling rests. */
const SCROLL_REST_MS = 150;
/** Of a wheel with Ctrl: a notch of most mice is 100, and a pinch comes in many small ones. */
const ZOOM_TURN_PX = 50;

/** Heading of the written column: only the chain of thought itself is called so. */
const WRITTEN: Readonly<Record<NonNullable<Run['reasoning']>, string>> = {
	full: 'Chain of thought',
	summary: 'Reasoning summary',
	redacted: 'Reasoning withheld',
	none: 'Without reasoning',
};

export function steps(context: Context): View {
	const { host, store, selecting, tooltip, report } = context;
	const frame = create('div').attr('class', 'axis').node() as HTMLElement;
	const root = select(frame).append('section').attr('class', 'steps').attr('tabindex', -1).node() as HTMLElement;
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
	const pane = makeOverview(context);
	frame.append(pane.element);
	const body = select(grid).append('div').attr('class', 'body').attr('role', 'rowgroup').node() as HTMLElement;
	const layer = select(body).append('div').attr('class', 'columns heat-layer').attr('aria-hidden', 'true').node() as HTMLElement;
	layer.append(heat.canvas);
	root.append(heat.mirror);
	let laid: { state: AppState; width: number; metrics: Metrics } | undefined;
	/** The selected row is kept in view until one scrolls away from it: what appears below the steps must not cover it. */
	let anchored = false;

	const pages = new Pages<Row>(
		(rows, signal) =>
			host.call('rows', { revision: runOf(store.state.panel)?.revision ?? 0, rows, layer: layerOf(store.state) }, { signal }),
		() => draw(store.state),
		report,
	);
	const list = new Rows(body, pages, tooltip);

	/** What is in view, for a layout that the browser has settled. */
	function draw(state: AppState): void {
		const run = runOf(state.panel);
		if (!run || root.clientWidth === 0) {
			return;
		}
		if (laid?.state !== state || laid.width !== root.clientWidth) {
			const columns = { sentences: run.columns.sentences, thoughts: run.columns.thoughts, scores: run.probes.length > 0 };
			laid = { state, width: root.clientWidth, metrics: metricsFor({ ...run, columns, zoom: state.zoom }, root.clientWidth, state.room) };
			layOut(state, run, laid.metrics);
		}
		const { metrics } = laid;
		const window = visible(root.scrollTop, viewHeight(), metrics.rowHeight, run.rows, OVERSCAN[metrics.zoom]);
		pages.show(window, run.rows);
		layer.style.top = `${window.start * metrics.rowHeight}px`;
		heat.draw(state, run, window, metrics, (row) => pages.get(row)?.thought?.spare !== undefined);
		list.draw(state, run, window, metrics);
		pane.draw(state, scroller(run.rows, metrics));
	}

	/** What depends on the state and the width, and not on where one has scrolled to. */
	function layOut(state: AppState, run: Run, metrics: Metrics): void {
		const has = { ...run.columns, scores: metrics.scoresWidth > 0 };
		const columns = template(metrics, has);
		const styles: Readonly<Record<string, string>> = {
			'--tracks': columns.tracks,
			'--areas': columns.areas,
			'--head-areas': columns.head,
			'--scores-width': `${metrics.scoresWidth}px`,
			'--row-height': `${metrics.rowHeight}px`,
			'--rows-kept': String(Math.min(run.rows, metrics.kept)),
			'--rows': String(run.rows),
		};
		Object.entries(styles).forEach(([name, value]) => frame.style.setProperty(name, value));
		root.classList.toggle('tall', metrics.tall);
		root.classList.toggle('dense', metrics.zoom === 'dense');
		root.dataset['layout'] = metrics.layout;
		root.dataset['without'] = Object.entries(has).flatMap(([name, there]) => (there === false ? [name] : [])).join(' ');
		nameTraits(run, metrics);
		grid.setAttribute('aria-rowcount', String(run.rows + 1));
		picker.render(state, metrics.heatWidth);
		head.querySelector('.sentence-title')!.textContent = WRITTEN[run.reasoning ?? 'full'];
		underline.render(state);
		layers.set(
			range(run.layers + 1).map((site) => ({ value: String(site), label: siteName(site, run.depth) })),
			String(layerOf(state)),
		);
	}

	let named = '';
	function nameTraits({ columns }: Run, { tall }: Metrics): void {
		const key = tall ? '' : JSON.stringify(columns);
		if (key !== named) {
			named = key;
			head.querySelector('.traits')?.remove();
			if (!tall) {
				head.querySelector('.thought-cell')!.append(traitNames(columns, tooltip));
			}
		}
	}

	function scroller(rows: number, { rowHeight }: Metrics): Scroller {
		return {
			get scroll() {
				return root.scrollTop;
			},
			view: viewHeight(),
			rowHeight,
			rows,
			width: frame.clientWidth,
			to: (scroll) => {
				anchored = false;
				root.scrollTop = scroll;
			},
			zoom,
			focus: () => {
				const row = Math.min(rows - 1, Math.ceil(root.scrollTop / rowHeight));
				void selecting.select({ row, layer: store.state.selection.layer });
				follow(store.state, true);
			},
		};
	}

	/** `y`, in pixels below the head: what is there stays there. The selected row where it is in view, else the first one. */
	function zoom(by: ZoomStep, y?: number): void {
		const run = runOf(store.state.panel);
		if (!laid || !run) {
			return;
		}
		const { rowHeight } = laid.metrics;
		const top = (store.state.selection.row ?? -1) * rowHeight - root.scrollTop;
		const kept = y ?? (top >= 0 && top < viewHeight() ? top : 0);
		const row = (root.scrollTop + kept) / rowHeight;
		const next = by === 0 ? undefined : zoomed(laid.metrics.zoom, by);
		store.update((state) => (state.zoom === next ? state : { ...state, zoom: next }));
		root.scrollTop = row * laid.metrics.rowHeight - kept;
		draw(store.state);
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
		} else if (meant.kind === 'zoom') {
			zoom(meant.by);
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
	let soon = 0;
	const redraw = () => {
		cancelAnimationFrame(soon);
		soon = requestAnimationFrame(() => draw(store.state));
	};
	for (const gesture of ['wheel', 'pointerdown', 'touchmove']) {
		root.addEventListener(gesture, () => (anchored = false), { passive: true });
	}
	let turned = 0;
	frame.addEventListener('wheel', (event) => {
		if (!event.ctrlKey) {
			return;
		}
		event.preventDefault();
		turned += event.deltaY;
		if (Math.abs(turned) >= ZOOM_TURN_PX) {
			const y = event.clientY - root.getBoundingClientRect().top - head.offsetHeight;
			zoom(turned < 0 ? 1 : -1, root.contains(event.target as Node) ? Math.max(0, y) : undefined);
			turned = 0;
		}
	});
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
	new ResizeObserver(() => frame.style.setProperty('--head-height', `${head.offsetHeight}px`)).observe(head, { box: 'border-box' });

	return {
		element: frame,
		render(state, before) {
			const run = runOf(state.panel);
			// Without steps, loops × tokens are all there is to see, or what the status says.
			frame.hidden = run === undefined || (run.rows === 0 && (run.depth !== undefined || run.unworded !== undefined));
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
