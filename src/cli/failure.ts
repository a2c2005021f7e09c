/** The command was called wrongly: exit code 2. */
export class UsageError extends Error {}

/** The command ran and failed, in one sentence that says what to do: exit code 1. */
export class RunError extends Error {}

export function messageOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
