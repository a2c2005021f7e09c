/** The tables of the details pane. */
import { range } from 'd3';
import type { Details, LegibilityView, ProbeCell } from '../../src/shared/panel';
import { formatProbability } from '../../src/shared/probability';
import { families, spoken } from '../families';
import { decimals } from '../../src/shared/decimals';
import { exact } from '../figures';
import * as glossary from '../glossary';
import { table, type Column } from '../table';
import type { Tooltip } from '../tooltip';

/** Words a layer is told with; all ranks of the selected one stand in a table of their own. */
const WORDS = 2;
/** With more sites than this, probe scores are told at the selected layer only. */
const PROBE_SITES = 6;

type Layer = Details['layers'][number];
type Ranked = Layer['top'][number] & { rank: number };
type Probe = Details['probes'][number];
type Token = Details['tokens'][number];
/** A probe, or the heading above the classes of one. */
type Line = { name: string; kind: '' | 'group' | 'member'; probe?: Probe };

export function layerTable({ layers }: Details, selected: number, tooltip: Tooltip): HTMLElement {
	const words = (one: Layer) => one.top.slice(0, WORDS);
	const columns: Column<Layer>[] = [
		{ title: 'layer', text: (one) => String(one.layer) },
		{ title: 'reads as', word: true, text: (one) => join(words(one), '  ', ({ text }) => text), tip: () => glossary.READS_AS },
		{
			title: 'p',
			figure: true,
			text: (one) => join(words(one), ' ', ({ prob }) => formatProbability(prob)),
			tip: (one) => join(words(one), '; ', ({ text, prob }) => `p(${text}) = ${exact(prob)}`),
		},
		{
			title: 'entropy',
			unit: 'nats',
			figure: true,
			text: (one) => decimals(one.entropy),
			tip: (one) => glossary.entropy(one.entropy, one.layer),
		},
		{ title: 'KL final', unit: 'nats', figure: true, text: (one) => decimals(one.klFinal), tip: glossary.divergence },
	];
	return table(layers, columns, tooltip, (one) => (one.layer === selected ? 'selected' : ''));
}

/** Every rank of one layer. */
export function rankTable({ layer, top }: Layer, tooltip: Tooltip): HTMLElement {
	const columns: Column<Ranked>[] = [
		{ title: 'rank', text: ({ rank }) => String(rank) },
		{ title: 'token', word: true, text: ({ text }) => text },
		{ title: 'p', figure: true, text: ({ prob }) => formatProbability(prob), tip: (one) => glossary.word(one, layer) },
	];
	return table(
		top.map((one, i) => ({ ...one, rank: i + 1 })),
		columns,
		tooltip,
	);
}

export function neighbourTable({ neighbours }: Details, tooltip: Tooltip): HTMLElement {
	const columns: Column<Details['neighbours'][number]>[] = [
		{ title: 'token', word: true, text: (one) => one.text },
		{ title: 'cosine', figure: true, text: (one) => decimals(one.cosine), tip: glossary.cosine },
	];
	return table(neighbours, columns, tooltip);
}

/** `legibility`: names of the models that the tokens were read under. */
export function tokenTable(
	{ tokens }: Details,
	selected: number | undefined,
	legibility: LegibilityView | undefined,
	tooltip: Tooltip,
): HTMLElement {
	const told = (one: Token) => glossary.token(one, legibility);
	const columns: Column<Token>[] = [
		{ title: 'token', word: true, text: (one) => one.text },
		...(tokens.some(({ id }) => id !== undefined)
			? [{ title: 'id', figure: true as const, text: (one: Token) => String(one.id ?? ''), tip: () => glossary.TOKEN_ID }]
			: []),
		{ title: 'p', figure: true, text: (one) => (one.prob === undefined ? decimals(one.prob) : formatProbability(one.prob)), tip: told },
		{ title: 'surprisal', unit: 'bits', figure: true, text: (one) => decimals(one.surprisalBits), tip: told },
	];
	const others: Column<Token>[] = [
		{ title: 'reference', unit: 'bits', figure: true, text: (one) => decimals(one.referenceBits), tip: told },
		{ title: 'KL to base', unit: 'nats', figure: true, text: (one) => decimals(one.kl), tip: told },
	];
	const measured = [tokens.some(({ referenceBits }) => referenceBits !== undefined), tokens.some(({ kl }) => kl !== undefined)];
	return table(tokens, [...columns, ...others.filter((_, i) => measured[i])], tooltip, (one) => (one.step === selected ? 'selected' : ''));
}

/** `fit`: held-out figures of a probe, by its name. */
export function probeTable(
	{ row, probes }: Details,
	selected: number,
	fit: (probe: string) => readonly ProbeCell[],
	tooltip: Tooltip,
): HTMLElement {
	const cell = (probe: Probe, layer: number) => fit(probe.name).find((one) => one.step === row && one.layer === layer);
	const sites = probes[0]?.scores.length ?? 0;
	const columns: Column<Line>[] = [
		{ title: 'probe', word: true, text: (one) => one.name, tip: ({ probe }) => probe && glossary.claim(probe.label) },
		...(sites <= PROBE_SITES ? range(sites) : [selected]).map((site): Column<Line> => ({
			title: `layer ${site}`,
			figure: true,
			text: ({ probe }) => (probe ? formatProbability(probe.scores[site] ?? Number.NaN) : ''),
			tip: ({ probe }) =>
				probe && glossary.score(probe.label, probe.scores[site] ?? Number.NaN, `Layer ${site}`, cell(probe, site)),
		})),
	];
	return table(lines(probes), columns, tooltip, (one) => one.kind);
}

/** Classes of one probe stand under its name, so that theirs fit. */
function lines(probes: readonly Probe[]): Line[] {
	return families(probes).flatMap(({ name, members }): Line[] => {
		const inside = members.map(({ probe, member }): Line => ({
			name: member || spoken(name),
			kind: member ? 'member' : '',
			probe,
		}));
		return inside[0]?.kind === 'member' ? [{ name: spoken(name), kind: 'group' }, ...inside] : inside;
	});
}

function join<T>(items: readonly T[], separator: string, text: (item: T) => string): string {
	return items.map(text).join(separator);
}
