/** What one reads first: the question, the answer of each arm, and whether they agree. */
import { create, select } from 'd3';
import type { ArmView, PanelState, Run } from '../../src/shared/panel';
import { button } from '../controls';
import * as glossary from '../glossary';
import { countInWords } from '../review';
import { runOf } from '../store';
import type { Context, View } from '../view';

export function header({ tooltip, act, store }: Context): View {
	const root = create('header').attr('class', 'header');
	const titles = root.append('div').attr('class', 'titles');
	const heading = titles.append('h1');
	const title = heading.append('bdi');
	const origin = titles.append('p').attr('class', 'subtitle');
	const subtitle = origin.append('span');
	const model = origin.append('button').attr('class', 'link model').text('Model card').node() as HTMLElement;
	model.addEventListener('click', () => store.update((state) => ({ ...state, card: {} })));
	model.setAttribute('aria-haspopup', 'dialog');
	const notes = origin.append('button').attr('class', 'link model review-count').node() as HTMLElement;
	notes.addEventListener('click', () => act('listNotes'));
	tooltip.set(notes, glossary.NOTES);
	const outcome = root.append('div').attr('class', 'outcome');
	const arms = outcome.append('ul').attr('class', 'arms').attr('aria-label', 'Answers');
	const verdict = outcome.append('p').attr('class', 'agreement');
	const save = button('Save Trace As…', 'secondary', () => act('saveTrace'));
	outcome.append(() => save);

	return {
		element: root.node() as HTMLElement,
		render({ panel, room, review }, before) {
			const run = runOf(panel);
			(root.node() as HTMLElement).hidden = run === undefined;
			notes.textContent = review ? countInWords(review) : '';
			notes.hidden = !review || review.notes.length + review.elsewhere === 0;
			if (!run || !panel || (panel === before?.panel && room === before.room)) {
				return;
			}
			const from = panel.kind === 'ready' && panel.source === 'file' ? `saved trace · ${run.subtitle}` : run.subtitle;
			heading.classed('from-end', run.title.startsWith('…'));
			for (const [line, text] of [[title, run.title], [subtitle, from]] as const) {
				line.text(text);
				// In little room it may be cut.
				tooltip.set(line.node() as HTMLElement, room === 'ample' ? '' : text);
			}
			save.hidden = !canSave(panel);
			showAgreement(run, verdict.node() as HTMLElement, tooltip);
			arms
				.selectAll<HTMLLIElement, ArmView>('li')
				.data(run.arms, (arm) => arm.name)
				.join('li')
				.order()
				.each(function (arm) {
					showArm(this, arm, tooltip);
				});
		},
	};
}

function canSave(panel: PanelState): boolean {
	return panel.kind === 'ready' && panel.source === 'run';
}

function showAgreement(run: Run, element: HTMLElement, tooltip: Context['tooltip']): void {
	element.hidden = run.agree === undefined;
	element.classList.toggle('good', run.agree === true);
	element.classList.toggle('bad', run.agree === false);
	element.textContent = run.agree ? '✓ The arms agree' : '✗ The arms disagree';
	tooltip.set(element, run.agree === undefined ? '' : glossary.agreement(run.agree));
}

function showArm(element: HTMLLIElement, arm: ArmView, tooltip: Context['tooltip']): void {
	element.dataset['arm'] = arm.name;
	element.dataset['state'] = arm.state;
	const mark = arm.agrees === undefined ? '' : arm.agrees ? '✓' : '✗';
	const parts = [
		{ name: 'label', text: arm.label },
		{ name: arm.answer === undefined ? 'pending' : 'answer', text: arm.answer ?? glossary.STATES[arm.state] },
		{ name: arm.agrees ? 'mark good' : 'mark bad', text: mark },
	];
	select(element)
		.selectAll('span')
		.data(parts)
		.join('span')
		.attr('class', (part) => part.name)
		.text((part) => part.text);
	element.querySelector('.mark')?.setAttribute('aria-label', arm.agrees === undefined ? '' : arm.agrees ? 'agrees' : 'disagrees');
	tooltip.set(element, glossary.arm(arm));
}
