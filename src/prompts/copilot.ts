import { readBody } from './body';
import { readFrontMatter } from './frontmatter';
import type { Format } from './formats';
import { readHeader } from './header';

/** VS Code's own prompt files: an optional YAML header, then Markdown as one user message. */
export const copilot: Format = {
	id: 'copilot',
	claims: ({ name, languageId }) => languageId === 'prompt' || /\.prompt\.md$/i.test(name),
	offers: (file) => copilot.claims(file),
	parse: ({ text }) => {
		const { header, body, warnings } = readFrontMatter(text);
		return {
			format: copilot.id,
			...readHeader(header, ['argument-hint', 'agent', 'mode', 'tools'], warnings),
			...readBody(text, body, /\$\{[^{}\n]{1,200}\}/g, warnings),
			warnings,
		};
	},
};
