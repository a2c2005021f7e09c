/** The columns of the steps grid, as CSS has them: those that have nothing to show are left out. */
import type { Metrics } from './viewport';

export interface Template {
	/** `grid-template-columns` and `grid-template-areas` of rows. */
	tracks: string;
	areas: string;
	/** Areas of the flat head: a bar above the same columns. */
	head: string;
}

type Name = 'number' | 'sentence' | 'thought' | 'scores';

const WIDE: Readonly<Record<Name, string>> = { number: '44px', sentence: 'minmax(150px, 540px)', thought: 'minmax(210px, 620px)', scores: 'var(--scores-width)' };
const COMPACT: typeof WIDE = { ...WIDE, number: '26px', sentence: 'minmax(96px, 1fr)', thought: 'minmax(170px, 1.7fr)' };
/** Of rows of one line, which are many: their numbers are longer. */
const COMPACT_LINES: typeof WIDE = { ...COMPACT, number: '38px', sentence: 'minmax(0, 1fr)', thought: 'minmax(0, 1fr)' };
/** The rest of the line, for a column that stands alone. */
const ALONE = 'minmax(0, 1fr)';

export function template({ layout, tall }: Pick<Metrics, 'layout' | 'tall'>, has: { sentences: boolean; thoughts: boolean; scores: boolean }): Template {
	if (layout === 'stacked') {
		const areas = "'number sentence scores' '. thought thought'";
		return { tracks: '28px minmax(0, 1fr) var(--scores-width)', areas, head: areas };
	}
	const tracks = layout === 'wide' ? WIDE : tall ? COMPACT : COMPACT_LINES;
	const texts: Name[] = [...(has.sentences ? ['sentence' as const] : []), ...(has.thoughts ? ['thought' as const] : [])];
	const names: Name[] = ['number', ...texts, ...(has.scores ? ['scores' as const] : [])];
	const areas = `'${names.join(' ')}'`;
	return {
		tracks: names.map((name) => (texts.length === 1 && name === texts[0] ? ALONE : tracks[name])).join(' '),
		areas,
		head: `'${names.map(() => 'bar').join(' ')}' ${areas}`,
	};
}
