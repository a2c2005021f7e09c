/** What the reader should know about the run: settings that were ignored, arms that were cut off. */
import { create } from 'd3';
import { plural } from '../figures';
import { runOf } from '../store';
import type { Context, View } from '../view';

/** More notes than this are folded away, and all of them where there is little room. */
const OPEN_NOTES = 2;

export function notes(_context: Context): View {
	const root = create('details').attr('class', 'notes');
	const summary = root.append('summary');
	const list = root.append('ul');
	return {
		element: root.node() as HTMLElement,
		render({ panel, room }, before) {
			const found = runOf(panel)?.notes ?? [];
			const element = root.node() as HTMLDetailsElement;
			element.hidden = found.length === 0;
			if (found.length !== runOf(before?.panel)?.notes.length || room !== before?.room) {
				element.open = found.length <= OPEN_NOTES && room === 'ample';
			}
			summary.text(plural(found.length, 'note'));
			list
				.selectAll('li')
				.data(found)
				.join('li')
				.text((note) => note);
		},
	};
}
