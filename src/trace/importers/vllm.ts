/**
 * vLLM's chat server: OpenAI's format with the chain of thought in `reasoning`, which older versions called `reasoning_content`, and with
 * −9999 for a log-probability that it does not have. DeepSeek's API and others write the same.
 */
import { choicesOf, readChat, responseOf } from './chatCompletion';
import type { RecordImporter } from './importer';
import { field, stringAt } from './values';

/** Fields that OpenAI's own responses lack. */
const OWN_FIELDS = ['prompt_logprobs', 'kv_transfer_params', 'prompt_token_ids'] as const;

export const vllm: RecordImporter = {
	kind: 'record',
	name: 'vllm-chat',
	label: 'vLLM chat completion with reasoning',
	matches: (record) => {
		const choices = choicesOf(record);
		const reasons = choices.some((choice) =>
			['reasoning', 'reasoning_content'].some((name) => stringAt(choice, 'message', name) !== undefined),
		);
		return choices.length > 0 && (reasons || OWN_FIELDS.some((name) => field(responseOf(record), name) !== undefined));
	},
	read: (record, id) => readChat(record, id, OWN_FIELDS.some((name) => field(responseOf(record), name) !== undefined) ? 'vLLM' : undefined),
};
