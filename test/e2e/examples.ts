/** The example that the flows use: the one that `npm start` analyses too. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from './host';

const names = readdirSync(join(PROJECT, 'media/examples')).sort();

export const EXAMPLE = names.find((name) => name.endsWith('.prompt.md'))!;
/** The trace that comes with the examples. */
export const SAMPLE = names.find((name) => name.endsWith('.trace.safetensors'))!;
