import type { ArmView, Columns, ProbeCell, ProbeView, Run } from '../shared/panel';
import { ownWords } from '../prompts/own';
import type { OriginRecord, ProbeRecord, Reasoning, TraceDocument } from '../trace/document';
import { agreement } from './answers';
import { hasCourse } from './course/course';
import type { EvidenceIndex } from './evidenceIndex';
import { ending, endingInShort } from './halt';
import { legibilityView } from './legibilityView';
import { depthView } from './loopRows';
import { meterViews } from './meterView';
import type { Outline } from './outline';
import { patchViews } from './patchViews';
import { recordedKinds } from './recorded';
import { printable, visible } from './text';

/** What the host knows beside the trace. */
export interface RunExtra {
	/** Arms that will run, in order: those that have not begun are shown as waiting. */
	arms?: readonly string[];
	/** One sentence each, before the trace's own. */
	notes?: readonly string[];
}

/** A title is one line of the panel; the end of a long line is where its question stands. */
const MAX_TITLE = 200;

/** 32 thoughts at 33 sites of one probe, 100 KB in a message. */
const MAX_CELLS = 1_056;

/** In the order in which they are read; other arms follow in the order of their run. */
const LABELS: ReadonlyMap<string, string> = new Map([
	['latent', 'latent'],
	['cot', 'chain of thought'],
	['direct', 'direct'],
	['summary', 'summary of the reasoning'],
	['redacted', 'reasoning withheld'],
]);

/** The header of a run, and how far its rows and layers reach. */
export function headline(
	document: TraceDocument,
	lines: Outline,
	evidence: EvidenceIndex | undefined,
	revision: number,
	extra: RunExtra,
): Run {
	const { model, probes } = document;
	const { latent, written } = lines;
	const files = [...new Set(probes.map(fitOf))];
	const legibility = evidence?.record.legibility.find(({ arm }) => arm === written?.name);
	return {
		revision,
		title: lines.task ? printable(lines.task.question) : titleOf(document),
		subtitle: subtitle(document, lines),
		arms: armViews(document, extra.arms ?? []),
		agree: agreement(new Map(document.arms.map((arm) => [arm.name, arm.answer]))),
		reasoning: document.origin?.reasoning,
		rows: lines.rows,
		unworded: unwordedOf(document, lines),
		layers: model.layers,
		depth: depthView(document, (name) => LABELS.get(name) ?? visible(name)),
		columns: columnsOf(document, lines, extra.arms ?? []),
		meter: evidence && (latent ? meterViews(evidence.record, latent.name) : []),
		legibility: legibility && legibilityView(legibility),
		probes: [
			...ranked(probes, lines).map((probe) => probeView(probe, model.layers, files.indexOf(fitOf(probe)))),
			...(evidence && latent ? patchViews(evidence, latent.name) : []),
		],
		fits: files.map((file) => cellsOf(probes.find((probe) => fitOf(probe) === file)!)),
		course: latent && hasCourse(latent) ? { thoughts: latent.thoughts.length } : undefined,
		notes: [...(extra.notes ?? []), ...document.notes, ...(evidence?.record.skipped ?? [])].map(printable),
	};
}

/** An imported file without text has no step that can be read. */
function unwordedOf({ model, arms, origin }: TraceDocument, { rows }: Outline): Run['unworded'] {
	const positions = arms.reduce((sum, { steps }) => sum + steps.length, 0);
	return origin && rows === 0 && positions > 0 && model.width > 0 ? { positions, width: model.width } : undefined;
}

/** `expected`: arms that will run. What they will have has its column from the start, so that it does not move while a run fills. */
function columnsOf({ model, arms, origin }: TraceDocument, { sentences, latent }: Outline, expected: readonly string[]): Columns {
	const coming = expected
		.filter((name) => !arms.some((arm) => arm.name === name && arm.state !== 'running'))
		.map((name) => recordedKinds(model.recipe, name));
	const { codes = [] } = model;
	const thoughts = latent?.thoughts ?? [];
	const width = latent?.latentWidth ?? model.width;
	return {
		sentences: sentences.length > 0 || coming.some(({ writes }) => writes),
		thoughts: thoughts.length > 0 || coming.some(({ thinks }) => thinks),
		...(origin?.steps === 'sentences' ? { surprise: false } : {}),
		// Latents of another arm may be of another width.
		codes: codes.every(({ to }) => to <= width) ? codes.map(({ name, state }) => ({ part: visible(name), state })) : [],
		gate: thoughts.some(({ gate }) => gate !== undefined),
		readout: thoughts.some(({ readout }) => readout !== undefined),
	};
}

/** The prompt's last line, or which sample it is. */
export function titleOf({ prompt, origin }: TraceDocument): string {
	return printable(lastLine(ownWords(prompt).text || prompt.text) || (origin ? `sample ${origin.sample}` : ''));
}

/** Of a text of any length, without splitting it. */
function lastLine(text: string): string {
	const end = text.trimEnd();
	const line = end.slice(end.lastIndexOf('\n') + 1).trim();
	return line.length > MAX_TITLE ? `…${line.slice(-MAX_TITLE)}` : line;
}

/** Of an imported trace: where it comes from, and how much of the reasoning that is. */
const REASONING: Readonly<Record<Reasoning, string>> = {
	full: 'full reasoning',
	summary: 'summary of the reasoning, not the chain of thought',
	redacted: 'reasoning withheld',
	none: 'no written reasoning in the source',
};

function importedSubtitle({ model }: TraceDocument, { latent }: Outline, { file, sample, format, reasoning, sampling, scores }: OriginRecord): string {
	const [first] = scores;
	const parts = [
		REASONING[reasoning],
		file,
		`sample ${sample}`,
		format,
		model.id,
		...(latent ? [`${latent.thoughts.length} latents`] : []),
		...(sampling.temperature === undefined ? [] : [`temperature ${sampling.temperature}`]),
		...(sampling.seed === undefined ? [] : [`seed ${sampling.seed}`]),
		...(first ? [`${first.name} ${first.value}`] : []),
	];
	return printable(parts.join(' · '));
}

function subtitle(document: TraceDocument, lines: Outline): string {
	const { prompt, model, options, arms, origin } = document;
	const { latent } = lines;
	if (origin) {
		return importedSubtitle(document, lines, origin);
	}
	const milliseconds = arms.reduce((sum, arm) => sum + arm.milliseconds, 0);
	const parts = [
		prompt.name,
		`${model.id}, ${model.depth ? `${model.depth.loops} loops` : `${model.layers} layers`} × ${model.width}`,
		...(latent ? [endingInShort(latent)] : []),
		...(options.noise === undefined ? [] : [`noise ${options.noise}`]),
		...(options.temperature > 0 ? [`temperature ${options.temperature}`] : []),
		`seed ${options.seed}`,
		milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`,
	];
	return printable(parts.join(' · '));
}

/** Compared with the latent arm, because that is the one in question; where it gave no answer, with the first that did. */
function armViews({ arms, origin, model }: TraceDocument, expected: readonly string[]): ArmView[] {
	const reference =
		arms.find((arm) => arm.name === 'latent' && arm.answer !== undefined) ?? arms.find((arm) => arm.answer !== undefined);
	const names = [...new Set([...expected, ...arms.map((arm) => arm.name)])].sort((a, b) => place(a) - place(b));
	const partly = origin !== undefined && origin.reasoning !== 'full';
	const label = (name: string) => (partly && name === 'cot' ? 'part of the chain of thought' : (LABELS.get(name) ?? visible(name)));
	return names.map((name): ArmView => {
		const arm = arms.find((candidate) => candidate.name === name);
		const comparable = arm?.answer !== undefined && arm !== reference;
		return {
			name,
			label: label(name),
			state: arm?.state ?? 'waiting',
			answer: arm?.answer === undefined ? undefined : visible(arm.answer),
			ending: arm && !origin ? ending(arm, model.recipe) : undefined,
			...(comparable && reference ? { agrees: arm.answer === reference.answer, comparedWith: label(reference.name) } : {}),
		};
	});
}

function place(arm: string): number {
	const known = [...LABELS.keys()].indexOf(arm);
	return known < 0 ? LABELS.size : known;
}

/** The candidates' class probes first, because they are what the question is about; else in the order of the file. */
function ranked(probes: readonly ProbeRecord[], { task, latent }: Outline): ProbeRecord[] {
	const rank = ({ name }: ProbeRecord) => {
		const target = name.slice(name.indexOf(':') + 1);
		return !name.includes(':') ? 2 : target === (task?.answer ?? latent?.answer) ? 0 : task?.options.includes(target) ? 1 : 2;
	};
	return [...probes].sort((a, b) => rank(a) - rank(b));
}

/** The classes of one probe come from one file and share its figures. */
function fitOf({ name, sha256 }: ProbeRecord): string {
	return `${sha256} ${name.split(':')[0]}`;
}

/** In the order of the file, and of a larger one only the first: a state is sent whole with every change. */
function cellsOf({ metrics }: ProbeRecord): ProbeCell[] {
	return metrics.slice(0, MAX_CELLS).map(({ selectivityCi: _, n: __, ...cell }) => cell);
}

function probeView({ name, label, metrics }: ProbeRecord, layers: number, fit: number): ProbeView {
	const last = metrics.filter((metric) => metric.layer === layers);
	const mean = (key: 'auroc' | 'shuffled' | 'random') => last.reduce((sum, metric) => sum + metric[key], 0) / last.length;
	return {
		name,
		kind: 'probe',
		domain: [0, 1],
		label: printable(label),
		fit,
		metrics: last.length > 0 ? { auroc: mean('auroc'), shuffled: mean('shuffled'), random: mean('random') } : undefined,
	};
}
