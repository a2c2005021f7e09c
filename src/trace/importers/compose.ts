/** A sample as a trace: one arm with what the model wrote, and what the source measured as planes beside it. */
import type { ArmRecord, Reasoning, TraceDocument } from '../document';
import { SCHEMA_VERSION, UNKNOWN_MODEL } from '../document';
import { toHalf } from '../half';
import type { DType, PlaneData, TensorInput } from '../planes';
import { MAX_LINE, MAX_NOTE, MAX_NOTES, MAX_SCORES, MAX_TEXT } from '../schema';
import { refuse } from './limits';
import type { Activations, Part, Sample } from './sample';
import { Steps, Texts } from './steps';

export interface ImportContext {
	format: string;
	/** Base name of the file. */
	file: string;
	/** Name and version of this tool. */
	importer: string;
	/** ISO 8601, for sources that have no time of their own. */
	now: string;
	/** SHA-256 of UTF-8, hex. */
	sha256(text: string): string;
}

export interface Composed {
	document: TraceDocument;
	tensors: TensorInput[];
}

/** Rows of residual streams that are converted at a time: a few MiB. */
const ROWS_AT_ONCE = 256;
const ACTIVATIONS_ARM = 'activations';

export function compose(sample: Sample, context: ImportContext): Composed {
	const texts = new Texts();
	const { activations, thoughts } = sample;
	const reasoning = reasoningOf(sample.turns.flatMap(({ parts }) => parts));
	const written = new Steps(texts);
	const together = activations !== undefined && fits(sample, activations);
	for (let i = 0; together && i < activations.prompt; i++) {
		written.blank('prompt');
	}
	thoughts?.forEach((_, i) => (i === 0 ? written.blank('prompt') : written.latent(i - 1)));
	sample.turns.forEach((turn) => written.turn(turn));
	const name = thoughts ? 'latent' : armName(sample);
	const tensors: TensorInput[] = [];
	const add = (arm: string, plane: string, dtype: DType, shape: number[], chunks: TensorInput['chunks']) =>
		tensors.push({ name: `${arm}/${plane}`, dtype, shape, chunks });
	const steps = written.steps.length;
	if (written.hasLogprobs) {
		add(name, 'tokens.logprob', 'F32', [steps], [Float32Array.from(written.logprobs)]);
	}
	const ranks = written.ranks();
	if (ranks) {
		add(name, 'tokens.topk_id', 'I32', [steps, ranks.top], [ranks.ids]);
		add(name, 'tokens.topk_logprob', 'F32', [steps, ranks.top], [ranks.logprobs]);
	}
	if (thoughts) {
		const words = decodedWords(sample, texts, steps);
		add(name, 'lens.topk_id', 'I32', [steps, 1, words.length / Math.max(steps, 1)], [words]);
	}
	const arms = sample.turns.length === 0 && activations ? [] : [writtenArm(name, written, sample)];
	if (activations) {
		const arm = together ? name : ACTIVATIONS_ARM;
		const rows = together ? steps : activations.rows;
		add(arm, 'hidden.resid', 'F16', [rows, activations.sites, activations.width], halves(activations, rows));
		if (!together) {
			arms.push(activationsArm(activations));
		}
	}
	return { document: documentOf(sample, context, { arms, texts, written, reasoning }), tensors };
}

/** Any summary or redacted part means that the chain of thought is not complete. */
export function reasoningOf(parts: readonly Part[]): Reasoning {
	const has = (kind: Part['kind']) => parts.some((part) => part.kind === kind);
	return has('summary') ? 'summary' : has('redacted') ? 'redacted' : has('reasoning') ? 'full' : 'none';
}

/** `cot` only where some of the chain of thought itself is there. */
function armName({ turns }: Sample): string {
	const parts = turns.flatMap((turn) => turn.parts);
	const reasoning = reasoningOf(parts);
	return parts.some(({ kind }) => kind === 'reasoning') ? 'cot' : reasoning === 'none' ? 'direct' : reasoning;
}

/** Whether each row of the activations is a step: rows after the prompt's are the logged tokens, but the last, which nothing followed. */
function fits({ turns }: Sample, { rows, prompt }: Activations): boolean {
	const [only] = turns;
	const missing = (only?.tokens?.length ?? 0) - (rows - prompt);
	return turns.length === 1 && only?.tokens !== undefined && (missing === 0 || missing === 1);
}

function writtenArm(name: string, { steps }: Steps, { turns, state, thoughts }: Sample): ArmRecord {
	const parts = turns.flatMap((turn) => turn.parts).filter(({ kind }) => kind !== 'input');
	const said = turns.at(-1)?.parts.filter(({ kind }) => kind === 'answer') ?? [];
	const answer = joined(said.map(({ text }) => text), '\n').trim();
	return {
		name,
		state,
		steps,
		thoughts: (thoughts ?? []).map((_, index) => ({ index, producedAt: index, fedAt: index + 1 })),
		text: joined(parts.map(({ text }) => text), '\n\n'),
		...(answer ? { answer } : {}),
		...(thoughts ? { feedback: 'as the source was run' } : {}),
		milliseconds: 0,
	};
}

function activationsArm({ rows, prompt }: Activations): ArmRecord {
	const steps = Array.from({ length: rows }, (_, i) => ({ kind: i < prompt ? ('prompt' as const) : ('token' as const), id: -1 }));
	return { name: ACTIVATIONS_ARM, state: 'done', steps, thoughts: [], text: '', milliseconds: 0 };
}

/** [steps, 1, ranks], with the words of thought k where it was produced. */
function decodedWords({ thoughts = [] }: Sample, texts: Texts, steps: number): Int32Array {
	const top = thoughts.reduce((most, { words }) => Math.max(most, words.length), 0);
	const ids = new Int32Array(steps * top).fill(-1);
	thoughts.forEach(({ words }, thought) => words.forEach((word, rank) => (ids[thought * top + rank] = texts.id(word))));
	return ids;
}

async function* halves(activations: Activations, rows: number): AsyncGenerator<PlaneData> {
	const { sites, width } = activations;
	for (let start = 0; start < activations.rows; start += ROWS_AT_ONCE) {
		yield toHalf(await activations.read({ start, end: Math.min(start + ROWS_AT_ONCE, activations.rows) }));
	}
	for (let row = activations.rows; row < rows; row++) {
		yield toHalf(new Float32Array(sites * width).fill(Number.NaN));
	}
}

interface Made {
	arms: ArmRecord[];
	texts: Texts;
	written: Steps;
	reasoning: Reasoning;
}

function documentOf(sample: Sample, context: ImportContext, { arms, texts, written, reasoning }: Made): TraceDocument {
	const { activations, producer, target, reference, scores, sampling, model = '' } = sample;
	const prompt = bounded(sample.prompt);
	return {
		version: SCHEMA_VERSION,
		producer: context.importer,
		created: line(sample.created ?? context.now),
		prompt: { name: line(context.file), format: context.format, text: prompt, sha256: context.sha256(prompt), pieces: [] },
		model: {
			id: line(model || UNKNOWN_MODEL),
			name: line(model || UNKNOWN_MODEL),
			sha256: '',
			tokenizerSha256: '',
			layers: activations ? activations.sites - 1 : 0,
			width: activations?.width ?? 0,
			vocabulary: 0,
			quantisation: '',
			trainedLatents: 0,
			recipe: null,
		},
		options: { seed: 0, temperature: 0, topK: 0 },
		runtime: { engine: line(producer ?? 'unknown'), platform: 'unknown' },
		arms,
		probes: [],
		origin: {
			format: context.format,
			file: line(context.file),
			sample: line(sample.id),
			...(producer === undefined ? {} : { producer: line(producer) }),
			reasoning,
			steps: written.tokens > 0 ? 'tokens' : 'sentences',
			...(target === undefined ? {} : { target: bounded(target) }),
			...(reference === undefined ? {} : { reference: bounded(reference) }),
			scores: scores.slice(0, MAX_SCORES).map(({ name, value }) => ({ name: line(name), value: line(value) })),
			sampling,
			...(activations?.normed ? { normed: true as const } : {}),
		},
		tokens: texts.all,
		notes: notesOf(sample, written, reasoning).map((note) => note.slice(0, MAX_NOTE)),
	};
}

function notesOf({ notes, turns, activations }: Sample, { unplaced }: Steps, reasoning: Reasoning): string[] {
	const count = (kind: Part['kind']) => turns.flatMap(({ parts }) => parts).filter((part) => part.kind === kind).length;
	const [summaries, redacted, full] = [count('summary'), count('redacted'), count('reasoning')];
	const mixed = full > 0 && reasoning !== 'full' ? `, ${full} ${full === 1 ? 'is' : 'are'} the chain of thought itself` : '';
	return [
		...(summaries > 0
			? [`${plural(summaries, 'part')} of the reasoning ${summaries === 1 ? 'is a summary' : 'are summaries'} and not the chain of thought${mixed}.`]
			: []),
		...(redacted > 0 ? [`${plural(redacted, 'part')} of the reasoning ${redacted === 1 ? 'was' : 'were'} withheld${summaries > 0 ? '' : mixed}.`] : []),
		...(unplaced > 0 ? [`The log-probabilities of ${plural(unplaced, 'turn')} do not fit the text and were left out.`] : []),
		...(activations?.normed ? ['The last site of the activations is after the final norm, as the model library returns it.'] : []),
		...[...new Set(notes)].slice(0, MAX_NOTES - 4),
	];
}

function plural(count: number, what: string): string {
	return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function line(text: string): string {
	return text.length > MAX_LINE ? `${text.slice(0, MAX_LINE - 1)}…` : text;
}

/** Many references to one long text are as long as many texts. */
function joined(texts: readonly string[], separator: string): string {
	const length = texts.reduce((sum, text) => sum + text.length + separator.length, 0);
	return length > MAX_TEXT + separator.length ? tooLong(length) : texts.join(separator);
}

function tooLong(length: number): never {
	return refuse(`a sample's text has ${length} characters, the limit is ${MAX_TEXT}`, 'import a shorter sample');
}

function bounded(text: string): string {
	return text.length > MAX_TEXT ? tooLong(text.length) : text;
}
