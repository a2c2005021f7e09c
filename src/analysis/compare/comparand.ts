/** A trace file as a side of a comparison. */
import { parseTensorName } from '../../trace/check';
import type { TraceFile } from '../../trace/reader';
import type { Comparand } from './side';

export function comparandOf(file: TraceFile): Comparand {
	const planes = file.tensors.flatMap(({ name }) => parseTensorName(name, file.document) ?? []).filter(({ level }) => level === 0);
	return { source: file, planes: (arm) => planes.filter((one) => one.arm.name === arm).map(({ plane }) => plane) };
}
