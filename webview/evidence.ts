/** What the evidence on the screen means, in words: claims, tests, distances from language, candidates. */
import { decimals, difference } from '../src/shared/decimals';
import type { GraphView, LevelView, OodView, TestView } from '../src/shared/panel';
import { exact } from './figures';

export const PATCH_UNIT = 'Δ log-odds, later thoughts recomputed';
export const PATCH =
	'Δ log-odds of the unchanged answer when the residual stream at this layer, where the thought is fed, is replaced, in nats: below 0 ' +
	'the change speaks against the answer. One scale for everything that is put in; its ends are fixed for the trace.';
export const DELTA =
	'ln p(answer) − ln p(likeliest other token) at the answer’s first token, changed less unchanged, in nats: below 0 the change speaks ' +
	'against the answer.';
export const CONTROL = 'The same change of the same prompt on the control model, the twin without recurrence.';
export const KL = 'KL(unchanged || changed) of the distribution of the answer’s first token, in nats.';
export const CHANGED = '* another answer than the unchanged run’s';
export const PERCENTILE = {
	tokens: 'Percentile among the token embeddings, each measured without itself: 100 is beyond all of them.',
	text: 'Percentile among the model’s states at written words, each measured without itself: 100 is beyond all of them.',
};

/** What the rungs of the ladder ask, 0..4. */
export const RUNGS = [
	'it decodes to this',
	'better than the same decode of other questions',
	'absent in the controls',
	'an intervention moves the answer',
	'replicated over prompts',
] as const;

const MARKS: Readonly<Record<LevelView['rungs'][number]['state'], string>> = { reached: '✓', 'not reached': '✗', 'not measured': '–' };

export function mark(state: LevelView['rungs'][number]['state']): string {
	return MARKS[state];
}

/** One line a rung. */
export function level({ level: reached, claim, rungs }: LevelView): string {
	const lines = rungs.map(({ level: at, state, why }) => `${MARKS[state]} L${at} ${RUNGS[at]}: ${state}. ${why}`);
	return [`Evidence level L${reached}: “${claim}”.`, `✓ L0 ${RUNGS[0]}.`, ...lines].join('\n');
}

/** `control`: the control model's value. */
export function patchEffect(label: string, value: number, control: number | undefined, where: string): string {
	if (Number.isNaN(value)) {
		return `${where}: not measured.`;
	}
	const twin = control === undefined ? '' : ` The same on the control: ${difference(control, 3)} nats.`;
	return `${where}: ${difference(value, 3)} nats. Δ log-odds of the answer when ${label} is patched in here, later thoughts recomputed.${twin}`;
}

export function test({ by, later, changed, answer, control }: TestView): string {
	const after = later === 'none' ? '' : ` Later ones were ${later === 'recomputed' ? 'computed again from it' : 'fed as they were'}.`;
	const said = ` The answer ${changed ? `becomes “${answer}”` : 'stays'}.`;
	const twin = control ? ` On the control it ${control.changed ? `becomes “${control.answer}”` : 'stays'}.` : '';
	return `${by[0]?.toUpperCase() ?? ''}${by.slice(1)}.${after}${said}${twin}`;
}

export function ood({ definition, value }: OodView): string {
	return `${definition} Here ${exact(value)}.`;
}

/** Groups of candidates, in the order in which they are told. */
export const GROUPS: ReadonlyMap<string, string> = new Map([
	['path', 'on the path'],
	['frontier', 'elsewhere at this distance'],
	['earlier', 'nearer'],
	['later', 'farther'],
	['unreachable', 'unreachable'],
	['candidate', 'candidates'],
]);

export function isLive(group: string): boolean {
	return group === 'path' || group === 'frontier' || group === 'candidate';
}

export const LIVE =
	'Softmax mass, at the last layer, of all tokens that name a live candidate: of a graph what lies as many facts from the asked-about ' +
	'entity as this thought is steps along; of a list all of it. Beside it the same candidates’ mass in the same thought of other questions, ' +
	'and in the controls’ thought of this question.';

export function node({ label, group, distance, mass, rank, asked, option, answer }: GraphView['nodes'][number]): string {
	const place = group === 'unreachable' ? 'not reachable' : `${distance} fact${distance === 1 ? '' : 's'} away`;
	const role = asked ? 'asked about' : answer ? 'the answer' : option ? 'the other option' : undefined;
	const parts = [group === 'candidate' ? undefined : place, role].filter((one) => one !== undefined);
	return `${label}${parts.length > 0 ? ` (${parts.join(', ')})` : ''}: mass ${exact(mass)}, rank ${decimals(rank, 0)} of the vocabulary.`;
}
