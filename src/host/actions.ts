/** What can be done next, as commands: buttons of the panel, and the one action of a notification. */
import * as vscode from 'vscode';
import type { Action } from '../shared/panel';
import { asFailure } from './failure';
import type { Log, NoticeAction } from './log';

export const COMMAND_OF: Readonly<Record<Action, string>> = {
	analyze: 'neuralese.analyzePrompt',
	cancel: 'neuralese.cancelAnalysis',
	saveTrace: 'neuralese.saveTraceAs',
	chooseModel: 'neuralese.chooseModel',
	addModel: 'neuralese.addModel',
	showLog: 'neuralese.showLog',
	manageTrust: 'workbench.trust.manage',
	openExample: 'neuralese.openExamples',
	restartEngine: 'neuralese.restartEngine',
	testRun: 'neuralese.testRun',
	noteStep: 'neuralese.noteStep',
	listNotes: 'neuralese.listNotes',
	compareWith: 'neuralese.compareWith',
	copyPython: 'neuralese.copyPython',
};

/** Of work that no panel shows. `again`: where the same may work once more. */
export function tellFailure(log: Log, error: unknown, again: NoticeAction): void {
	const { message, action } = asFailure(error);
	log.error(message, error);
	const act = { label: action.label, run: () => vscode.commands.executeCommand(COMMAND_OF[action.act]) };
	void log.tell('error', message, action.act === 'analyze' ? again : act);
}
