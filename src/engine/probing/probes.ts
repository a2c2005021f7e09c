/** Which of a probe's classes are scored on a prompt. */
import type { Probe } from '../../analysis/probe';
import type { ProbeRecord } from '../../trace/document';
import { probeRecord } from '../model/model';
import type { ScoredProbe } from '../run/readers';

/**
 * The probe itself, or one entry for each of its classes; where they are things that prompts name, only for those that this one
 * names: the others ask about nothing that is there.
 */
export function probesFor(probe: Probe, prompt: string): (ScoredProbe & { record: ProbeRecord })[] {
	const base = probeRecord(probe);
	if (!probe.classes) {
		return [{ name: probe.name, probe, classIndex: 0, record: base }];
	}
	return probe.classes.flatMap((label, classIndex) => {
		const name = `${probe.name}:${label}`;
		return probe.asks === 'all' || occurs(prompt, label)
			? [{ name, probe, classIndex, record: { ...base, name, label: `${label}: ${probe.label}` } }]
			: [];
	});
}

const WORD = /[\p{L}\p{N}_]/u;

/** As a whole word. */
function occurs(text: string, wanted: string): boolean {
	for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
		if (!WORD.test(text[at - 1] ?? '') && !WORD.test(text[at + wanted.length] ?? '')) {
			return true;
		}
	}
	return false;
}
