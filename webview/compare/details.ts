/** The selected step in figures: its tokens on both sides, with what each cost and how far the models were apart. */
import { create } from 'd3';
import type { CompareRow, TokensView } from '../../src/shared/compare';
import { decimals, difference } from '../../src/shared/decimals';
import { rowOf, viewOf, type CompareContext, type CompareViewPart } from './state';
import { klText } from './words';

const COLUMNS: readonly { name: string; numeric: boolean; definition: string; text(group: TokensView): string }[] = [
	{ name: 'A', numeric: false, definition: 'Tokens of A that end where tokens of B end.', text: ({ a }) => a },
	{ name: 'B', numeric: false, definition: 'Tokens of B for the same characters, or in their place.', text: ({ b }) => b },
	{ name: 'bits of A', numeric: true, definition: 'Surprisal of these tokens together.', text: ({ bitsA }) => decimals(bitsA) },
	{ name: 'bits of B', numeric: true, definition: 'Surprisal of these tokens together.', text: ({ bitsB }) => decimals(bitsB) },
	{
		name: 'Δ bits',
		numeric: true,
		definition: 'B less A: above 0 the text was less likely in B.',
		text: ({ bitsA, bitsB }) => (bitsA === undefined || bitsB === undefined ? '–' : difference(bitsB - bitsA)),
	},
	{ name: 'KL', numeric: true, definition: 'KL(A || B) of what the first of them was taken from, in nats; with ≥ the least that it can be.', text: klText },
];

export function details({ host, tooltip, report }: CompareContext): CompareViewPart {
	const root = create('section').attr('class', 'compare-details').attr('aria-label', 'The selected step').attr('tabindex', '0');
	const title = root.append('h2');
	const table = root.append('table').attr('class', 'compare-table');
	const heads = table.append('thead').append('tr');
	for (const { name, numeric, definition } of COLUMNS) {
		const cell = heads.append('th').attr('scope', 'col').attr('class', numeric ? 'numeric' : '').text(name);
		tooltip.set(cell.node()!, definition);
	}
	const body = table.append('tbody');
	/** What is asked for or shown. */
	let asked = '';

	const show = (row: CompareRow) => {
		title.text(`Step ${row.index + 1}: ${row.same ? 'both say the same' : !row.b ? 'only in A' : !row.a ? 'only in B' : 'they differ'}`);
		body
			.selectAll('tr')
			.data(row.tokens)
			.join('tr')
			.selectAll('td')
			.data((group) => COLUMNS.map(({ text, numeric }) => ({ text: text(group), numeric })))
			.join('td')
			.attr('class', ({ numeric }) => (numeric ? 'numeric figure' : 'token'))
			.text(({ text }) => text);
	};
	return {
		element: root.node() as HTMLElement,
		render(state) {
			const [view, row] = [viewOf(state), rowOf(state)];
			root.attr('hidden', view && row !== undefined ? null : '');
			const wanted = view && row !== undefined ? `${view.revision} ${row}` : '';
			if (wanted === asked || !view || row === undefined) {
				return;
			}
			asked = wanted;
			host.call('rows', { revision: view.revision, rows: { start: row, end: row + 1 } })
				.then(([found]) => found && asked === wanted && show(found))
				.catch(report);
		},
	};
}
