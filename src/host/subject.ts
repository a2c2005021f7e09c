/** What a view shows: the analysis of a prompt, or a trace file. Every view of a subject shares its state and its selection. */
import * as vscode from 'vscode';
import type { TraceView } from '../analysis/view';
import type { ModelCard } from '../engine/api';
import type { PanelState, Selection } from '../shared/panel';
import type { TraceReview } from './review';
import type { Request } from './settings';

export interface Subject {
	/** The prompt file that this is the analysis of; absent for a trace file, which does not know where its prompt lay. */
	readonly promptUri?: vscode.Uri;
	/** The state, or what rows and tiles are read from, is another. */
	readonly onDidChange: vscode.Event<void>;
	readonly onDidSelect: vscode.Event<void>;
	readonly selection: Selection;
	/** Notes beside a trace file; absent of an analysis, and of a file whose name is none of a trace. */
	readonly review?: TraceReview;
	readonly onDidReview?: vscode.Event<void>;
	/** What rows and tiles are read from, where there is something to show. */
	readonly view: TraceView | undefined;
	/** Of the model that `view` was made with, where it was loaded in this session. */
	readonly card?: ModelCard;
	/** Changes with `view` and its content; no two subjects share one. */
	readonly revision: number;
	/** What analysing now would ask for; absent for a trace file. */
	request?(): Request;
	state(): PanelState;
	select(selection: Selection): void;
}

let lastRevision = 0;

/** Unique in this window, so that an answer can never be taken for another subject's. */
export function nextRevision(): number {
	return ++lastRevision;
}
