import type { Course, CourseQuery, Details, Row, Run, Selection, SentenceView, ThoughtView, Tile, TokenView } from '../shared/panel';
import { clamp, type Range } from '../shared/range';
import type { ArmRecord, Thought } from '../trace/document';
import { probePlane, type PlaneName, type TraceSource } from '../trace/planes';
import { CourseReader } from './course/course';
import { graphView } from './graphView';
import { headline, type RunExtra } from './headline';
import { likelihood, measured, promptToken, type PromptToken } from './hover';
import { norm } from './lens';
import { levelView } from './levelView';
import { Lookup, type ByPosition } from './lookup';
import { findInPrompt } from './occurrence';
import { MEASURES, type Measure } from './ood';
import { oodViews } from './oodViews';
import type { OutlinedSentence } from './outline';
import { patchControl, patchForm, patchPlane } from './patchViews';
import type { Readout } from './readout';
import { testViews } from './testViews';
import { completed, printable } from './text';

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
		const [readout, usual] = await Promise.all([
			latent &&
				this.lookup.readout(
					latent,
					thoughts.map((thought) => thought.producedAt),
				),
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
				thought: thought && this.thought(latent!, thought, readout, layer),
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

	async details(row: number): Promise<Details> {
		const { document } = this.source;
		const { latent, written, sentences, task } = this.lookup.outline;
		const thought = latent?.thoughts[row];
		const steps = sentences[row]?.steps ?? [];
		const [readout, fed, usual, tiles, ood] = await Promise.all([
			thought && this.lookup.readout(latent!, [thought.producedAt]),
			thought && this.fed(latent!, thought.index),
			written && this.usual(written, steps),
			Promise.all(document.probes.map(({ name }) => this.tile(name, { start: row, end: row + 1 }))),
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

	private thought(arm: ArmRecord, { index, spare, producedAt }: Thought, readout: Readout | undefined, layer: number): ThoughtView {
		const reason = spare && printable(spare);
		const claim = this.lookup.evidence?.claim(arm.name, index);
		const level = claim && levelView(claim);
		if (!readout?.has(producedAt)) {
			return { index, level, spare: reason, top: [], entropy: NaN, strip: [] };
		}
		const { sites } = this.lookup;
		const site = clamp(Math.trunc(layer), 0, sites.length - 1);
		const live = this.lookup.outline.task?.frontier(index + 1);
		return {
			index,
			level,
			spare: reason,
			top: this.words(readout, producedAt, site, ROW_TOP).map(({ id, ...word }) => ({ ...word, live: live?.has(this.lookup.word(id)) })),
			entropy: readout.entropy(producedAt, site),
			strip: sites.map((at) => this.words(readout, producedAt, at, 1)[0]?.text ?? ''),
		};
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

	/** The vector that was fed back as a thought: its norm and the embeddings nearest to it. */
	private async fed(arm: ArmRecord, thought: number): Promise<{ neighbours: Details['neighbours']; norm?: number }> {
		const read = (name: PlaneName) => this.source.read(arm.name, name, { start: thought, end: thought + 1 });
		const [ids, cosines, vector] = await Promise.all([
			read('neighbour.topk_id'),
			read('neighbour.topk_cosine'),
			read('latent.vec'),
		]);
		const texts = this.lookup.words([...(ids ?? [])]);
		const neighbours = cosines ? texts.map((text, i) => ({ text, cosine: cosines[i]! })) : [];
		return { neighbours, norm: vector instanceof Float32Array && vector.length > 0 ? norm(vector) : undefined };
	}
}

function bounded(range: Range, rows: number): Range {
	const start = clamp(Math.trunc(range.start), 0, rows);
	return { start, end: clamp(Math.trunc(range.end), start, Math.min(rows, start + MAX_ROWS)) };
}

function ifMeasured(value: number | undefined): number | undefined {
	return value === undefined || Number.isNaN(value) ? undefined : value;
}
