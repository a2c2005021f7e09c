/** Every number of a report, one a line: for spreadsheets and data frames. */
import type { Figure, Report } from './content';
import { csv } from './escape';

const COLUMNS = ['source', 'model', 'arm', 'test', 'form', 'step', 'measure', 'unit', 'value', 'low', 'high', 'n', 'p'] as const satisfies (keyof Figure)[];

/** By it a file of ours is known. */
export const CSV_HEADER = COLUMNS.join(',');

export function renderCsv({ parts }: Report): string {
	const lines = parts.flatMap(({ figures }) => figures.map((figure) => COLUMNS.map((column) => csv(figure[column])).join(',')));
	return `${[CSV_HEADER, ...lines].join('\r\n')}\r\n`;
}
