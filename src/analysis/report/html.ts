/** A report as one page that needs nothing else: no script, no file, no network. The same page is shown inside the editor. */
import type { Headline, Part, Report, Section, Table } from './content';
import { html } from './escape';
import { renderPlot } from './plot';
import { STYLE } from './style';

/** By it a file of ours is known. */
export const HTML_MARKER = '<meta name="generator" content="neuralese-inspector report">';

/** What the page is inside the editor. */
export interface InEditor {
	/** Of the editor's policy. */
	nonce: string;
	/** What the editor gives back after a reload: letters, digits, dots. */
	state?: string;
}

/** A page of its own allows its inline style and nothing else; inside the editor it has one line of script, which remembers what it shows. */
export function renderHtml({ title, parts, created, producer }: Report, { nonce, state }: Partial<InEditor> = {}): string {
	const style = nonce === undefined ? `'unsafe-inline'` : `'nonce-${nonce}'`;
	const remembers = nonce !== undefined && state !== undefined && /^[\w.]+$/.test(state);
	const script = remembers ? `<script nonce="${nonce}">acquireVsCodeApi().setState({ report: '${state}' })</script>\n` : '';
	const several = parts.length > 1;
	const contents = several
		? `<nav aria-label="Contents"><ol>${parts.map((part, i) => `<li><a href="#part${i}">${html(part.title)}</a></li>`).join('')}</ol></nav>`
		: '';
	return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${style}${remembers ? `; script-src ${style}` : ''}">${nonce === undefined ? '' : `\n<meta property="csp-nonce" content="${nonce}">`}
${HTML_MARKER}
<title>${html(title)}</title>
<style${nonce === undefined ? '' : ` nonce="${nonce}"`}>${STYLE}</style>
</head>
<body>
<main>
${several ? `<h1>${html(title)}</h1>${contents}` : ''}
${parts.map((part, i) => renderPart(part, i, several)).join('\n')}
</main>
<footer><p>${html(producer)} · ${html(created)}</p></footer>
${script}</body>
</html>
`;
}

function renderPart({ title, subtitle, headline, sections, notes, provenance }: Part, index: number, several: boolean): string {
	const id = `part${index}`;
	const heading = several ? 'h2' : 'h1';
	return `<article id="${id}">
<header><${heading}>${html(title)}</${heading}><p class="subtitle">${html(subtitle)}</p>${headlines(headline)}</header>
${sections.map((section, i) => renderSection(section, `${id}-${i}`, several ? 'h3' : 'h2')).join('\n')}
${notes.length > 0 ? `<section><ul class="notes">${notes.map((note) => `<li>${html(note)}</li>`).join('')}</ul></section>` : ''}
<section class="provenance"><dl>${provenance.map(({ label, value }) => `<div><dt>${html(label)}</dt><dd>${html(value)}</dd></div>`).join('')}</dl></section>
</article>`;
}

function headlines(headline: readonly Headline[]): string {
	const items = headline.map(
		({ label, value, unit, range, control }) =>
			`<div><dt>${html(label)}</dt><dd class="big">${html(value)}<span> ${html(unit)}</span></dd><dd class="range">${html(range)}</dd>${control === undefined ? '' : `<dd class="control">${html(control)}</dd>`}</div>`,
	);
	return items.length > 0 ? `<dl class="headline">${items.join('')}</dl>` : '';
}

function renderSection({ title, text, plot, tables }: Section, id: string, heading: string): string {
	const figure = plot ? `<figure>${renderPlot(plot, `${id}-plot`)}<figcaption>${html(plot.caption)}</figcaption></figure>` : '';
	return `<section><${heading}>${html(title)}</${heading}><p>${html(text)}</p>${figure}${tables.map(renderTable).join('')}</section>`;
}

function renderTable({ caption, columns, rows }: Table): string {
	const head = columns.map((column) => `<th scope="col"${classOf(column)}>${html(column.label)}</th>`);
	const body = rows.map((row, at) => {
		const cells = row.slice(1).map((cell, i) => `<td${classOf(columns[i + 1])}>${html(cell)}</td>`);
		return `<tr>${rowHead(rows, at, classOf(columns[0]))}${cells.join('')}</tr>`;
	});
	// Wide tables scroll by themselves, with the keyboard too.
	return `<div class="scroll" tabindex="0" role="group" aria-label="${html(caption)}"><table><caption>${html(caption)}</caption><thead><tr>${head.join('')}</tr></thead><tbody>${body.join('')}</tbody></table></div>`;
}

/** Rows below each other with the same first cell share it. */
function rowHead(rows: readonly string[][], at: number, classes: string): string {
	const label = rows[at]![0] ?? '';
	if (at > 0 && rows[at - 1]![0] === label) {
		return '';
	}
	let end = at + 1;
	while (end < rows.length && rows[end]![0] === label) {
		end++;
	}
	const several = end - at > 1;
	return `<th scope="${several ? 'rowgroup' : 'row'}"${several ? ` rowspan="${end - at}"` : ''}${classes}>${html(label)}</th>`;
}

function classOf(column: Table['columns'][number] | undefined): string {
	return column?.numeric ? ' class="numeric"' : column?.short ? ' class="short"' : '';
}
