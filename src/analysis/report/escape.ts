/** Text of models, files and users inside the three formats. Control and bidirectional characters become visible in each of them. */
import { printable } from '../text';

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** For text and for quoted attributes. */
export function html(text: string): string {
	return printable(text).replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/** For one line, and for a cell of a table: nothing in it is markup, a link, or the end of the cell. */
export function markdown(text: string): string {
	return printable(text)
		.replace(/[\\`*_[\]|~$@]|:(?=\S)|^\s*(?:[#=]|[+-](?!\d))|(?<=^\s*\d+)[.)](?=\s|$)|(?<=www)\./gi, (found) => found.replace(/\S$/, '\\$&'))
		.replace(/[&<>]/g, (character) => ENTITIES[character]!);
}

/** Quoted where it must be (RFC 4180). Text that a spreadsheet would take for a formula begins with an apostrophe. */
export function csv(cell: string | number | null): string {
	if (cell === null) {
		return '';
	}
	if (typeof cell === 'number') {
		return String(cell);
	}
	const text = printable(cell);
	const inert = /^\s*[=+\-@]/.test(text) ? `'${text}` : text;
	return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}
