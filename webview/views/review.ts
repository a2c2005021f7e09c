/** Notes on the selected step: those of others, and one's own, which is saved while it is written. Only of a trace file. */
import { create } from 'd3';
import * as glossary from '../glossary';
import { neighbourOf, notesOf, reviewIntent } from '../review';
import { runOf, subjectOf, type AppState } from '../store';
import type { Context, View } from '../view';

/** Longer than anybody writes; the host takes no more. */
const MAX_TEXT = 20_000;
/** A page that is hidden is gone at once, with what was not saved. */
const REST_MS = 600;

/** What was begun to be written: it belongs to the step where it was begun. */
interface Draft {
	subject: string;
	row: number;
	/** The note when it was begun; `null` where there was none. */
	was: string | null;
	saved: string;
}

export function review({ host, store, selecting, tooltip, act, report }: Context): View {
	const root = create('section').attr('class', 'review').attr('aria-label', 'Notes on the selected step');
	const problem = root.append('p').attr('class', 'review-problem warn');
	const others = root.append('ul').attr('class', 'review-others');
	const line = root.append('div').attr('class', 'review-line');
	const star = line.append('button').attr('class', 'review-star').text('★').node() as HTMLButtonElement;
	const box = line.append('textarea').attr('rows', 1).attr('maxlength', MAX_TEXT).node() as HTMLTextAreaElement;
	tooltip.set(box, glossary.OWN_NOTE);
	box.setAttribute('aria-label', 'Your note');
	let draft: Draft | undefined;
	let resting: number | undefined;

	const ownOf = ({ review, selection: { row } }: AppState) => (row === undefined ? undefined : notesOf(review, row).find(({ own }) => own));
	/** By row: on its way to the host, or refused by it, which must not lose it. */
	const unsaved = new Map<number, string>();
	function put(row: number, text: string | null): void {
		unsaved.set(row, text ?? '');
		const sent = host.call('note', { row, text });
		sent.then(() => unsaved.get(row) === (text ?? '') && unsaved.delete(row), report);
	}

	function save(): void {
		clearTimeout(resting);
		if (draft && draft.subject === subjectOf(store.state.panel) && box.value !== draft.saved) {
			draft.saved = box.value;
			put(draft.row, box.value === '' && draft.was === null ? null : box.value);
		}
	}

	/** A note with a text is a mark by itself. */
	function toggle(): void {
		const own = ownOf(store.state);
		const { row } = store.state.selection;
		if (row !== undefined && (own?.text ?? '') === '') {
			put(row, own ? null : '');
		}
	}

	function write(): void {
		if (store.state.selection.row === undefined) {
			void selecting.select({ row: 0 });
		}
		store.update((state) => ({ ...state, details: true }));
		box.focus();
	}

	/** As high as what is written, up to what the style allows. */
	function fit(): void {
		box.style.height = 'auto';
		box.style.height = `${box.scrollHeight + 2}px`;
	}

	box.addEventListener('focus', () => {
		const { panel, selection } = store.state;
		const was = ownOf(store.state)?.text ?? null;
		draft = { subject: subjectOf(panel), row: selection.row ?? 0, was, saved: was ?? '' };
	});
	box.addEventListener('blur', () => {
		save();
		draft = undefined;
		show(store.state);
	});
	box.addEventListener('input', () => {
		fit();
		clearTimeout(resting);
		resting = window.setTimeout(save, REST_MS);
	});
	box.addEventListener('keydown', (event) => {
		event.stopPropagation();
		if (event.key === 'Escape' && draft) {
			box.value = draft.was ?? '';
		}
		if (event.key === 'Escape' || (event.key === 'Enter' && (event.ctrlKey || event.metaKey))) {
			event.preventDefault();
			(document.querySelector<HTMLElement>('.row[tabindex="0"]') ?? document.body).focus();
			box.blur();
		}
	});
	star.addEventListener('click', toggle);

	addEventListener('keydown', (event) => {
		const target = event.target as HTMLElement;
		const meant = target.closest('input, textarea, vscode-dropdown, [role="dialog"]') ? undefined : reviewIntent(event);
		const { state } = store;
		if (!meant || !runOf(state.panel)) {
			return;
		}
		event.preventDefault();
		if (!state.review || state.review.problem !== undefined) {
			act('noteStep');
		} else if (meant.kind === 'bookmark') {
			toggle();
		} else if (meant.kind === 'note') {
			write();
		} else {
			const row = neighbourOf(state.review, state.selection.row, meant.by);
			if (row !== undefined) {
				void selecting.select({ row, layer: state.selection.layer });
			}
		}
	});

	function show(state: AppState): void {
		const { review, selection: { row }, details } = state;
		const element = root.node() as HTMLElement;
		element.hidden = !review || !runOf(state.panel) || ((row === undefined || !details) && review.problem === undefined);
		if (!review || element.hidden) {
			return;
		}
		problem.text(review.problem ?? '').attr('hidden', review.problem === undefined ? '' : null);
		line.attr('hidden', review.problem === undefined ? null : '');
		const notes = row === undefined || !details ? [] : notesOf(review, row).filter(({ own, text }) => !own && text !== '');
		others
			.attr('hidden', notes.length === 0 ? '' : null)
			.selectAll('li')
			.data(notes)
			.join('li')
			.text(({ author, text }) => `${author ?? 'Without a name'}: ${text}`);
		const own = ownOf(state);
		star.setAttribute('aria-pressed', String(own !== undefined));
		star.setAttribute('aria-label', 'Bookmark');
		tooltip.set(star, own?.text ? 'Marked by its note: empty the note to take the mark away.' : own ? 'Takes the bookmark away: b' : 'Bookmarks this step: b');
		box.placeholder = row === undefined ? '' : `Note on step ${row + 1} (n)`;
		const value = (row === undefined ? undefined : unsaved.get(row)) ?? own?.text ?? '';
		if (document.activeElement !== box && box.value !== value) {
			box.value = value;
		}
		fit();
	}

	return {
		element: root.node() as HTMLElement,
		render(state, before) {
			if (before && subjectOf(before.panel) !== subjectOf(state.panel)) {
				unsaved.clear();
			}
			// What was begun on another step is saved there.
			if (before && draft && state.selection.row !== draft.row) {
				box.blur();
			}
			if (
				!before ||
				state.review !== before.review ||
				state.selection.row !== before.selection.row ||
				state.details !== before.details ||
				state.panel !== before.panel
			) {
				show(state);
			}
		},
		reveal(what) {
			if (what.section === 'note') {
				write();
			}
		},
	};
}
