/** Three numbers of the run, each with its control: how far from tokens, how much it matters, how much it can carry. */
import { create, select } from 'd3';
import { button } from '../controls';
import { GATHERING, meterOf, NAMES, type MeterState } from '../meter';
import type { Tooltip } from '../tooltip';
import type { Context, View } from '../view';
import type { Room } from '../viewport';

type Item = Extract<MeterState, { kind: 'numbers' }>['items'][number];

export function meter({ tooltip, act }: Context): View {
	const root = create('section').attr('class', 'meter').attr('aria-label', 'Meter of the run');
	const list = root.append('ul').attr('class', 'meter-items');
	const untested = root.append('div').attr('class', 'meter-untested');
	const text = untested.append('p');
	const test = button('Test This Run', 'secondary', () => act('testRun'));
	untested.append(() => test);

	return {
		element: root.node() as HTMLElement,
		render({ panel, room }, before) {
			if (before && panel === before.panel && room === before.room) {
				return;
			}
			const state = meterOf(panel);
			(root.node() as HTMLElement).hidden = state.kind === 'hidden';
			(list.node() as HTMLElement).hidden = state.kind !== 'numbers';
			(untested.node() as HTMLElement).hidden = state.kind !== 'untested';
			if (state.kind === 'untested') {
				text.text(state.text);
				test.hidden = !state.offer;
			}
			list
				.selectAll<HTMLLIElement, Item>('li')
				.data(state.kind === 'numbers' ? state.items : [], nameOf)
				.join('li')
				.order()
				.each(function (item) {
					show(this, item, room, tooltip);
				});
		},
	};
}

function nameOf(item: Item): string {
	return item.kind === 'number' ? item.view.name : item.name;
}

function show(element: HTMLLIElement, item: Item, room: Room, tooltip: Tooltip): void {
	const name = nameOf(item) as keyof typeof NAMES;
	element.className = item.kind === 'number' ? 'meter-item' : 'meter-item gathering';
	element.dataset['name'] = name;
	element.tabIndex = item.kind === 'number' ? 0 : -1;
	const [value, label, control] =
		item.kind === 'number' ? [item.view.value, item.view.label, item.view.control] : ['…', '', GATHERING];
	const root = select(element);
	root.selectAll('*').remove();
	const reading = root.append('p').attr('class', 'meter-reading');
	reading.append('span').attr('class', 'meter-value').text(value);
	reading.append('span').attr('class', 'meter-label').text(label);
	const line = root.append('p').attr('class', 'meter-line');
	line.append('span').attr('class', 'meter-name').text(NAMES[name]);
	line.append('span').attr('class', 'meter-control').text(control);
	// In little room label and control are cut or left out.
	const whole = room === 'ample' ? '' : `${NAMES[name]}: ${value} ${label}\n${control}\n`;
	tooltip.set(element, item.kind === 'number' ? `${whole}${item.view.definition}` : '');
}
