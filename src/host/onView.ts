/** What a command of the palette is about: the trace editor that has the focus, else the prompt's panel. */
import type { TraceView } from '../analysis/view';
import type { Focus } from './focus';
import type { Panel } from './panel';
import type { PanelView } from './panelView';
import type { Subject } from './subject';
import type { TraceEditor } from './traceEditor';

export interface OnView {
	subject: Subject;
	view: TraceView;
	/** Where it is shown; absent while the panel is closed. */
	page?: PanelView;
	/** Where the trace lies; absent while a run has not finished. */
	file?: { path: string; name: string };
}

/** Undefined where there is nothing to show (yet). */
export function onView(focus: Focus, panel: Panel, traces: TraceEditor): OnView | undefined {
	const { trace, analysis } = focus;
	if (trace?.view) {
		const { uri, view } = trace;
		const name = uri.path.slice(uri.path.lastIndexOf('/') + 1);
		return { subject: trace, view, page: traces.view, file: { path: uri.scheme === 'file' ? uri.fsPath : name, name } };
	}
	const { view, finished } = analysis ?? {};
	if (!analysis || !view) {
		return undefined;
	}
	const file = finished && finished.view === view ? { path: finished.path, name: view.source.document.prompt.name } : undefined;
	return { subject: analysis, view, page: panel.view, file };
}

/** A row of a view's context menu says which it is. */
export function rowOf(where: unknown): number | undefined {
	const row = (where as { row?: unknown } | undefined)?.row;
	return Number.isSafeInteger(row) && (row as number) >= 0 ? (row as number) : undefined;
}
