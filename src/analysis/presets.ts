export const PRESETS = ['prosqa', 'invariants', 'negatives'] as const;
export type PresetName = (typeof PRESETS)[number];
