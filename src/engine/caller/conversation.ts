/**
 * What a model is given: the text of a prompt file, or its messages as the model's chat template writes them. On the caller's side: the command
 * line and the editor share it.
 */
import type { Prompt, PromptSettings } from '../../prompts/prompt';
import { conversationOf } from '../../prompts/prompt';
import type { CallOptions } from '../../shared/rpc';
import type { EngineApi, ModelCard, PromptInput } from '../api';

export interface Rendering {
	call<M extends keyof EngineApi & string>(
		method: M,
		params: EngineApi[M]['params'],
		options: CallOptions<EngineApi[M]['event']>,
	): Promise<EngineApi[M]['result']>;
	signal: AbortSignal;
	progress(message: string): void;
	/** `off`: the text as it is, whatever the model has. */
	chatTemplate?: PromptSettings['chatTemplate'];
}

type Templated = Pick<ModelCard, 'chat' | 'folder'>;

/** `input`: what a model without a template is given. */
export async function inputFor(
	card: Templated,
	{ prompt, input }: { prompt: Prompt; input: PromptInput },
	rendering: Rendering,
): Promise<PromptInput> {
	const messages = conversationOf(prompt);
	if (!isRendered(card, prompt, rendering.chatTemplate)) {
		return input;
	}
	const { call, signal, progress } = rendering;
	const onEvent = ({ message }: { message: string }) => progress(message);
	const [rendered] = await call('render', { model: card.folder, conversations: [messages] }, { signal, onEvent });
	return { ...input, ...rendered! };
}

/** Questions, each as a conversation's only message. */
export async function questionsFor({ chat, folder }: Templated, questions: string[], rendering: Rendering): Promise<string[]> {
	const { call, signal, progress, chatTemplate } = rendering;
	if (!chat || chatTemplate === 'off') {
		return questions;
	}
	const conversations = questions.map((text) => [{ role: 'user' as const, text, pieces: [] }]);
	const onEvent = ({ message }: { message: string }) => progress(message);
	return (await call('render', { model: folder, conversations }, { signal, onEvent })).map(({ text }) => text);
}

/** For the reader of a trace: whether the template was used. Undefined of a model without one. */
export function templateNote(card: Templated, prompt: Prompt, chatTemplate: Rendering['chatTemplate']): string | undefined {
	if (!card.chat) {
		return undefined;
	}
	if (chatTemplate === 'off') {
		return 'The model’s chat template was left out, as was asked: the text was given as it is.';
	}
	return isRendered(card, prompt, chatTemplate)
		? 'The messages were written as the model’s chat template does.'
		: 'The prompt has no message of a user, so the model’s chat template was left out.';
}

function isRendered({ chat }: Templated, prompt: Prompt, chatTemplate: Rendering['chatTemplate']): boolean {
	return chat && chatTemplate !== 'off' && conversationOf(prompt).some(({ role }) => role === 'user');
}
