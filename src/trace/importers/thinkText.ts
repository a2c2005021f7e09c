/** A text file with the answer of one model: `<think>…</think>answer`. */
import type { FileImporter, Found } from './importer';
import { plainSample } from './sample';
import { hasThinking, splitThinking } from './thinkTags';

export const thinkText: FileImporter = {
	kind: 'file',
	name: 'think-text',
	label: 'text with <think> tags',
	matches: (found) => found.container === 'text' && hasThinking(found.text),
	open: async (found) => {
		const { text } = found as Found & { container: 'text' };
		const { parts, notes } = splitThinking(text);
		const cut = notes.some((note) => note.includes('cut off'));
		async function* samples() {
			yield { id: '1', read: async () => ({ ...plainSample('1', '', [{ parts }]), state: cut ? ('limit' as const) : ('done' as const), notes }) };
		}
		return { format: 'think-text', samples, warnings: [] };
	},
};
