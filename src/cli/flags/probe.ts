/** Flags of the `probe` commands. */
import { PROBE_TASK_NAMES, type ProbeTaskName } from '../../analysis/labels';
import type { ProbePlace } from '../../trace/document';
import { UsageError } from '../failure';
import { RUN_FLAGS, runFlags, type RunFlags } from './run';
import { given, JSON_FLAG, list, MAX_COUNT, named, number, oneOf, quoted, type Values } from './values';

/** Of what a probe is fitted to or measured on. */
export const LABEL_FLAGS = { ...JSON_FLAG, ...RUN_FLAGS, arm: { type: 'string' }, task: { type: 'string' } } as const;

/** Of where states are read. */
export const STATE_FLAGS = { ...LABEL_FLAGS, at: { type: 'string' }, sites: { type: 'string' }, out: { type: 'string' } } as const;

/** `run.arms` has at most one. */
export interface ProbeFlags {
	json: boolean;
	task?: ProbeTaskName;
	at: ProbePlace;
	sites?: number[];
	run: RunFlags;
}

export function probeFlags(values: Values): ProbeFlags {
	const task = named(values, 'task');
	const at = named(values, 'at') ?? 'thoughts';
	if (at !== 'thoughts' && at !== 'tokens') {
		throw new UsageError(`--at should be thoughts or tokens, not ${quoted(at)}.`);
	}
	return {
		json: given(values, 'json'),
		task: task === undefined ? undefined : oneOf('task', PROBE_TASK_NAMES, task),
		at,
		sites: list(values, 'sites')?.map((site) => number({ sites: site }, 'sites', 0, MAX_COUNT)!),
		run: oneArm(values),
	};
}

/** `--arm` is what `--arms` with one arm is. */
function oneArm(values: Values): RunFlags {
	const arm = named(values, 'arm');
	const { arms = arm === undefined ? undefined : [arm], ...run } = runFlags(values);
	if (arms && (arms.length > 1 || (arm !== undefined && arms[0] !== arm))) {
		throw new UsageError('A probe reads one arm: give one --arm.');
	}
	return { ...run, arms };
}
