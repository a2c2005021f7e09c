/** What evidence is gathered about, and where it goes. */
import type { Task } from '../../analysis/task';
import type { ArmRecord, RunOptions } from '../../trace/document';
import type { EvidenceRecord } from '../../trace/evidence';
import type { PlaneName } from '../../trace/planes';
import type { EvidenceParams, ProgressEvent } from '../api';
import type { ArmPlan } from '../run/arm';
import type { Model } from '../model/model';
import type { Models } from '../model/models';
import type { Ood } from './ood';

/** What the first phase found, and what evidence is wanted of it. */
export interface Subject {
	model: Model;
	prompt: string;
	task: Task | undefined;
	plans: readonly ArmPlan[];
	arms: readonly ArmRecord[];
	options: RunOptions;
	evidence: EvidenceParams;
}

/** What several analyses share. */
export interface Shared {
	models: Models;
	ood: Ood;
}

/** Where parts go as they come. */
export interface Outlet {
	signal: AbortSignal;
	emit(event: ProgressEvent): void;
	/** Values of a light plane of an arm, a row for each thought or position. */
	plane(arm: string, plane: PlaneName, values: Float32Array): void;
	evidence(record: EvidenceRecord): void;
}
