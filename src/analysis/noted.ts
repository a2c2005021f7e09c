/** Notes of a review on the step axis: they are kept by arm and position, and shown by row. */
import type { Note } from '../trace/review';
import type { Outline } from './outline';

/** What a step is called in a review. */
export type Place = Pick<Note, 'arm' | 'position'>;

/** Where a note on a row is kept: at its thought, or else at its sentence; undefined where the row has neither. */
export function placeOf({ latent, written, sentences }: Outline, row: number): Place | undefined {
	const thought = latent?.thoughts[row];
	if (thought) {
		return { arm: latent!.name, position: thought.producedAt };
	}
	const [first] = sentences[row]?.steps ?? [];
	return first === undefined ? undefined : { arm: written!.name, position: first };
}

/** Notes that are there in the order of their rows; `elsewhere` is how many are about no row. */
export function noted(outline: Outline, notes: readonly Note[]): { placed: { row: number; note: Note }[]; elsewhere: number } {
	const there = notes.filter(({ removed }) => !removed);
	const rows = there.length > 0 ? rowsByPlace(outline) : new Map<string, number>();
	const placed = there.flatMap((note) => {
		const row = rows.get(keyOf(note));
		return row === undefined ? [] : [{ row, note }];
	});
	return { placed: placed.sort((a, b) => a.row - b.row), elsewhere: there.length - placed.length };
}

/** Every position of a sentence is its row's; where one arm has both, a thought goes first. */
function rowsByPlace({ latent, written, sentences }: Outline): Map<string, number> {
	const rows = new Map<string, number>();
	sentences.forEach(({ steps }, row) => steps.forEach((position) => rows.set(keyOf({ arm: written!.name, position }), row)));
	latent?.thoughts.forEach(({ producedAt: position }, row) => rows.set(keyOf({ arm: latent.name, position }), row));
	return rows;
}

function keyOf({ arm, position }: Place): string {
	return `${position} ${arm}`;
}
