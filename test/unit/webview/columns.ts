import type { Columns } from '../../../src/shared/panel';

/** Sentences beside thoughts, without anything else. */
export const COLUMNS: Columns = { sentences: true, thoughts: true, codes: [], gate: false, readout: false };
