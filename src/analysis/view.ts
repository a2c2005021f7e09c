import type { Course, CourseQuery, Details, LoopRow, Overview, Row, Run, Selection, SentenceView, ThoughtView, Tile, TokenView } from '../shared/panel';
import { clamp, type Range } from '../shared/range';
import type { ArmRecord, Thought } from '../trace/document';
import { probePlane, type PlaneName, type TraceSource } from '../trace/planes';
import { codeReader, ROW_CODES, type CodeReader } from './codeViews';
import { CourseReader } from './course/course';
import { graphView } from './graphView';
import { headline, type RunExtra } from './headline';
import { likelihood, measured, promptToken, type PromptToken } from './hover';
import { loopRows } from './loopRows';
import { levelView } from './levelView';
import { Lookup, type ByPosition } from './lookup';
import { findInPrompt } from './occurrence';
import { MEASURES, type Measure } from './ood';
import { oodViews } from './oodViews';
import { overview } from './overview';
import type { OutlinedSentence } from './outline';
import { patchControl, patchForm, patchPlane } from './patchViews';
import type { Readout } from './readout';
import { testViews } from './testViews';
import { completed, printable } from './text';
import { fedOf, madeOf, marksOf } from './thoughtViews';

/** Ranked words of a thought in its row: more do not fit beside a sentence. */
const ROW_TOP = 4;
/** Rows that one query may ask for: more than any screen shows, and less than a message may carry. */
const MAX_ROWS = 2_000;

/** Logarithm of a token's probability, surprisal under the reference model in bits, KL to the base model in nats. */
type Usual = Record<'logprob' | 'surprisal' | 'kl', ByPosition>;

/** Everything the panel and the hover show, computed from a run in progress or a file. Texts come out ready for display. */
export class TraceView {
	readonly lookup: Lookup;
	private readonly courses: CourseReader;

	constructor(readonly source: TraceSource) {
		this.lookup = new Lookup(source);
		this.courses = new CourseReader(this.lookup);
	}

	run(revision: number, extra: RunExtra = {}): Run {
		return headline(this.source.document, this.lookup.outline, this.lookup.evidence, revision, extra);
	}

	/** `layer` is the site whose readout the thoughts show. */
	async rows(range: Range, layer: number): Promise<Row[]> {
		const { sentences, written, latent, rows } = this.lookup.outline;
		const { start, end } = bounded(range, rows);
		const thoughts = latent?.thoughts.slice(start, end) ?? [];
		const [readout, codes, usual] = await Promise.all([
			latent &&
				this.lookup.readout(
					latent,
					thoughts.map((thought) => thought.producedAt),
				),
			latent && codeReader(this.source, latent.name, { start, end: start + thoughts.length }),
			written &&
				this.usual(
					written,
					sentences.slice(start, end).flatMap((sentence) => sentence.steps),
				),
		]);
		return Array.from({ length: end - start }, (_, i): Row => {
			const sentence = sentences[start + i];
			const thought = thoughts[i];
			return {
				index: start + i,
				sentence: sentence && this.sentence(sentence, written!, usual!),
				thought: thought && this.thought(latent!, thought, { readout, codes: codes!, layer }),
			};
		});
	}

	/** Probe scores of the thoughts, or of the probe's arm's sentences, in the range, or effects of patching; NaN where not measured. */
	async tile(probe: string, range: Range): Promise<Tile> {
		const { rows: all, latent } = this.lookup.outline;
		const rows = bounded(range, all);
		const sites = this.lookup.sites.length;
		const values = new Float32Array((rows.end - rows.start) * sites).fill(NaN);
		const form = patchForm(probe);
		if (form !== undefined) {
			const { evidence } = this.lookup;
			const effects = latent && (await this.source.read(latent.name, patchPlane(form), rows));
			values.set(effects instanceof Float32Array ? effects : []);
			return { rows, values, control: evidence && latent && patchControl(evidence, latent.name, form, rows, sites) };
		}
		const record = this.source.document.probes.find(({ name }) => name === probe);
		const places = record && this.lookup.placesOf(record);
		const positions = places?.positions.slice(rows.start, rows.end) ?? [];
		const scores = places && (await this.lookup.floats(places.arm, probePlane(probe), positions));
		for (const [row, position] of positions.entries()) {
			values.set(scores?.(position) ?? [], row * sites);
		}
		return { rows, values };
	}

	/** `layer` is the site of the entropies and scores; with `probe` also the values of that heatmap. */
	async overview(bins: number, layer: number, probe?: string, signal?: AbortSignal): Promise<Overview> {
		const sites = this.lookup.sites.length;
		const site = this.site(layer);
		const scores = async (rows: Range) => (await this.tile(probe!, rows)).values.filter((_, i) => i % sites === site);
		return overview(this.lookup, { bins, layer: site, scores: probe === undefined ? undefined : scores, signal });
	}

	async details(row: number): Promise<Details> {
		const { document } = this.source;
		const { latent, written, sentences, task } = this.lookup.outline;
		const thought = latent?.thoughts[row];
		const steps = sentences[row]?.steps ?? [];
		const rows = { start: row, end: row + 1 };
		const [readout, fed, codes, usual, tiles, ood] = await Promise.all([
			thought && this.lookup.readout(latent!, [thought.producedAt]),
			thought && fedOf(this.lookup, latent!, thought.index),
			thought && codeReader(this.source, latent!.name, rows),
			written && this.usual(written, steps),
			Promise.all(document.probes.map(({ name }) => this.tile(name, rows))),
			thought && this.ood(latent!, thought.index),
		]);
		const { evidence } = this.lookup;
		const claim = thought && evidence?.claim(latent!.name, thought.index);
		const reading = thought && evidence?.reading(latent!.name, thought.index);
		const tested = { latent: thought && latent!.name, thought: row, written: sentences[row] && written!.name, sentence: row };
		return {
			row,
			layers: thought && readout?.has(thought.producedAt) ? this.layers(readout, thought.producedAt) : [],
			neighbours: fed?.neighbours ?? [],
			norm: fed?.norm,
			codes: (codes?.(row, Infinity) ?? []).map((reading, i) => {
				const { from, to } = document.model.codes![i]!;
				return { ...reading, from, to };
			}),
			made: thought && (await madeOf(this.lookup, latent!, thought)),
			probes: document.probes.flatMap(({ name, label }, i) => measured(name, label, tiles[i]!.values)),
			tokens: this.tokens(steps, written, usual).map((token) => ({
				...token,
				// Ids of an imported trace number its texts, and are no tokenizer's.
				id: document.origin ? undefined : written!.steps[token.step]!.id,
				surprisalBits: likelihood(usual!.logprob(token.step)?.[0]).surprisalBits,
			})),
			level: claim && levelView(claim),
			tests: evidence ? testViews(evidence, tested) : [],
			ood: ood ?? [],
			graph: reading && graphView(reading, task, evidence!.weightyOf(latent!.name)),
		};
	}

	/** Positions of an arm of a model that loops over depth. */
	loops(arm: string, rows: Range): Promise<LoopRow[]> {
		return loopRows(this.lookup, arm, bounded(rows, Infinity));
	}

	/** All thoughts of the latent arm at once; `null` where nothing is known that could be drawn. */
	course(query: CourseQuery): Promise<Course | null> {
		return this.courses.read(query);
	}

	/** The token that covers `offset` of the prompt's text; undefined where none does or nothing was read out there. */
	tokenAt(offset: number): Promise<PromptToken | undefined> {
		return promptToken(this.lookup, offset);
	}

	/** Where what is selected stands in the prompt's text: what the selected step says, else what the thought reads as. */
	async occurrences({ row = -1, layer, step }: Selection): Promise<Range[]> {
		const { prompt, model } = this.source.document;
		const { task, sentences, latent } = this.lookup.outline;
		const sentence = step === undefined ? sentences[row] : sentences.find(({ steps }) => steps.includes(step));
		if (sentence) {
			// An answer names a candidate; as a fact it would be one that the prompt does not state.
			const candidate = sentence.role === 'answer' ? task?.step(sentence.text)?.object : undefined;
			return findInPrompt(candidate ?? sentence.text, prompt.text, sentence.subject, task);
		}
		const thought = latent?.thoughts[row];
		const readout = thought && (await this.lookup.readout(latent!, [thought.producedAt]));
		if (!thought || !readout?.has(thought.producedAt)) {
			return [];
		}
		const [first] = readout.ranked(thought.producedAt, clamp(layer ?? model.layers, 0, model.layers), 1);
		const text = first ? this.lookup.text(first.id) : '';
		return findInPrompt(task?.wordOf(text) ?? text, prompt.text, undefined, task);
	}

	private sentence({ steps, role, verdict }: OutlinedSentence, arm: ArmRecord, usual: Usual): SentenceView {
		return { role, verdict, tokens: this.tokens(steps, arm, usual) };
	}

	private tokens(positions: readonly number[], arm?: ArmRecord, usual?: Usual): TokenView[] {
		if (!arm || !usual) {
			return [];
		}
		const texts = completed(positions.map((position) => this.lookup.text(arm.steps[position]!.id)));
		return positions.map((position, i) => ({
			step: position,
			text: printable(texts[i]!),
			prob: likelihood(usual.logprob(position)?.[0]).prob,
			referenceBits: ifMeasured(usual.surprisal(position)?.[0]),
			kl: ifMeasured(usual.kl(position)?.[0]),
		}));
	}

	/** How usual the tokens at the positions are. */
	private async usual(arm: ArmRecord, positions: readonly number[]): Promise<Usual> {
		const read = (plane: PlaneName) => this.lookup.floats(arm, plane, positions);
		const [logprob, surprisal, kl] = await Promise.all([
			read('tokens.logprob'),
			read('legibility.surprisal'),
			read('legibility.kl'),
		]);
		return { logprob, surprisal, kl };
	}

	private thought(arm: ArmRecord, thought: Thought, { readout, codes, layer }: { readout?: Readout; codes: CodeReader; layer: number }): ThoughtView {
		const { index, producedAt } = thought;
		const claim = this.lookup.evidence?.claim(arm.name, index);
		const known = {
			index,
			level: claim && levelView(claim),
			...marksOf(this.lookup, arm, thought),
			codes: codes(index, ROW_CODES),
		};
		if (!readout?.has(producedAt)) {
			return { ...known, top: [], entropy: NaN, strip: [] };
		}
		const { sites } = this.lookup;
		const site = this.site(layer);
		const live = this.lookup.outline.task?.frontier(index + 1);
		return {
			...known,
			top: this.words(readout, producedAt, site, ROW_TOP).map(({ id, ...word }) => ({ ...word, live: live?.has(this.lookup.word(id)) })),
			entropy: readout.entropy(producedAt, site),
			strip: sites.map((at) => this.words(readout, producedAt, at, 1)[0]?.text ?? ''),
		};
	}

	private site(layer: number): number {
		return clamp(Math.trunc(layer), 0, this.source.document.model.layers);
	}

	/** Last site first, every rank that the trace has. */
	private layers(readout: Readout, position: number): Details['layers'] {
		const read = (layer: number) => ({
			layer,
			top: this.words(readout, position, layer, Infinity).map(({ text, prob }) => ({ text, prob })),
			entropy: readout.entropy(position, layer),
			klFinal: readout.klFinal(position, layer),
		});
		return this.lookup.sites.map(read).reverse();
	}

	private words(readout: Readout, position: number, site: number, count: number): { id: number; text: string; prob: number }[] {
		const ranked = readout.ranked(position, site, count);
		const texts = this.lookup.words(ranked.map(({ id }) => id));
		return ranked.map(({ id, prob }, i) => ({ id, text: texts[i]!, prob }));
	}

	/** Empty where the arm was not compared with anything. */
	private async ood(arm: ArmRecord, thought: number): Promise<Details['ood']> {
		const record = this.lookup.evidence?.record.ood.find((one) => one.arm === arm.name);
		if (!record) {
			return [];
		}
		const rows = { start: thought, end: thought + 1 };
		const read = async (measure: Measure) => [measure, await this.source.read(arm.name, `ood.${measure}`, rows)] as const;
		const planes = await Promise.all(MEASURES.map(read));
		return oodViews(record, new Map(planes.filter((one): one is [Measure, Float32Array] => one[1] instanceof Float32Array && one[1].length > 0)));
	}
}

function bounded(range: Range, rows: number): Range {
	const start = clamp(Math.trunc(range.start), 0, rows);
	return { start, end: clamp(Math.trunc(range.end), start, Math.min(rows, start + MAX_ROWS)) };
}

function ifMeasured(value: number | undefined): number | undefined {
	return value === undefined || Number.isNaN(value) ? undefined : value;
}
