/** The evidence level of a thought: a badge in its row, and the rungs with their reasons in the details. */
import { create } from 'd3';
import type { LevelView } from '../../src/shared/panel';
import * as evidence from '../evidence';
import type { Tooltip } from '../tooltip';

export function levelBadge(view: LevelView, tooltip: Tooltip): HTMLElement {
	const badge = create('span')
		.attr('class', 'level')
		.attr('data-level', view.level)
		.attr('role', 'img')
		.attr('aria-label', `Evidence level ${view.level} of 4`)
		.attr('tabindex', -1)
		.text(`L${view.level}`)
		.node() as HTMLElement;
	tooltip.set(badge, evidence.level(view));
	return badge;
}

export function levelRungs({ claim, rungs }: LevelView): HTMLElement {
	const root = create('div').attr('class', 'ladder');
	root.append('p').attr('class', 'claim').text(`“${claim}”`);
	const items = root
		.append('ol')
		.selectAll('li')
		.data(rungs)
		.join('li')
		.attr('data-state', ({ state }) => state);
	const line = items.append('p').attr('class', 'rung');
	line
		.append('span')
		.attr('class', 'rung-mark')
		.attr('role', 'img')
		.attr('aria-label', ({ state }) => state)
		.text(({ state }) => evidence.mark(state));
	line.append('span').attr('class', 'rung-level').text(({ level }) => `L${level}`);
	line.append('span').text(({ level }) => evidence.RUNGS[level] ?? '');
	items
		.append('p')
		.attr('class', 'why')
		.text(({ why }) => why);
	return root.node() as HTMLElement;
}
