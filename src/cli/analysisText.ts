/** An analysis for people: the three arms below each other, every number with its meaning. Texts of models come out printable. */
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { agreement } from '../analysis/answers';
import { ending } from '../analysis/halt';
import { shown, shownApart } from '../analysis/outline';
import { sentences, recipeTokens } from '../analysis/sentences';
import { parseTask, type Task } from '../analysis/task';
import { printable } from '../analysis/text';
import { makingOf } from '../analysis/thoughtViews';
import { ownWords } from '../prompts/own';
import type { ModelCard } from '../engine/api';
import { decimals } from '../shared/decimals';
import { formatProbability } from '../shared/probability';
import type { ArmRecord, TraceDocument } from '../trace/document';
import { evidenceLines } from './evidenceText';
import { loopLines } from './loopText';
import type { Ranked, Readouts, ReadThought, ReadToken } from './readouts';

const BAR_WIDTH = 10;
/** Decoded tokens of a thought in its line. */
const TOP = 4;
/** Probe classes in the report; the trace has all of them. */
const MAX_PROBES = 8;
const EIGHTHS = ' ▏▎▍▌▋▊▉';

export interface ReportOptions {
	file: string;
	out?: string;
	card: ModelCard;
}

export async function report(readouts: Readouts, { file, out, card }: ReportOptions): Promise<string> {
	const { document } = readouts;
	const { model, options, prompt } = document;
	const task = parseTask(prompt.text);
	const sampling = options.temperature === 0 ? 'greedy' : `temperature ${options.temperature}, seed ${options.seed}`;
	const lines = [
		`${printable(model.name)} · ${model.depth ? `${model.depth.loops} loops` : `${model.layers} layers`} × ${model.width} · ${sampling} · ${printable(file)}`,
		'',
		printable(task?.question ?? (ownWords(prompt).text || prompt.text).trim().split('\n').at(-1)!),
		'',
	];
	for (const arm of document.arms) {
		const tokens = await readouts.tokens(arm);
		lines.push(heading(document, arm));
		if (arm.thoughts.length > 0) {
			lines.push(...(await thoughtLines(readouts, arm, task)));
		}
		lines.push(...writtenLines(readouts, arm, tokens), ...(await loopLines(readouts.live, arm)), '');
	}
	lines.push(...(await probeLines(readouts)), ...(document.evidence ? evidenceLines(document.evidence) : []), answersLine(document.arms));
	const controls = join(card.folder, 'card.md');
	if (document.arms.some(({ thoughts }) => thoughts.length > 0) && existsSync(controls)) {
		const where = relative(process.cwd(), controls) || controls;
		lines.push(
			`Controls: a readable thought need not be used; ${where} says what zeroed, random and swapped ones do to answers.`,
		);
	}
	lines.push(...document.notes.map((note) => `Note: ${printable(note)}`));
	lines.push(
		out === undefined ? 'No trace was written: add --out X.trace.safetensors to keep one.' : `Trace: ${printable(out)}`,
	);
	lines.push(
		out === undefined
			? 'To see it in VS Code: npm run vscode, open the prompt, and run "Neuralese: Analyze Prompt".'
			: 'To see it in VS Code: npm run vscode, then open the trace file, or run "Neuralese: Analyze Prompt" on the prompt.',
	);
	return `${lines.join('\n')}\n`;
}

const HEADINGS: ReadonlyMap<string, string> = new Map([
	['cot', 'Chain of thought, with the probability that the model gave to each step'],
	['direct', 'Direct answer, without any reasoning, with its probability'],
]);

function heading(document: TraceDocument, arm: ArmRecord): string {
	const { name, thoughts } = arm;
	if (thoughts.length === 0) {
		return `Arm ${name}: ${HEADINGS.get(name) ?? 'what the model wrote, with its probability'}`;
	}
	const { from = '', through, noise } = makingOf(document, arm);
	const how = `${through ? `made from ${from}` : `${from} fed back`}${noise ? `, noise of scale ${noise.scale}` : ''}`;
	return `Arm ${name}: ${thoughts.length} latent thought${thoughts.length === 1 ? '' : 's'} (${how}), logit lens at the last layer`;
}

/** One line a thought, at the last layer; under it the likeliest token at each layer, and what else it reads as. Then what ended them. */
async function thoughtLines(readouts: Readouts, arm: ArmRecord, task: Task | undefined): Promise<string[]> {
	const indent = ' '.repeat(BAR_WIDTH + 8);
	const lines = (await readouts.thoughts(arm)).flatMap((thought) => {
		const { index, spare, layers } = thought;
		const own = ownReadings(thought);
		const top = layers.at(-1)!.slice(0, TOP);
		const names = shownApart(top.map(({ text }) => text), task);
		const ranked = top.map(({ prob }, i) => `${names[i]} ${percent(prob)}`).join(' · ');
		const strip = layers.map((site: Ranked[], layer) => `L${layer} ${shown(site[0]!.text, task)}`).join(' → ');
		return [
			`  ${String(index).padStart(2)}  ${bar(top[0]!.prob)}  ${ranked}`,
			`${indent}${strip}${spare === undefined ? '' : ` · spare: ${spare}`}`,
			...(own.length > 0 ? [`${indent}${own.join(' · ')}`] : []),
		];
	});
	const end = arm.stopped && ending(arm, readouts.document.model.recipe);
	return end === undefined ? lines : [...lines, `  ${printable(end)}`];
}

/** What a thought reads as by learnt codes, with the distance to each, and what the model's own graphs say of it. */
function ownReadings({ codes = [], gate, readout }: ReadThought): string[] {
	return [
		...codes.flatMap(({ part, nearest: [first] }) => (first ? [`${part} ${first.text} at ${decimals(first.distance)}`] : [])),
		...(gate === undefined ? [] : [`gate ${formatProbability(gate)}`]),
		...(readout === undefined ? [] : [`reads out ${printable(readout).trim()}`]),
	];
}

/** One line a sentence, with the joint probability of its tokens. */
function writtenLines(readouts: Readouts, arm: ArmRecord, tokens: readonly ReadToken[]): string[] {
	const byStep = new Map(tokens.map((token) => [token.step, token]));
	const { document } = readouts;
	const texts = new Map(document.tokens.map(({ id, text }) => [id, text]));
	return sentences(arm, (id) => texts.get(id) ?? '', recipeTokens(document.model.recipe)).map(({ role, steps, text }) => {
		const prob = Math.exp(steps.reduce((sum, step) => sum + (byStep.get(step)?.logprob ?? 0), 0));
		return `  ${role === 'answer' ? 'answer' : '      '}  ${percent(prob).padStart(6)}  ${printable(text).trim()}`;
	});
}

async function probeLines(readouts: Readouts): Promise<string[]> {
	const probes = Object.entries(await readouts.probes());
	const shown = probes
		.slice(0, MAX_PROBES)
		.flatMap(([name, { steps, scores }]) =>
			steps.length > 0 ? [`  ${printable(name)}: ${scores.map((sites) => scored(sites.at(-1)!)).join('  ')}`] : [],
		);
	if (shown.length === 0) {
		return [];
	}
	const more = probes.length > MAX_PROBES ? [`  and ${probes.length - MAX_PROBES} more in the trace`] : [];
	return ['Probe scores at the last layer, one for each thought or written sentence (0 to 1, not calibrated)', ...shown, ...more, ''];
}

function scored(score: number): string {
	return Number.isNaN(score) ? '–' : score.toFixed(2);
}

function answersLine(arms: readonly ArmRecord[]): string {
	const answers = new Map(arms.map(({ name, answer }) => [name, answer]));
	const agree = agreement(answers);
	const given = [...answers]
		.map(([name, answer]) => `${name}: ${answer === undefined ? 'none' : printable(answer)}`)
		.join(' · ');
	return `Answers  ${given}${agree === undefined ? '' : agree ? ' · they agree' : ' · they disagree'}`;
}

function percent(prob: number): string {
	return `${(prob * 100).toFixed(prob >= 0.1 || prob === 0 ? 0 : 1)} %`;
}

function bar(prob: number): string {
	const eighths = Math.round(prob * BAR_WIDTH * 8);
	return ('█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]!.trim()).padEnd(BAR_WIDTH);
}
