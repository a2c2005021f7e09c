/** What the strip below the header shows: numbers, that they are being gathered, or that there are none. */
import type { MeterView, PanelState } from '../src/shared/panel';
import { runOf } from './store';

/** In the order in which they are read. */
export const NAMES: Readonly<Record<MeterView['name'], string>> = {
	distance: 'Distance',
	effect: 'Load-bearing',
	capacity: 'Capacity',
};

export type MeterState =
	| { kind: 'hidden' }
	/** A finished run without tests. */
	| { kind: 'untested'; text: string; offer: boolean }
	| { kind: 'numbers'; items: ({ kind: 'number'; view: MeterView } | { kind: 'gathering'; name: MeterView['name'] })[] };

export function meterOf(panel: PanelState | undefined): MeterState {
	const run = runOf(panel);
	if (!panel || !run || run.rows === 0) {
		return { kind: 'hidden' };
	}
	const gathering = panel.kind === 'running' && run.arms.length > 0 && run.arms.every(({ state }) => state !== 'waiting' && state !== 'running');
	const names = Object.keys(NAMES) as MeterView['name'][];
	const items = names.flatMap((name): Extract<MeterState, { kind: 'numbers' }>['items'] => {
		const view = run.meter?.find((one) => one.name === name);
		return view ? [{ kind: 'number', view }] : gathering ? [{ kind: 'gathering', name }] : [];
	});
	if (items.length > 0) {
		return { kind: 'numbers', items };
	}
	if (panel.kind !== 'ready' || run.meter) {
		return { kind: 'hidden' };
	}
	return panel.source === 'file'
		? { kind: 'untested', text: 'This trace was saved without tests and controls: its readings stand alone.', offer: false }
		: { kind: 'untested', text: 'Not tested: nothing shows yet that the answer depends on what is read here.', offer: true };
}
