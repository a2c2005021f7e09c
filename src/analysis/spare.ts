import type { Task } from './task';

/**
 * Why a thought is spare, in one sentence; absent where it is not. Such thoughts drift: they had no target in training, and
 * what they decode to says nothing about the answer. Where none was trained there is none to be spare beside: that is said of the arm
 * once. `index` is 0-based: thought i is the state of hop i + 1.
 */
export function spareReason(index: number, trainedLatents: number, task?: Pick<Task, 'hops'>): string | undefined {
	if (trainedLatents === 0) {
		return undefined;
	}
	if (index >= trainedLatents) {
		return `beyond the ${trainedLatents} thoughts that the model was trained with`;
	}
	if (task?.hops !== undefined && index >= task.hops) {
		return `after the answer's hop (${task.hops}): not supervised in training, drifts`;
	}
	return undefined;
}
