/** A step of a trace for a text elsewhere: as Markdown, with where it is from. */
import type { Details, Row } from '../../shared/panel';
import { decimals } from '../../shared/decimals';
import type { TraceDocument } from '../../trace/document';
import { markdown } from './escape';

/** Of what a table shows: more ranks are for the trace itself. */
const RANKS = 5;

/** What the details show of a step, under a heading, and last where the numbers come from. */
export function stepMarkdown({ index, sentence, thought }: Row, details: Details, document: TraceDocument): string {
	const blocks: string[] = [`### Step ${index + 1}`];
	if (sentence) {
		blocks.push(`Chain of thought: ${markdown(sentence.tokens.map(({ text }) => text).join('').trim())}${sentence.verdict ? ` (${sentence.verdict})` : ''}`);
	}
	if (thought) {
		const level = thought.level ? `, evidence level L${thought.level.level}` : '';
		blocks.push(`Latent thought ${index + 1}${level}${thought.spare === undefined ? '' : `, spare: ${markdown(thought.spare)}`}`);
		blocks.push(
			table(
				['layer', 'reads as (logit lens after the final norm)', 'entropy, nats', 'KL to the last layer, nats'],
				details.layers.map(({ layer, top, entropy, klFinal }) => [
					String(layer),
					top.slice(0, RANKS).map(({ text, prob }) => `${text} ${decimals(prob)}`).join(', '),
					decimals(entropy),
					decimals(klFinal),
				]),
			),
		);
	}
	if (details.tests.length > 0) {
		blocks.push(
			table(
				['changed', 'later thoughts', 'answer', 'Δ log-odds, nats', 'KL, nats', 'control: Δ log-odds'],
				details.tests.map(({ label, later, answer, changed, deltaLogOdds, kl, control }) => [
					label,
					later,
					`${answer}${changed ? ' (changed)' : ''}`,
					decimals(deltaLogOdds),
					decimals(kl),
					control ? decimals(control.deltaLogOdds) : '–',
				]),
			),
		);
	}
	blocks.push(markdown(provenance(document)));
	return `${blocks.join('\n\n')}\n`;
}

/** Which run, of what, with what: one line of plain text. */
export function provenance({ prompt, model, options, producer, created, origin }: TraceDocument): string {
	const source = origin
		? `${origin.file}, sample ${origin.sample}`
		: `${prompt.name} (SHA-256 ${prompt.sha256.slice(0, 12)}), ${model.name} (${model.sha256.slice(0, 12)}), seed ${options.seed}, temperature ${options.temperature}`;
	return `${source}; ${producer}, ${created}`;
}

function table(head: readonly string[], rows: readonly string[][]): string {
	const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
	return [line(head), line(head.map(() => '---')), ...rows.map((row) => line(row.map(markdown)))].join('\n');
}
