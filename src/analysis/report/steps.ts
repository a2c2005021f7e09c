/** Steps of a trace for spreadsheets and programs: what the panel shows of each, with nothing left out but the tests. */
import type { Details, Row } from '../../shared/panel';
import type { Range } from '../../shared/range';
import type { Note } from '../../trace/review';
import { noted } from '../noted';
import type { TraceView } from '../view';
import { csv } from './escape';

/** Rows that are read at a time. */
const BLOCK = 64;

const COLUMNS = [
	...['prompt', 'created', 'step', 'sentence', 'role', 'verdict', 'thought', 'level', 'spare'],
	...['layer', 'top_token', 'top_probability', 'entropy_nats', 'kl_to_last_layer_nats'],
] as const;

interface Step {
	row: Row;
	details: Details;
	notes: { text: string; author?: string }[];
}

/** One line for each step and layer, RFC 4180; a step without a readout has one line. Scores of probes and the notes are the last columns. */
export async function* stepsCsv(view: TraceView, range: Range, notes: readonly Note[]): AsyncGenerator<string> {
	const { prompt, created, probes } = view.source.document;
	yield line([...COLUMNS, ...probes.map(({ name }) => `score ${name}`), 'notes']);
	for await (const { row, details, notes: written } of steps(view, range, notes)) {
		const { sentence, thought } = row;
		const shared = [prompt.name, created, row.index + 1, sentence ? textOf(row) : null, sentence?.role ?? null, sentence?.verdict ?? null];
		const of = [thought ? thought.index + 1 : null, thought?.level ? thought.level.level : null, thought?.spare ?? null];
		const said = written.map(({ text, author }) => (author === undefined ? text : `${author}: ${text}`)).join('\n') || null;
		const layers = details.layers.length > 0 ? details.layers : [undefined];
		yield layers
			.map((at) => {
				const [top] = at?.top ?? [];
				const read = at ? [at.layer, top?.text ?? null, measured(top?.prob), measured(at.entropy), measured(at.klFinal)] : Array<null>(5).fill(null);
				const scores = probes.map(({ name }) => measured(at && details.probes.find((probe) => probe.name === name)?.scores[at.layer]));
				return line([...shared, ...of, ...read, ...scores, said]);
			})
			.join('');
	}
}

/** One object: which run, with what, and its steps. Numbers that were not measured are null. */
export async function* stepsJson(view: TraceView, range: Range, notes: readonly Note[]): AsyncGenerator<string> {
	const { prompt, model, options, producer, created, origin, probes } = view.source.document;
	const run = {
		format: 'neuralese-steps',
		version: 1,
		...{ producer, created, origin },
		prompt: { name: prompt.name, sha256: prompt.sha256 },
		model: { name: model.name, sha256: model.sha256 },
		...{ seed: options.seed, temperature: options.temperature },
		probes: probes.map(({ name, label }) => ({ name, label })),
		units: { prob: '0..1', entropy: 'nats', klFinal: 'nats, KL(last layer || this layer)', deltaLogOdds: 'nats', kl: 'nats' },
	};
	yield `${JSON.stringify(run, undefined, '\t').slice(0, -2)},\n\t"steps": [`;
	let first = true;
	for await (const { row, details, notes: written } of steps(view, range, notes)) {
		const { layers, neighbours, norm, probes: scores, tests, ood, tokens } = details;
		const { sentence, thought } = row;
		const step = {
			step: row.index + 1,
			...(sentence ? { sentence: { text: textOf(row), role: sentence.role, verdict: sentence.verdict, tokens } } : {}),
			...(thought ? { thought: { index: thought.index + 1, level: thought.level?.level, spare: thought.spare, norm, layers, neighbours, ood } } : {}),
			...{ scores: Object.fromEntries(scores.map((probe) => [probe.name, probe.scores])), tests, notes: written },
		};
		yield `${first ? '' : ','}\n\t\t${JSON.stringify(step)}`;
		first = false;
	}
	yield '\n\t]\n}\n';
}

/** A block of rows at a time, so that a trace of any length is never held whole. */
async function* steps(view: TraceView, { start, end }: Range, notes: readonly Note[]): AsyncGenerator<Step> {
	const { outline, sites } = view.lookup;
	const { placed } = noted(outline, notes);
	for (let from = start; from < Math.min(end, outline.rows); from += BLOCK) {
		const rows = await view.rows({ start: from, end: Math.min(from + BLOCK, end) }, sites.length - 1);
		for (const row of rows) {
			const own = placed.filter((one) => one.row === row.index).map(({ note: { text, author } }) => ({ text, author }));
			yield { row, details: await view.details(row.index), notes: own };
		}
	}
}

function textOf({ sentence }: Row): string {
	return (sentence?.tokens ?? []).map(({ text }) => text).join('').trim();
}

function measured(value: number | undefined): number | null {
	return value === undefined || Number.isNaN(value) ? null : value;
}

function line(cells: readonly (string | number | null)[]): string {
	return `${cells.map(csv).join(',')}\r\n`;
}
