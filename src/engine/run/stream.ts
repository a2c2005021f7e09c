/** Sends what an analysis finds, while it runs: often enough to watch, seldom enough not to slow it down. */
import type { ArmRecord, TokenRecord, TraceDocument } from '../../trace/document';
import type { AnalyzeEvent } from '../api';
import type { Sheet } from './sheet';

/** Milliseconds between snapshots: 20 a second. */
const INTERVAL = 50;

export class Stream {
	private readonly known = new Set<number>();
	private sentAt = 0;

	constructor(
		private readonly emit: (event: AnalyzeEvent) => void,
		private readonly tokenOf: (id: number) => TokenRecord,
	) {}

	get due(): boolean {
		return performance.now() - this.sentAt >= INTERVAL;
	}

	progress(message: string, fraction?: number, seconds?: number): void {
		this.emit({ kind: 'progress', message, fraction, seconds });
	}

	started(document: TraceDocument): void {
		this.emit({ kind: 'started', document });
	}

	/** All texts that were sent so far, by ascending id. */
	get tokens(): TraceDocument['tokens'] {
		return [...this.known].sort((a, b) => a - b).map(this.tokenOf);
	}

	/** A snapshot of the arm, then the rows that are new. */
	snapshot(arm: ArmRecord, sheet: Sheet): void {
		this.sentAt = performance.now();
		const rows = sheet.take();
		const ids = new Set(arm.steps.map(({ id }) => id));
		for (const { plane, data } of rows) {
			if (plane.endsWith('topk_id')) {
				data.forEach((id) => ids.add(id));
			}
		}
		const tokens = [...ids].filter((id) => id >= 0 && !this.known.has(id)).map(this.tokenOf);
		tokens.forEach(({ id }) => this.known.add(id));
		this.emit({ kind: 'arm', arm, tokens });
		this.send(arm.name, rows);
	}

	/** The rows that are new, of planes without tokens. */
	rows(arm: string, sheet: Sheet): void {
		this.send(arm, sheet.take());
	}

	private send(arm: string, rows: ReturnType<Sheet['take']>): void {
		for (const { plane, rows: range, data } of rows) {
			this.emit({ kind: 'rows', arm, plane, rows: range, data });
		}
	}
}
