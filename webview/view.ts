/** What a view is: an element, and a function that makes it show a snapshot of the state. */
import type { Action, HostApi, Reveal } from '../src/shared/panel';
import type { Remote } from '../src/shared/rpc';
import type { Selecting } from './selecting';
import type { AppState, Store } from './store';
import type { Tooltip } from './tooltip';

export interface View {
	readonly element: HTMLElement;
	/** `before` is the snapshot shown last; absent the first time. */
	render(state: AppState, before?: AppState): void;
	/** Shows a part of the panel. */
	reveal?(what: Reveal): void;
}

/** What a view may use. */
export interface Context {
	readonly host: Remote<HostApi>;
	readonly store: Store;
	readonly selecting: Selecting;
	readonly tooltip: Tooltip;
	act(action: Action): void;
	/** Tells the user that a call failed. */
	report(error: unknown): void;
}

export type ViewMaker = (context: Context) => View;
