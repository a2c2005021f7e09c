/** OpenAI's chat API: `{choices: [{message, logprobs}]}`, a line of a batch's results, or a conversation `{messages: [{role, content}]}`. */
import { choicesOf, readChat, requestOf, samplingOf } from './chatCompletion';
import { conversation, isWritten } from './conversation';
import type { RecordImporter } from './importer';
import { plainSample } from './sample';
import { stringAt } from './values';

export const openaiChat: RecordImporter = {
	kind: 'record',
	name: 'openai-chat',
	label: 'OpenAI chat completion or conversation',
	matches: (record) => choicesOf(record).length > 0 || requestOf(record).messages.some((message) => isWritten(message)),
	read: (record, id) => {
		if (choicesOf(record).length > 0) {
			return readChat(record, id, undefined);
		}
		const { messages, request } = requestOf(record);
		const model = stringAt(record, 'model') ?? stringAt(request, 'model');
		const { prompt, turns, notes } = conversation(messages, { model }, () => undefined);
		const name = stringAt(record, 'id') ?? stringAt(record, 'uuid') ?? id;
		return [{ ...plainSample(name, prompt, turns), model, sampling: samplingOf(request), notes }];
	},
};
