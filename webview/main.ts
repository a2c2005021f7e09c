/** The panel's script: connects the views to the host. */
import type { HostApi, PanelApi } from '../src/shared/panel';
import type { Shown } from '../src/shared/review';
import { Remote, serve } from '../src/shared/rpc';
import { registerControls } from './controls';
import { acquireEditor } from './editor';
import { coloursOf } from './draw/colour';
import { listenForDrops } from './dropping';
import { rasterized } from './picture';
import { Selecting } from './selecting';
import { restored, shownProbe, Store, withPanel, withRoom, type AppState } from './store';
import { Tooltip } from './tooltip';
import type { Context, ViewMaker } from './view';
import { roomOf } from './viewport';
import { announcer } from './views/announcer';
import { card } from './views/card';
import { course } from './views/course';
import { details } from './views/details';
import { header } from './views/header';
import { legend } from './views/legend';
import { loops } from './views/loops';
import { legibility } from './views/legibility';
import { meter } from './views/meter';
import { notes } from './views/notes';
import { review } from './views/review';
import { status } from './views/status';
import { steps } from './views/steps';

/** From top to bottom. A new view is one file and one line here. */
const VIEWS: readonly ViewMaker[] = [header, meter, legibility, status, notes, course, steps, loops, legend, review, details, announcer, card];

/** What an export of what is on view needs. */
function shown(state: AppState): Shown {
	const probe = shownProbe(state);
	return { probe: probe?.name, colours: probe ? coloursOf(probe) : [] };
}

function boot(root: HTMLElement): void {
	registerControls();
	const editor = acquireEditor();
	const { port } = editor;
	const host = new Remote<HostApi>(port);
	const before = restored(editor.getState());
	const store = new Store(before.state, (navigation) => editor.setState(navigation));
	const selecting = new Selecting(store, host, before.saved);
	const report = (error: unknown) => {
		const problem = error instanceof Error ? error.message : String(error);
		store.update((state) => ({ ...state, problem }));
	};
	const context: Context = {
		host,
		store,
		selecting,
		tooltip: new Tooltip(root),
		report,
		act: (action) => void host.call('act', action).catch(report),
	};
	const views = VIEWS.map((make) => make(context));
	root.append(...views.map((view) => view.element));

	const render = (state: AppState, last?: AppState) => {
		root.dataset['kind'] = state.panel?.kind ?? 'connecting';
		root.dataset['room'] = state.room;
		for (const view of views) {
			view.render(state, last);
		}
	};
	store.subscribe(render);
	const measure = () => store.update((state) => withRoom(state, roomOf(innerWidth, innerHeight)));
	addEventListener('resize', measure);
	measure();
	render(store.state);
	serve<PanelApi>(port, {
		state: (panel) => store.update((state) => withPanel(state, panel)),
		selection: (selection) => selecting.receive(selection),
		review: (review) => store.update((state) => ({ ...state, review: review ?? undefined })),
		shown: () => shown(store.state),
		rasterize: rasterized,
		reveal: (what) => views.forEach((view) => view.reveal?.(what)),
	});
	listenForDrops(host, report);
	host.call('ready', undefined).catch(report);
}

const root = document.getElementById('app');
if (root) {
	boot(root);
}
