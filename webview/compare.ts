/** The script of the page that shows two traces side by side: connects its views to the host. */
import type { CompareHostApi, ComparePageApi } from '../src/shared/compare';
import { Remote, serve } from '../src/shared/rpc';
import { details } from './compare/details';
import { head } from './compare/head';
import { key } from './compare/key';
import { rows } from './compare/rows';
import { restored, type CompareContext, type PageState } from './compare/state';
import { registerControls } from './controls';
import { acquireEditor } from './editor';
import { Tooltip } from './tooltip';

/** From top to bottom. */
const VIEWS = [head, rows, key, details];

function boot(root: HTMLElement): void {
	registerControls();
	const editor = acquireEditor();
	const { port } = editor;
	let state: PageState = restored(editor.getState());
	const update = (change: Partial<PageState>) => {
		const before = state;
		state = { ...state, ...change };
		const { plane, row, shown } = state;
		if (shown) {
			editor.setState({ files: shown.files, choice: shown.kind === 'ready' ? shown.view.choice : undefined, plane, row });
		}
		root.dataset['kind'] = shown?.kind ?? 'loading';
		views.forEach((view) => view.render(state, before));
	};
	const context: CompareContext = {
		host: new Remote<CompareHostApi>(port),
		tooltip: new Tooltip(root),
		get state() {
			return state;
		},
		update,
		report: (error) => update({ problem: error instanceof Error ? error.message : String(error) }),
	};
	const views = VIEWS.map((make) => make(context));
	root.append(...views.map(({ element }) => element));
	serve<ComparePageApi>(port, { state: (shown) => update({ shown, problem: undefined }) });
	addEventListener('resize', () => update({}));
	update({});
	context.host.call('ready', undefined).catch(context.report);
}

const root = document.getElementById('app');
if (root) {
	boot(root);
}
