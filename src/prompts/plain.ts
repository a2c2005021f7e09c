import { readBody } from './body';
import { readFrontMatter } from './frontmatter';
import type { Format } from './formats';
import { readHeader } from './header';

/** Any other text: an optional YAML header, then one user message. */
export const plain: Format = {
	id: 'plain',
	claims: () => true,
	offers: ({ name }) => /\.(md|txt)$/i.test(name),
	parse: ({ text }) => {
		const { header, body, warnings } = readFrontMatter(text);
		return {
			format: plain.id,
			...readHeader(header, [], warnings),
			...readBody(text, body, /\{\{[^{}]{1,200}\}\}/g, warnings),
			warnings,
		};
	},
};
