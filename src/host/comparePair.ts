/** Two trace files that are compared: open, and read when the page asks. */
import type * as vscode from 'vscode';
import { comparandOf } from '../analysis/compare/comparand';
import { Comparison } from '../analysis/compare/comparison';
import { armPairs } from '../analysis/compare/pairing';
import { compareView, ComparisonView } from '../analysis/compare/view';
import type { CompareChoice, CompareView } from '../shared/compare';
import type { TraceFile } from '../trace/reader';
import { baseName } from './promptFile';
import { nextRevision } from './subject';
import { openTraceFile } from './traceFile';

/** What is compared, and what the side is called: an archived trace by its prompt. */
export interface TraceChoice {
	uri: vscode.Uri;
	label: string;
}

export class ComparePair implements vscode.Disposable {
	private shown?: { comparison: Comparison; view: ComparisonView; by: CompareChoice['by'] };
	private revision = nextRevision();

	private constructor(
		private readonly files: { a: TraceFile; b: TraceFile },
		private readonly names: { a: string; b: string },
	) {}

	/** Fails with the name of the file that cannot be read. */
	static async open(a: TraceChoice, b: TraceChoice, choice: CompareChoice | undefined): Promise<ComparePair> {
		const opened: TraceFile[] = [];
		try {
			for (const { uri } of [a, b]) {
				opened.push((await openTraceFile(uri).catch((error: Error) => Promise.reject(new Error(`${baseName(uri)}: ${error.message}`)))).file);
			}
			const pair = new ComparePair({ a: opened[0]!, b: opened[1]! }, { a: a.label, b: b.label });
			await pair.choose(choice);
			return pair;
		} catch (error) {
			opened.forEach((file) => file.dispose());
			throw error;
		}
	}

	/** Arms and alignment; where there are no such arms, the first pair that belongs together. */
	async choose(choice: CompareChoice | undefined): Promise<void> {
		const { a, b } = this.files;
		const has = (file: TraceFile, name: string) => file.document.arms.some((arm) => arm.name === name);
		const known = choice && has(a, choice.a) && has(b, choice.b) ? choice : undefined;
		const pairs = armPairs(a.document, b.document);
		// What a reader asks first is what was thought.
		const first = pairs.find(({ a: name }) => name === 'latent') ?? pairs[0];
		const pair = known ?? first;
		if (pair) {
			const by = choice?.by ?? 'text';
			const comparison = await Comparison.of(comparandOf(a), comparandOf(b), { a: pair.a, b: pair.b }, by);
			this.shown = { comparison, view: new ComparisonView(comparison), by };
			this.revision = nextRevision();
		}
	}

	view(): CompareView {
		const { a, b } = this.files;
		return compareView(this.revision, { a: a.document, b: b.document }, this.names, this.shown);
	}

	/** Undefined where the page asks about what is not shown any more. */
	reader(revision: number): ComparisonView | undefined {
		return revision === this.revision ? this.shown?.view : undefined;
	}

	dispose(): void {
		this.files.a.dispose();
		this.files.b.dispose();
	}
}
