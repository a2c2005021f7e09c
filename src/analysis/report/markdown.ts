/** A report for a repository or a note: tables only. */
import type { Part, Report, Table } from './content';
import { markdown } from './escape';

/** By it a file of ours is known. */
export const MARKDOWN_MARKER = '<!-- neuralese-inspector report -->';

export function renderMarkdown({ title, parts, created, producer }: Report): string {
	const lines = [
		MARKDOWN_MARKER,
		`# ${markdown(title)}`,
		'',
		...parts.flatMap((part) => partLines(part, parts.length > 1)),
		`${markdown(producer)}, ${markdown(created)}`,
	];
	return `${lines.join('\n')}\n`;
}

function partLines({ title, subtitle, headline, sections, notes, provenance }: Part, several: boolean): string[] {
	const level = several ? '###' : '##';
	return [
		...(several ? [`## ${markdown(title)}`, ''] : []),
		markdown(subtitle),
		'',
		...headline.map(({ label, value, unit, range, control }) => {
			const against = control === undefined ? '' : `; ${markdown(control)}`;
			return `- **${markdown(label)} ${markdown(value)} ${unit}** (${markdown(range)})${against}`;
		}),
		...(headline.length > 0 ? [''] : []),
		...sections.flatMap((section) => [
			`${level} ${markdown(section.title)}`,
			'',
			markdown(section.text),
			'',
			...section.tables.flatMap(tableLines),
		]),
		...notes.map((note) => `- ${markdown(note)}`),
		...(notes.length > 0 ? [''] : []),
		...provenance.map(({ label, value }) => `- ${markdown(label)}: ${markdown(value)}`),
		'',
	];
}

function tableLines({ caption, columns, rows }: Table): string[] {
	const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
	return [
		`*${markdown(caption)}*`,
		'',
		line(columns.map(({ label }) => markdown(label))),
		line(columns.map(({ numeric }) => (numeric ? '---:' : '---'))),
		...rows.map((row) => line(row.map(markdown))),
		'',
	];
}
