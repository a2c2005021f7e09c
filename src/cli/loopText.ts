/** What a model that loops over depth did in an arm, for people and for programs. */
import { depthView, loopRows } from '../analysis/loopRows';
import { Lookup } from '../analysis/lookup';
import { formatProbability } from '../shared/probability';
import type { ArmRecord } from '../trace/document';
import type { TraceSource } from '../trace/planes';

/** When its positions halted, and what the first token of the answer would have been after each loop; nothing of other models. */
export async function loopLines(source: TraceSource, { name }: ArmRecord): Promise<string[]> {
	const found = depthView(source.document, (arm) => arm)?.arms.find((arm) => arm.name === name);
	if (!found) {
		return [];
	}
	const [row] = found.answer === undefined ? [] : await loopRows(new Lookup(source), name, { start: found.answer, end: found.answer + 1 });
	const said = row?.top.flatMap(([first], loop) => (first ? [`${loop + 1} ${first.text} ${formatProbability(first.prob)}`] : [])) ?? [];
	return [
		`  loops    ${found.summary ?? 'every position went through all loops'}`,
		...(said.length > 0 ? [`  answer by loop (coda lens)  ${said.join(' · ')}`] : []),
	];
}

/** Of every position; undefined of other models. */
export async function loopsJson(source: TraceSource, { name, steps }: ArmRecord) {
	if (!source.document.model.depth) {
		return undefined;
	}
	const rows = await loopRows(new Lookup(source), name, { start: 0, end: steps.length });
	return rows.map(({ text, kind, values, top }, position) => ({
		text,
		kind,
		halted: steps[position]!.halted ?? null,
		after: top.map((ranked, i) => ({ top: ranked, ...Object.fromEntries(Object.entries(values).map(([measure, all]) => [measure, all[i]!])) })),
	}));
}
