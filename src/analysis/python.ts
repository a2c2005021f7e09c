/** "Copy as Python": the lines that load exactly the slice that is shown. */
import type { Range } from '../shared/range';
import type { PlaneName } from '../trace/planes';

/** Rows of a plane, in the order in which they are shown, and one site of it where given. */
export interface Slice {
	arm: string;
	plane: PlaneName;
	rows: Range | readonly number[];
	site?: number;
}

/** `file`: base name of the trace, or where it lies. Needs numpy and safetensors; only the slices are read. */
export function pythonOf(file: string, slices: readonly Slice[]): string {
	const reads = slices.map(({ arm, plane, rows, site }, i) => {
		const { range, picked } = reading(rows);
		const index = [`${range.start}:${range.end}`, ...(site === undefined ? [] : [String(site)])].join(', ');
		const pick = picked ? `[[${picked.join(', ')}]]` : '';
		return `    ${nameOf(plane, i, slices)} = trace.get_slice(${literal(`${arm}/${plane}`)})[${index}]${pick}`;
	});
	return ['from safetensors import safe_open', '', `with safe_open(${literal(file)}, framework="np") as trace:`, ...reads, ''].join('\n');
}

/** One range that holds all of the rows, and where in it they are, unless they are all of it. */
function reading(rows: Slice['rows']): { range: Range; picked?: number[] } {
	if ('start' in rows) {
		return { range: rows };
	}
	const start = rows.reduce((least, row) => Math.min(least, row), Infinity);
	const end = rows.reduce((most, row) => Math.max(most, row), -1) + 1;
	const picked = rows.map((row) => row - start);
	return { range: { start, end }, ...(picked.every((row, i) => row === i) ? {} : { picked }) };
}

/** A variable's name; numbered where two slices would have one name. */
function nameOf(plane: string, index: number, slices: readonly Slice[]): string {
	const name = (of: string) => of.replace(/[^A-Za-z0-9]+/g, '_').replace(/^(?=\d)/, '_').toLowerCase();
	const same = slices.filter((slice) => name(slice.plane) === name(plane)).length;
	return same > 1 ? `${name(plane)}_${index}` : name(plane);
}

/** JSON's escapes are Python's; what cannot be seen is written as an escape too. */
function literal(text: string): string {
	return JSON.stringify(text).replace(/\p{C}/gu, (character) => {
		const code = character.codePointAt(0)!;
		return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
	});
}
