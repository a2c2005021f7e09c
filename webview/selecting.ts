/** Selecting: shown at once, told to the host, and settled by the host's answer. */
import type { HostApi, Selection } from '../src/shared/panel';
import type { Remote } from '../src/shared/rpc';
import { subjectOf, withSelection, type Saved, type Store } from './store';

export class Selecting {
	private underWay = 0;
	private held?: Selection;

	/** `before`: what was selected when the panel was closed, offered to the host once if it has no other selection. */
	constructor(
		private readonly store: Store,
		private readonly host: Remote<HostApi>,
		private before?: Saved,
	) {}

	async select(selection: Selection): Promise<void> {
		this.store.update((state) => withSelection(state, selection));
		this.underWay++;
		try {
			await this.host.call('select', selection);
		} catch {
			// The host is gone or busy: what is selected here stays selected here.
		} finally {
			this.underWay--;
			if (this.underWay === 0 && this.held) {
				const held = this.held;
				this.held = undefined;
				this.receive(held);
			}
		}
	}

	/** The host's word is final; while own selections are under way its snapshots are echoes of older ones and wait. */
	receive(selection: Selection): void {
		if (this.underWay > 0) {
			this.held = selection;
			return;
		}
		const { before } = this;
		const { panel } = this.store.state;
		if (before && panel && 'run' in panel) {
			this.before = undefined;
			if (selection.row === undefined && before.selection.row !== undefined && before.subject === subjectOf(panel)) {
				void this.select(before.selection);
				return;
			}
		}
		this.store.update((state) => withSelection(state, selection));
	}
}
