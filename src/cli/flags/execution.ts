/** Flags of what models are run on; every command that takes `--model` takes them. */
import { DEFAULT_EXECUTION, MEMORY_MODES, PROVIDERS, type Execution } from '../../shared/execution';
import { named, oneOf, type Values } from './values';

export const EXECUTION_FLAGS = { provider: { type: 'string' }, memory: { type: 'string' } } as const;

export const EXECUTION_NOTE = `--provider takes ${PROVIDERS.join(', ')} (\`providers\` says which work here), --memory takes ${MEMORY_MODES.join(', ')}; both go with every --model.`;

export function executionFlags(values: Values): Execution {
	const { provider, memory } = DEFAULT_EXECUTION;
	return {
		provider: oneOf('execution provider', PROVIDERS, named(values, 'provider') ?? provider),
		memory: oneOf('memory mode', MEMORY_MODES, named(values, 'memory') ?? memory),
	};
}
