/** Both runs with their answers, how they are aligned, and what the reader should know. */
import { create } from 'd3';
import type { CompareView } from '../../src/shared/compare';
import { button, choice, progressRing } from '../controls';
import { planeOf, viewOf, type CompareContext, type CompareViewPart } from './state';

/** Where there is less room, notes are folded away. */
const ROOMY = { width: 700, height: 640 };

const SIDES = ['a', 'b'] as const;
const ALIGNMENTS = [
	{ value: 'text', label: 'aligned by text' },
	{ value: 'index', label: 'aligned by index' },
];

export function head(context: CompareContext): CompareViewPart {
	const { host, tooltip, report } = context;
	const root = create('header').attr('class', 'compare-head');
	const status = root.append('div').attr('class', 'compare-status').attr('role', 'status');
	const message = status.append('span');
	status.node()!.prepend(progressRing());
	const again = button('Read Again', 'secondary', () => void host.call('reload', undefined).catch(report));
	status.append(() => again);
	const sides = root.append('div').attr('class', 'compare-sides');
	const shown = SIDES.map((side) => {
		const box = sides.append('section').attr('class', 'compare-side');
		const title = box.append('h1');
		title.append('span').attr('class', 'compare-letter').text(side.toUpperCase());
		const name = title
			.append('button')
			.attr('class', 'link')
			.on('click', () => void host.call('open', side).catch(report));
		tooltip.set(name.node()!, 'Opens this trace by itself.');
		const question = box.append('p').attr('class', 'compare-question');
		const subtitle = box.append('p').attr('class', 'compare-subtitle');
		const answer = box.append('p').attr('class', 'compare-answer');
		answer.append('span').attr('class', 'label').text('answer ');
		return { name, question, subtitle, answer: answer.append('strong') };
	});
	const bar = root.append('div').attr('class', 'compare-bar');
	const summary = bar.append('span').attr('class', 'compare-summary').attr('aria-live', 'polite');
	const choose = (change: Partial<NonNullable<CompareView['choice']>>) => {
		const { choice: now } = viewOf(context.state) ?? {};
		if (now) {
			void host.call('choose', { ...now, ...change }).catch(report);
		}
	};
	const armA = choice('Arm of A', (a) => choose({ a }));
	const armB = choice('Arm of B', (b) => choose({ b }));
	const by = choice('How steps are aligned', (value) => choose({ by: value === 'index' ? 'index' : 'text' }));
	const planes = choice('What the heatmap shows', (plane) => context.update({ plane }));
	const swap = button('Swap', 'secondary', () => void host.call('swap', undefined).catch(report));
	for (const element of [armA.element, armB.element, by.element, planes.element, swap]) {
		bar.append(() => element);
	}
	const notes = root.append('details').attr('class', 'notes').attr('open', innerWidth >= ROOMY.width && innerHeight >= ROOMY.height ? '' : null);
	const notesTitle = notes.append('summary');
	const list = notes.append('ul');
	return {
		element: root.node() as HTMLElement,
		render(state) {
			const { shown: stage, problem } = state;
			const failed = stage?.kind === 'failed' ? stage.message : problem;
			status.attr('hidden', stage?.kind === 'ready' && problem === undefined ? '' : null).attr('data-kind', failed === undefined ? 'loading' : 'failed');
			message.text(failed ?? 'Reading both traces …');
			again.hidden = failed === undefined;
			const view = viewOf(state);
			for (const part of [sides, bar, notes]) {
				part.attr('hidden', view ? null : '');
			}
			if (!view) {
				return;
			}
			shown.forEach((one, i) => {
				const side = view[SIDES[i]!];
				one.name.text(side.name);
				one.question.text(side.title);
				one.subtitle.text(side.subtitle);
				one.answer.text(view.answers[SIDES[i]!] ?? 'none');
				one.answer.attr('class', view.answers.same ? '' : 'warn');
			});
			summary.text(summaryOf(view));
			const { choice: now } = view;
			for (const element of [armA.element, armB.element, by.element]) {
				element.hidden = now === undefined;
			}
			if (now) {
				armA.set(view.arms.a.map((name) => ({ value: name, label: `A: ${name}` })), now.a);
				armB.set(view.arms.b.map((name) => ({ value: name, label: `B: ${name}` })), now.b);
				by.set(ALIGNMENTS, now.by);
			}
			planes.element.hidden = view.planes.length === 0;
			planes.set(view.planes.map(({ name, label }) => ({ value: name, label })), planeOf(state)?.name ?? '');
			notes.attr('hidden', view.notes.length === 0 ? '' : null);
			notesTitle.text(view.notes.length === 1 ? '1 note' : `${view.notes.length} notes`);
			list.selectAll('li').data(view.notes).join('li').text((note) => note);
		},
	};
}

function summaryOf({ rows, differing, answers, choice: now }: CompareView): string {
	if (!now) {
		return '';
	}
	const steps = differing.length === 0 ? `all ${rows} steps say the same` : `${differing.length} of ${rows} steps differ`;
	const said = answers.a === undefined && answers.b === undefined ? 'No answers' : answers.same ? 'Same answer' : 'The answers differ';
	return `${said}, ${steps}`;
}
