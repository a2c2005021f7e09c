/** What models are run on, and how much memory they are given: chosen by the user, in a setting or by flags. */

/** Execution providers of ONNX Runtime, as it calls them. */
export const PROVIDERS = ['cpu', 'cuda', 'dml', 'coreml', 'webgpu'] as const;
export type ProviderName = (typeof PROVIDERS)[number];

/**
 * `full`: weights are packed once more for the processor, which is fastest. `low`: they are kept once, where the file is mapped, and
 * less is computed at a time. `auto`: `low` for models that are large for the machine or would not fit it otherwise.
 */
export const MEMORY_MODES = ['auto', 'low', 'full'] as const;
export type MemoryMode = (typeof MEMORY_MODES)[number];

export interface Execution {
	provider: ProviderName;
	memory: MemoryMode;
}

/** The provider that is everywhere, and that all others are held against. */
export const DEFAULT_EXECUTION: Execution = { provider: 'cpu', memory: 'auto' };

export interface ProviderInfo {
	name: ProviderName;
	/** Absent where it is not known yet, because it has not been tried. */
	available?: boolean;
	/** Of one that is not available: the end of a sentence. */
	why?: string;
}

/** What was asked for, and what is used instead where that cannot be. */
export interface ProviderChoice {
	asked: ProviderName;
	used: ProviderName;
	/** The end of a sentence; there where they differ. */
	why?: string;
}

/** What the user should know about the choice; undefined where it is the one that was asked for. */
export function providerNote({ asked, used, why }: ProviderChoice): string | undefined {
	return asked === used ? undefined : `The models run on the execution provider ${used} and not on ${asked}, because ${why}.`;
}
