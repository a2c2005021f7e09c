/** The whole step axis in a few hundred bins: what an overview draws. */
import { OVERVIEW_MARKS, type Lane, type Overview } from '../shared/panel';
import { clamp, type Range } from '../shared/range';
import type { ArmRecord, CodeRecord } from '../trace/document';
import { nearestClasses } from './codeViews';
import { halted } from './halt';
import { idleReason } from './idle';
import { likelihood } from './hover';
import type { Lookup } from './lookup';
import { visible } from './text';

/** More than a screen has lines. */
const MAX_BINS = 4_096;
/** Rows that are read at a time: a run of any length is never held whole. */
const CHUNK = 1_024;
/** More classes than this are narrower than a pixel of their lane. */
const MAX_CLASSES = 32;
/** Parts of a thought that an overview has room for. */
const MAX_CODES = 4;

export interface OverviewOptions {
	bins: number;
	/** Site of the entropies and scores. */
	layer: number;
	/** Scores or effects at the layer, row by row, of the range. */
	scores?: (rows: Range) => Promise<ArrayLike<number>>;
	signal?: AbortSignal;
}

/** The bin of a row, of `bins` that share all rows equally. */
export function binOf(row: number, rows: number, bins: number): number {
	return Math.floor((row * bins) / rows);
}

export async function overview(lookup: Lookup, options: OverviewOptions): Promise<Overview> {
	const { latent, rows } = lookup.outline;
	const bins = Math.min(rows, clamp(Math.trunc(options.bins), 0, MAX_BINS));
	const axis: Axis = { ...options, lookup, rows, bins };
	const thoughts = latent ? [...(await codeLanes(axis, latent)), ...(await thoughtLanes(axis, latent))] : [];
	const lanes = [...thoughts, ...(latent ? [] : await sentenceLanes(axis)), ...(options.scores ? [await scoreLane(axis, options.scores)] : [])];
	return { rows, bins, lanes, marks: latent ? marksOf(axis, latent) : new Uint8Array(bins) };
}

interface Axis extends OverviewOptions {
	lookup: Lookup;
	rows: number;
}

async function codeLanes(axis: Axis, { name, thoughts }: ArmRecord): Promise<Lane[]> {
	const { source } = axis.lookup;
	const codes = (source.document.model.codes ?? []).filter(({ classes }) => classes.length <= MAX_CLASSES).slice(0, MAX_CODES);
	return Promise.all(
		codes.map(async (code) => {
			const classes = code.classes.length;
			const share = new Float32Array(axis.bins * classes);
			const seen = new Float32Array(axis.bins);
			await inChunks(axis, thoughts.length, async (rows) => {
				for (const [i, id] of (await nearestClasses(source, name, code, rows)).entries()) {
					const bin = binOf(rows.start + i, axis.rows, axis.bins);
					if (id >= 0 && id < classes) {
						share[bin * classes + id]!++;
						seen[bin]!++;
					}
				}
			});
			return codeLane(code, share.map((count, i) => count / (seen[Math.floor(i / classes)]! || 1)));
		}),
	);
}

function codeLane({ name, classes }: CodeRecord, share: Float32Array): Lane {
	const label = visible(name);
	return { kind: 'codes', label, classes: classes.map(visible), share, definition: `Nearest code of the thought’s part “${label}”: one column for each code.` };
}

async function thoughtLanes(axis: Axis, arm: ArmRecord): Promise<Lane[]> {
	const { lookup, layer } = axis;
	const { thoughts } = arm;
	const entropy = new Extremes(axis);
	await inChunks(axis, thoughts.length, async (rows) => {
		const positions = thoughts.slice(rows.start, rows.end).map(({ producedAt }) => producedAt);
		const values = await lookup.floats(arm, 'lens.entropy', positions);
		positions.forEach((position, i) => entropy.add(rows.start + i, values(position)?.[layer] ?? NaN));
	});
	const gate = new Extremes(axis);
	thoughts.forEach((thought, row) => gate.add(row, thought.gate ?? NaN));
	return [
		...entropy.lane('entropy', 'nats', `Entropy of what the thought reads as by the logit lens at layer ${layer}.`),
		...gate.lane('gate', '', 'What the thought graph’s gate said, 0 to 1.'),
	];
}

async function sentenceLanes(axis: Axis): Promise<Lane[]> {
	const { lookup } = axis;
	const { sentences, written } = lookup.outline;
	const [surprisal, length] = [new Extremes(axis), new Extremes(axis)];
	await inChunks(axis, sentences.length, async (rows) => {
		const chunk = sentences.slice(rows.start, rows.end);
		const logprob = await lookup.floats(written!, 'tokens.logprob', chunk.flatMap(({ steps }) => steps));
		for (const [i, { steps }] of chunk.entries()) {
			const bits = steps.map((step) => likelihood(logprob(step)?.[0]).surprisalBits ?? NaN).filter((one) => !Number.isNaN(one));
			surprisal.add(rows.start + i, bits.length > 0 ? bits.reduce((sum, one) => sum + one, 0) / bits.length : NaN);
			length.add(rows.start + i, steps.length);
		}
	});
	const measured = surprisal.lane('surprisal', 'bits a token', 'Mean surprisal of the sentence’s tokens.');
	return measured.length > 0 ? measured : length.lane('length', 'tokens', 'Tokens of the sentence.');
}

async function scoreLane(axis: Axis, scores: NonNullable<OverviewOptions['scores']>): Promise<Lane> {
	const [sum, count] = [new Float32Array(axis.bins), new Float32Array(axis.bins)];
	await inChunks(axis, axis.rows, async (rows) => {
		const values = await scores(rows);
		for (let row = rows.start; row < rows.end; row++) {
			const [bin, value] = [binOf(row, axis.rows, axis.bins), values[row - rows.start] ?? NaN];
			if (!Number.isNaN(value)) {
				sum[bin]! += value;
				count[bin]!++;
			}
		}
	});
	// 0/0 is NaN: not measured.
	return { kind: 'scores', label: 'heatmap', mean: sum.map((total, bin) => total / count[bin]!), definition: `The heatmap at layer ${axis.layer}.` };
}

function marksOf({ lookup, rows, bins }: Axis, arm: ArmRecord): Uint8Array {
	const marks = new Uint8Array(bins);
	for (const { index, spare } of arm.thoughts) {
		const idle = idleReason(lookup.evidence?.testsOf(arm.name, index) ?? []);
		marks[binOf(index, rows, bins)]! |=
			(spare === undefined ? 0 : OVERVIEW_MARKS.spare) |
			(idle === undefined ? 0 : OVERVIEW_MARKS.idle) |
			(halted(arm, index, undefined) ? OVERVIEW_MARKS.halted : 0);
	}
	return marks;
}

async function inChunks({ signal }: Axis, rows: number, each: (rows: Range) => Promise<void>): Promise<void> {
	for (let start = 0; start < rows; start += CHUNK) {
		signal?.throwIfAborted();
		await each({ start, end: Math.min(rows, start + CHUNK) });
	}
}

/** Least and greatest of the values in each bin; NaN is not measured. */
class Extremes {
	private readonly least: Float32Array;
	private readonly most: Float32Array;

	constructor(private readonly axis: Pick<Axis, 'rows' | 'bins'>) {
		this.least = new Float32Array(axis.bins).fill(NaN);
		this.most = this.least.slice();
	}

	add(row: number, value: number): void {
		const bin = binOf(row, this.axis.rows, this.axis.bins);
		if (!Number.isNaN(value)) {
			this.least[bin] = value < this.least[bin]! || Number.isNaN(this.least[bin]!) ? value : this.least[bin]!;
			this.most[bin] = value > this.most[bin]! || Number.isNaN(this.most[bin]!) ? value : this.most[bin]!;
		}
	}

	/** None where nothing was measured. */
	lane(label: string, unit: string, definition: string): Lane[] {
		const { least, most } = this;
		return most.some((value) => !Number.isNaN(value)) ? [{ kind: 'curve', label, unit, least, most, definition }] : [];
	}
}
