/** What a model is given: the text of a prompt file, or its messages as the model's chat template writes them. */
import type { ModelCard, PromptInput } from '../engine/api';
import { conversationOf } from '../prompts/prompt';
import type { ReadPrompt } from './promptfile';
import type { Session } from './session';

type Rendering = Pick<Session, 'engine' | 'signal' | 'progress'>;

export async function inputFor({ chat, folder }: ModelCard, { prompt, input }: ReadPrompt, session: Rendering): Promise<PromptInput> {
	const messages = conversationOf(prompt);
	if (!chat || !messages.some(({ role }) => role === 'user')) {
		return input;
	}
	const { engine, signal, progress } = session;
	const call = { signal, onEvent: ({ message }: { message: string }) => progress(message) };
	const [rendered] = await engine.call('render', { model: folder, conversations: [messages] }, call);
	return { ...input, ...rendered! };
}

/** Questions, each as a conversation's only message. */
export async function questionsFor({ chat, folder }: ModelCard, questions: string[], session: Rendering): Promise<string[]> {
	if (!chat) {
		return questions;
	}
	const { engine, signal, progress } = session;
	const conversations = questions.map((text) => [{ role: 'user' as const, text, pieces: [] }]);
	const call = { signal, onEvent: ({ message }: { message: string }) => progress(message) };
	return (await engine.call('render', { model: folder, conversations }, call)).map(({ text }) => text);
}
