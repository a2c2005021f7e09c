import { quoted } from '../error';
import type { Encoded } from '../tokens/tokenizer';

/** Named in the note; more only fill it. */
const SHOWN = 5;

/** A note where the prompt has words that the model never saw: its answers about them mean nothing. */
export function unknownWords(text: string, { ids, spans }: Encoded, unknownId: number | undefined): string[] {
	const words = [
		...new Set(ids.flatMap((id, i) => (id === unknownId ? [text.slice(spans[i]!.start, spans[i]!.end).trim()] : []))),
	];
	if (words.length === 0) {
		return [];
	}
	const shown = words.slice(0, SHOWN).map(quoted).join(', ');
	const which = words.length > SHOWN ? `${words.length} parts of the prompt, among them ${shown}` : shown;
	return [`The model does not know ${which}: it was trained on other words, so do not trust its answer.`];
}
