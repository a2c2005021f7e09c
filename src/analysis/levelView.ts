import type { LevelView } from '../shared/panel';
import type { ClaimRecord } from '../trace/evidence';
import { printable } from './text';

/** The evidence level of what a thought reads as, with every rung from 1 on. */
export function levelView({ level, claim, rungs }: ClaimRecord): LevelView {
	return {
		level,
		claim: printable(claim),
		rungs: [...rungs].sort((a, b) => a.level - b.level).map((rung) => ({ ...rung, why: printable(rung.why) })),
	};
}
