import { readBody } from './body';
import { readFrontMatter } from './frontmatter';
import type { Format } from './formats';
import { readHeader } from './header';

/** Google's dotprompt: a YAML header, which `#` licence lines may precede, then Handlebars. The template is left as it stands. */
export const dotprompt: Format = {
	id: 'dotprompt',
	claims: ({ name }) => /\.prompt$/i.test(name),
	offers: (file) => dotprompt.claims(file),
	parse: ({ text }) => {
		const { header, body, warnings } = readFrontMatter(text, { licence: true });
		return {
			format: dotprompt.id,
			...readHeader(header, ['variant', 'config', 'input', 'output', 'metadata', 'tools', 'toolDefs', 'ext'], warnings),
			...readBody(text, body, /\{\{[^{}]{1,200}\}\}/g, warnings),
			warnings,
		};
	},
};
