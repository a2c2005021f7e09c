/** How usual what was written is, in one line; never a verdict. */
import { create, select } from 'd3';
import type { LegibilityView } from '../../src/shared/panel';
import { runOf } from '../store';
import type { Context, View } from '../view';

type Figure = LegibilityView['figures'][number];

export function legibility({ tooltip }: Context): View {
	const root = create('section').attr('class', 'legibility').attr('aria-label', 'How usual the chain of thought is');
	const title = root.append('span').attr('class', 'legibility-title').text('Chain of thought');
	const list = root.append('ul');
	// A figure that is cut off scrolls into view while it has the focus.
	list.on('focusout', () => (list.node() as HTMLElement).scrollTo(0, 0));
	return {
		element: root.node() as HTMLElement,
		render({ panel, room }, before) {
			const figures = runOf(panel)?.legibility?.figures ?? [];
			(root.node() as HTMLElement).hidden = figures.length === 0;
			if (before && panel === before.panel && room === before.room) {
				return;
			}
			const whole = figures.map(({ label, value }) => `${label}: ${value}`).join('\n');
			tooltip.set(title.node() as HTMLElement, room === 'ample' ? '' : whole);
			list
				.selectAll<HTMLLIElement, Figure>('li')
				.data(figures, ({ label }) => label)
				.join('li')
				.order()
				.attr('tabindex', 0)
				.each(function ({ label, value, definition }) {
					select(this).text(`${label} `).append('span').attr('class', 'figure').text(value);
					tooltip.set(this, definition);
				});
		},
	};
}
