/** Where an arm's thinking ended, and what ended it. */
import type { ThoughtView } from '../shared/panel';
import type { ArmRecord } from '../trace/document';
import { latentSegments, recordedRule } from './recorded';

type Arm = Pick<ArmRecord, 'name' | 'state' | 'thoughts' | 'stopped'>;

/** For a line: `37 latents, stopped by entropy`. */
export function endingInShort({ thoughts, stopped, state }: Arm): string {
	const count = `${thoughts.length} latents`;
	if (stopped && state !== 'running') {
		const where = stopped.at === thoughts.length ? '' : ` after ${stopped.at}`;
		return stopped.rule === 'limit' ? `${count}, stopped by their limit${where}` : `${count}, stopped by ${stopped.rule}${where}`;
	}
	return count;
}

/** In one sentence; undefined while it has not ended, and where there was nothing to end. */
export function ending({ name, thoughts, stopped, state }: Arm, recipe: unknown): string | undefined {
	if (state === 'running' || (thoughts.length === 0 && !stopped)) {
		return undefined;
	}
	if (state === 'cancelled') {
		return `It was cut off after ${plural(thoughts.length)}.`;
	}
	if (stopped) {
		return `Its thinking stopped ${stopped.at === 0 ? 'before its first thought' : `after ${plural(stopped.at)}`}, ${because(stopped.rule, recipe, name)}.`;
	}
	const ruled = latentSegments(recipe, name).some(({ stop }) => stop);
	return `It thought ${plural(thoughts.length)}${ruled ? '' : ', as many as it was to: its recipe has no rule that stops it'}.`;
}

/** Of thought `index`: whether thinking ended with it, or before it; a later segment of the recipe may think on. */
export function halted({ name, stopped }: Pick<Arm, 'name' | 'stopped'>, index: number, recipe: unknown): ThoughtView['halted'] {
	if (!stopped || index < stopped.at - 1) {
		return undefined;
	}
	const reason = because(stopped.rule, recipe, name);
	const place = index < stopped.at ? 'here' : 'before';
	return {
		place,
		by: stopped.rule,
		why: place === 'here' ? `The last thought before thinking stopped, ${reason}.` : `Thinking had stopped after thought ${stopped.at}, ${reason}.`,
	};
}

function because(rule: NonNullable<Arm['stopped']>['rule'], recipe: unknown, arm: string): string {
	return rule === 'limit' ? 'at the recipe’s limit, because none of its rules held' : `because ${recordedRule(recipe, arm, rule)}`;
}

function plural(count: number): string {
	return `${count} thought${count === 1 ? '' : 's'}`;
}
