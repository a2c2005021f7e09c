/** A model's card, over the whole panel: what was found, what it can be asked for, and how far its parts agree. */
import { create } from 'd3';
import type { ModelCardView } from '../../src/shared/panel';
import { isCancelled } from '../../src/shared/rpc';
import { button, progressRing } from '../controls';
import * as glossary from '../glossary';
import { subjectOf, type AppState } from '../store';
import { table, type Column } from '../table';
import type { Tooltip } from '../tooltip';
import type { Context, View } from '../view';

type Fact = ModelCardView['facts'][number];

export function card({ host, store, tooltip, act }: Context): View {
	const root = create('section').attr('class', 'card').attr('role', 'dialog').attr('aria-modal', 'true').attr('aria-label', 'Model card');
	const head = root.append('header').attr('class', 'card-head');
	const titles = head.append('div').attr('class', 'card-titles');
	const title = titles.append('h1');
	const description = titles.append('p').attr('class', 'card-description');
	const choose = button('Choose Model…', 'secondary', () => act('chooseModel'));
	const close = button('Close', 'secondary', () => store.update((state) => ({ ...state, card: undefined })));
	head.append(() => choose);
	head.append(() => close);
	const status = root.append('div').attr('class', 'card-status').attr('role', 'status');
	const ring = status.append(progressRing).node() as HTMLElement;
	const words = status.append('p');
	const again = button('Try Again', 'secondary', () => void ask(store.state, true));
	status.append(() => again);
	const body = root.append('div').attr('class', 'card-body');
	const element = root.node() as HTMLElement;
	let asking: { key: string; abort: AbortController } | undefined;
	let opener: Element | null = null;

	element.addEventListener('keydown', (event) => {
		if (event.key === 'Escape') {
			store.update((state) => ({ ...state, card: undefined }));
			event.stopPropagation();
		}
	});

	/** What is shown stays until the new has come. */
	async function ask(state: AppState, force = false): Promise<void> {
		const key = keyOf(state);
		if (asking?.key === key && !force) {
			return;
		}
		asking?.abort.abort();
		const mine = { key, abort: new AbortController() };
		asking = mine;
		say('Loading the model…', 'busy');
		try {
			const found = await host.call('card', { model: state.card?.model }, { signal: mine.abort.signal });
			if (asking === mine) {
				show(found);
			}
		} catch (error) {
			if (asking === mine && !isCancelled(error)) {
				body.selectAll('*').remove();
				title.text('Model');
				description.text('');
				say(error instanceof Error ? error.message : String(error), 'failed');
			}
		}
	}

	function say(text: string, kind: 'busy' | 'failed' | 'note'): void {
		(status.node() as HTMLElement).hidden = text === '' || (kind === 'busy' && body.selectChildren().size() > 0);
		(status.node() as HTMLElement).dataset['kind'] = kind;
		words.text(text);
		ring.hidden = kind !== 'busy';
		again.hidden = kind !== 'failed';
	}

	function show(found: ModelCardView): void {
		title.text(found.name);
		description.text(found.description);
		say(found.note ?? '', 'note');
		(body.node() as HTMLElement).replaceChildren(...sections(found, tooltip));
	}

	function open(): void {
		opener = document.activeElement;
		setInert(element, true);
		close.focus();
	}

	function shut(): void {
		asking?.abort.abort();
		asking = undefined;
		body.selectAll('*').remove();
		setInert(element, false);
		(opener instanceof HTMLElement && opener.isConnected ? opener : document.querySelector<HTMLElement>('.row[tabindex="0"]'))?.focus();
	}

	return {
		element,
		render(state, before) {
			const wasOpen = !element.hidden && before !== undefined;
			element.hidden = state.card === undefined;
			if (state.card) {
				void ask(state);
				if (!wasOpen) {
					open();
				}
			} else if (wasOpen) {
				shut();
			}
		},
		reveal(what) {
			if (what.section === 'card') {
				store.update((state) => ({ ...state, card: { model: what.model } }));
				close.focus();
			}
		},
	};
}

/** The rest of the panel takes no part while the card is over it. */
function setInert(element: HTMLElement, inert: boolean): void {
	for (const other of element.parentElement?.children ?? []) {
		if (other !== element && other instanceof HTMLElement && other.getAttribute('role') !== 'tooltip') {
			other.inert = inert;
		}
	}
}

/** Asked for again when another model may be meant, not whenever a run goes on. */
function keyOf({ panel, card }: AppState): string {
	return JSON.stringify([subjectOf(panel), panel?.kind, panel?.kind === 'idle' ? panel.model : '', card?.model]);
}

function sections(found: ModelCardView, tooltip: Tooltip): HTMLElement[] {
	const section = (name: string, kind: string, content: Element[]) => {
		const element = create('section').attr('class', `card-part ${kind}`);
		element.append('h2').text(name);
		(element.node() as HTMLElement).append(...content);
		return element.node() as HTMLElement;
	};
	const { facts, available, unavailable, tests } = found;
	return [
		section('What was found', 'card-facts', [factList(facts, tooltip)]),
		...(available.length + unavailable.length > 0 ? [section('What it can be asked for', 'card-features', [featureList(found)])] : []),
		...(tests.length > 0 ? [section('Self-tests', 'card-tests', [testTable(tests, tooltip)])] : []),
	];
}

function factList(facts: readonly Fact[], tooltip: Tooltip): Element {
	const list = create('dl');
	for (const { label, value, definition, code } of facts) {
		const line = list.append('div').attr('class', code ? 'fact code' : 'fact');
		line.append('dt').text(label);
		line.append('dd').text(value);
		if (definition !== undefined) {
			tooltip.set(line.node() as HTMLElement, definition);
		}
	}
	return list.node() as HTMLElement;
}

/** What cannot be had stands first: it is what one would stumble over. */
function featureList({ available, unavailable }: ModelCardView): Element {
	const list = create('ul');
	const item = (mark: string, kind: string, label: string, definition: string, why?: string) => {
		const line = list.append('li').attr('class', kind);
		line.append('span').attr('class', 'feature-mark').attr('aria-hidden', 'true').text(mark);
		const text = line.append('div');
		text.append('span').attr('class', 'feature-name').text(label);
		text.append('span').attr('class', 'visually-hidden').text(why === undefined ? ': available' : ': not available');
		if (why !== undefined) {
			text.append('p').attr('class', 'why').text(`Not available, because ${why}.`);
		}
		text.append('p').text(definition);
	};
	unavailable.forEach(({ label, definition, why }) => item('✗', 'missing', label, definition, why));
	available.forEach(({ label, definition }) => item('✓', 'there', label, definition));
	return list.node() as HTMLElement;
}

function testTable(tests: ModelCardView['tests'], tooltip: Tooltip): Element {
	const columns: Column<ModelCardView['tests'][number]>[] = [
		{ title: 'computed in two ways', label: true, text: ({ name }) => name },
		{ title: 'max |difference|', figure: true, text: ({ difference }) => difference, tip: () => glossary.SELF_TEST },
		{ title: '', text: ({ ok }) => (ok ? '✓ alike' : '✗ unlike') },
	];
	return table(tests, columns, tooltip, ({ ok }) => (ok ? 'good-test' : 'bad-test'));
}
