/** The editor's colours for what is drawn rather than styled. */

export interface Palette {
	background: string;
	dim: string;
	foreground: string;
	accent: string;
	warn: string;
	focus: string;
	/** Only in high contrast themes. */
	contrastBorder?: string;
	mono: string;
}

export function readPalette(): Palette {
	const style = getComputedStyle(document.body);
	const read = (name: string) => style.getPropertyValue(`--vscode-${name}`).trim();
	return {
		background: read('editor-background') || style.backgroundColor,
		dim: read('descriptionForeground') || style.color,
		foreground: read('foreground') || style.color,
		accent: read('textLink-foreground') || style.color,
		warn: read('editorWarning-foreground') || style.color,
		focus: read('contrastActiveBorder') || read('foreground') || style.color,
		contrastBorder: read('contrastBorder') || undefined,
		mono: read('editor-font-family') || 'monospace',
	};
}

/** The editor announces a new theme by the body's class and writes its colours into the root's style. */
export function onThemeChange(listener: () => void): void {
	const observer = new MutationObserver(listener);
	observer.observe(document.body, { attributes: true, attributeFilter: ['class', 'data-vscode-theme-id'] });
	observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
}
