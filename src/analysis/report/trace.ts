/** A trace as a part of a report: its answers, and the evidence that was gathered with it. Without evidence it says so. */
import type { TraceDocument } from '../../trace/document';
import type { ClaimRecord, EvidenceRecord, MeterRecord } from '../../trace/evidence';
import type { Figure, Part, Section, Table } from './content';
import { armLabel, decimal, NONE, percent, shortLabel } from './format';

/** A table of one prompt is read by people; the trace has all of it. */
const MAX_ROWS = 500;

/** `file`: the trace's own name. */
export function tracePart(document: TraceDocument, file: string): Part {
	const { prompt, model, options, evidence, notes, origin } = document;
	const sampling = options.temperature === 0 ? 'greedy' : `temperature ${options.temperature}`;
	const how = origin ? `imported from ${origin.format}, reasoning: ${origin.reasoning}` : `${sampling}, seed ${options.seed}`;
	return {
		title: `${model.id} on ${prompt.name}`,
		subtitle: `One prompt, ${how}: an observation, not yet a finding about the model.`,
		headline: [],
		sections: [answerSection(document), ...(evidence ? evidenceSections(evidence) : [])],
		notes: [
			...(evidence ? evidence.skipped : ['The trace holds no evidence: analyze the prompt again with evidence to have tests and controls in it.']),
			...notes,
		],
		provenance: [
			{ label: 'Trace', value: file },
			{ label: 'Prompt', value: `${prompt.name}, sha256 ${prompt.sha256}` },
			{ label: 'Model', value: origin ? model.id : `${model.id}, sha256 ${model.sha256}` },
			...(evidence?.twin ? [{ label: 'Control', value: `${evidence.twin.id}, sha256 ${evidence.twin.sha256}` }] : []),
			...(evidence
				? [{ label: 'Reference', value: `${evidence.reference.name}, ${evidence.reference.prompts} prompts, sha256 ${evidence.reference.sha256}` }]
				: []),
			...(origin ? [{ label: 'Imported from', value: `${origin.file}, sample ${origin.sample}` }] : [{ label: 'Seed', value: String(options.seed) }]),
			{ label: 'Made by', value: `${document.producer}, ${document.runtime.engine}` },
			{ label: 'Measured', value: document.created },
		],
		figures: evidence ? figures(document, evidence, file) : [],
	};
}

const numeric = (label: string) => ({ label, numeric: true as const });

function answerSection({ arms }: TraceDocument): Section {
	return {
		title: 'Answers',
		text: 'What each arm answered to this prompt.',
		tables: [
			{
				caption: 'Arms',
				columns: [{ label: 'Arm', short: true as const }, { label: 'Answer' }, { label: 'State' }, numeric('Thoughts'), numeric('Milliseconds')],
				rows: arms.map(({ name, answer, state, thoughts, milliseconds }) => [
					armLabel(name),
					answer ?? 'none',
					state,
					String(thoughts.length),
					milliseconds.toFixed(0),
				]),
			},
		],
	};
}

function evidenceSections(evidence: EvidenceRecord): Section[] {
	const sections: Section[] = [
		{
			title: 'The neuralese meter',
			text: 'How far thoughts are from tokens, how much it matters, and how much they can carry; beside each the control without recurrence.',
			tables: [meterTable(evidence.meter)],
		},
		{
			title: 'Evidence levels',
			text: 'L0: it decodes to this. L1: better than on shuffled questions. L2: absent in the control. L3: an intervention moves the answer. L4: replicated over at least 100 prompts. A level needs all below it.',
			tables: [claimTable(evidence.claims)],
		},
		{
			title: 'Causal tests',
			text: 'Δ log-odds is of the unchanged answer against the likeliest other token, changed less unchanged: below 0 the change speaks against the answer. KL is from the unchanged to the changed distribution of the answer’s first token.',
			tables: [testTable(evidence)],
		},
		{
			title: 'Legibility of what was written',
			text: 'How usual and how repetitive the chain is: numbers, and no verdict.',
			tables: [legibilityTable(evidence)],
		},
	];
	return sections.filter(({ tables }) => tables.some(({ rows }) => rows.length > 0));
}

function meterTable(meter: readonly MeterRecord[]): Table {
	return {
		caption: 'Three numbers of each arm with thoughts',
		columns: [{ label: 'Arm', short: true as const }, { label: 'Number' }, numeric('Value'), numeric('Control'), { label: 'Unit' }],
		rows: meter.flatMap(({ arm, distance, effect, capacity }) => [
			...(distance
				? [
						[armLabel(arm), 'distance from tokens', decimal(distance.tokens, 1), decimal(distance.twinTokens, 1), 'percentile, kNN'],
						[armLabel(arm), 'distance from states of text', decimal(distance.text, 1), NONE, 'percentile, kNN'],
					]
				: []),
			...(effect
				? [
						[armLabel(arm), 'snapped to the nearest token', decimal(effect.kl), NONE, 'KL, nats'],
						[armLabel(arm), 'snapped, over the reference', decimal(effect.cohort?.kl.value), decimal(effect.twin?.kl.value), 'KL, nats'],
						[armLabel(arm), 'answers that change then', percent(effect.cohort?.changed.value), percent(effect.twin?.changed.value), '%'],
					]
				: []),
			...(capacity
				? [
						[armLabel(arm), `effective dimensions of ${capacity.width}`, decimal(capacity.dimension, 1), NONE, 'dimensions'],
						[armLabel(arm), 'capacity', decimal(capacity.bits, 1), decimal(capacity.twinBits, 1), 'bits a thought'],
					]
				: []),
		]),
	};
}

function claimTable(claims: readonly ClaimRecord[]): Table {
	return {
		caption: 'What each thought is claimed to be, and the level reached',
		columns: [{ label: 'Thought', short: true as const }, { label: 'Claim' }, { label: 'Level' }, { label: 'Why not higher' }],
		rows: claims.slice(0, MAX_ROWS).map(({ arm, thought, claim, level, rungs }) => [
			`${armLabel(arm)} ${thought}`,
			claim,
			`L${level}`,
			rungs.find((rung) => rung.level === level + 1)?.why ?? '',
		]),
	};
}

function testTable({ tests }: EvidenceRecord): Table {
	const shown = tests.slice(0, MAX_ROWS);
	const controls = shown.some(({ control }) => control);
	return {
		caption: shown.length < tests.length ? `The first ${shown.length} of ${tests.length} tests` : 'Tests',
		columns: [
			{ label: 'Test', short: true as const },
			{ label: 'Later thoughts' },
			{ label: 'Answer' },
			numeric('Δ log-odds, nats'),
			numeric('KL, nats'),
			...(controls ? [numeric('Control: Δ log-odds'), numeric('KL')] : []),
			{ label: 'Replaced by' },
		],
		rows: shown.map((one) => [
			`${armLabel(one.arm)}, ${shortLabel(one)}${one.site === undefined ? '' : ` L${one.site}`}`,
			one.later,
			`${one.answer ?? 'none'}${one.changed ? ' (changed)' : ''}`,
			decimal(one.deltaLogOdds),
			decimal(one.kl),
			...(controls ? [decimal(one.control?.deltaLogOdds), decimal(one.control?.kl)] : []),
			one.by,
		]),
	};
}

function legibilityTable({ legibility }: EvidenceRecord): Table {
	return {
		caption: 'Of each arm that writes a chain',
		columns: [
			{ label: 'Arm', short: true as const },
			numeric('Tokens'),
			numeric('Surprisal, bits a token'),
			numeric('KL to the base, nats'),
			numeric('Repeated 3-grams, %'),
			numeric('Rare words, %'),
			numeric('Legal steps'),
		],
		rows: legibility.map(({ arm, tokens, reference, base, repetition, rareWords, legalSteps }) => [
			armLabel(arm),
			String(tokens),
			decimal(reference?.surprisalBits),
			decimal(base?.kl, 3),
			percent(repetition),
			percent(rareWords?.share),
			legalSteps ? `${legalSteps.legal} of ${legalSteps.steps}` : NONE,
		]),
	};
}

function figures({ model }: TraceDocument, { tests, claims, meter }: EvidenceRecord, source: string): Figure[] {
	const blank = { source, model: model.id, test: '', form: '', step: '', low: null, high: null, n: 1, p: null };
	const one = (arm: string, measure: string, unit: string, value: number | null | undefined): Figure[] =>
		value === undefined ? [] : [{ ...blank, arm, measure, unit, value }];
	return [
		...meter.flatMap(({ arm, distance, effect, capacity }) => [
			...one(arm, 'distance from tokens', 'percentile', distance?.tokens),
			...one(arm, 'distance from states of text', 'percentile', distance?.text),
			...one(arm, 'snap kl', 'nats', effect?.kl),
			...one(arm, 'effective dimensions', 'dimensions', capacity?.dimension),
			...one(arm, 'capacity', 'bits', capacity?.bits),
		]),
		...claims.flatMap(({ arm, thought, level }) => one(arm, 'evidence level', 'level', level).map((figure) => ({ ...figure, step: String(thought) }))),
		...tests.flatMap(({ arm, test, form = '', step, site, deltaLogOdds, kl }) =>
			[...one(arm, 'deltaLogOdds', 'nats', deltaLogOdds), ...one(arm, 'kl', 'nats', kl)].map((figure) => ({
				...figure,
				test,
				form: site === undefined ? form : `${form} L${site}`,
				step: String(step),
			})),
		),
	];
}
