/**
 * CODI's `decoded_latent.txt`: blocks of a question, the data set's own chain, the five likeliest tokens of each latent thought, and the
 * prediction. Thought 0 is the state at the begin-of-thought token; the last one was not fed back any more.
 */
import type { FileImporter, Found } from './importer';
import { MAX_SAMPLES, refuse } from './limits';
import { plainSample, type DecodedThought, type Sample } from './sample';

const BLOCK = /^Question ?(\d+)\.\.\.\s*$/;
const GOLD = /^CoT=(.*), Answer=(.*)$/;
const LATENT = /^decoded (\d+)(?:th|st|nd|rd) latent \(top\d+\): (\[.*)$/;
const PREDICTION = /^Model Prediction: ?(.*)$/;
const CORRECT = /^Correct=(True|False)\s*$/;
const SPECIAL = /<\|[a-z_]+\|>|<\/s>/g;

export const codi: FileImporter = {
	kind: 'file',
	name: 'codi-latents',
	label: "CODI's decoded latents",
	matches: (found) =>
		found.container === 'text' &&
		/^Question ?\d+\.\.\./m.test(found.text) &&
		/^decoded \d+(?:th|st|nd|rd) latent \(top\d+\):/m.test(found.text),
	open: async (found) => {
		const { text } = found as Found & { container: 'text' };
		const all = text.split(/\r?\n/);
		const starts = all.flatMap((line, i) => (BLOCK.test(line) ? [i] : []));
		if (starts.length > MAX_SAMPLES) {
			refuse(`it has more than ${MAX_SAMPLES} questions`, 'split it');
		}
		async function* samples() {
			for (const [i, start] of starts.entries()) {
				const lines = all.slice(start, starts[i + 1]);
				const id = BLOCK.exec(lines[0]!)![1]!;
				yield { id, read: async () => block(id, lines.slice(1)) };
			}
		}
		return { format: 'codi-latents', samples, warnings: [] };
	},
};

function block(id: string, lines: readonly string[]): Sample {
	const question: string[] = [];
	const thoughts: DecodedThought[] = [];
	const prediction: string[] = [];
	const notes = ['Ranks of the decoded tokens are known, their probabilities are not. The last thought was decoded and not fed back.'];
	let [target, correct, gold] = [undefined, undefined, undefined] as (string | undefined)[];
	for (const line of lines) {
		const [goldLine, latent, said, verdict] = [GOLD, LATENT, PREDICTION, CORRECT].map((pattern) => pattern.exec(line));
		if (prediction.length > 0) {
			prediction.push(line);
		} else if (goldLine) {
			[gold, target] = [goldLine[1]!, goldLine[2]!];
		} else if (latent) {
			if (Number(latent[1]) !== thoughts.length) {
				refuse(`question ${id} has thought ${latent[1]} where thought ${thoughts.length} should stand`);
			}
			thoughts.push({ words: pythonStrings(latent[2]!) ?? refuse(`thought ${latent[1]} of question ${id} is cut off`) });
		} else if (said) {
			prediction.push(said[1]!);
		} else if (verdict) {
			correct = verdict[1];
		} else if (gold === undefined && thoughts.length === 0) {
			question.push(line);
		}
	}
	if (thoughts.length === 0) {
		refuse(`question ${id} has no decoded latents`);
	}
	const answer = prediction.join('\n').replace(SPECIAL, '').trim();
	return {
		...plainSample(id, question.join('\n').replace(/\.\.\.\s*$/, '').trim(), answer === '' ? [] : [{ parts: [{ kind: 'answer', text: answer }] }]),
		producer: 'CODI',
		target,
		thoughts,
		scores: correct === undefined ? [] : [{ name: 'correct', value: correct }],
		reference: gold,
		notes,
	};
}

const ESCAPES: ReadonlyMap<string, string> = new Map(Object.entries({ n: '\n', t: '\t', r: '\r', '\\': '\\', "'": "'", '"': '"' }));
const STRING = /\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*(,|\])/y;

/** A list of texts as Python prints it; undefined where it is none. */
export function pythonStrings(list: string): string[] | undefined {
	const found: string[] = [];
	STRING.lastIndex = 1;
	for (;;) {
		const match = STRING.exec(list);
		if (!match) {
			return /^\[\s*\]/.test(list) ? [] : undefined;
		}
		found.push(unescaped(match[1] ?? match[2] ?? ''));
		if (match[3] === ']') {
			return found;
		}
	}
}

function unescaped(text: string): string {
	return text.replace(/\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.)/gis, (whole, code: string) => {
		const point = code.length > 1 ? parseInt(code.slice(1), 16) : undefined;
		return point === undefined ? (ESCAPES.get(code) ?? whole) : point <= 0x10ffff ? String.fromCodePoint(point) : whole;
	});
}
