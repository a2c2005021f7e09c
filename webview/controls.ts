/** The editor's controls. The only file that knows which toolkit draws them. */
import {
	type Button,
	type Dropdown,
	provideVSCodeDesignSystem,
	vsCodeButton,
	vsCodeDropdown,
	vsCodeOption,
	vsCodeProgressRing,
} from '@vscode/webview-ui-toolkit';

export function registerControls(): void {
	provideVSCodeDesignSystem().register(vsCodeButton(), vsCodeDropdown(), vsCodeOption(), vsCodeProgressRing());
}

export function button(label: string, appearance: 'primary' | 'secondary', onClick: () => void): HTMLElement {
	const element = document.createElement('vscode-button') as Button;
	element.appearance = appearance;
	element.textContent = label;
	element.addEventListener('click', onClick);
	return element;
}

export function progressRing(): HTMLElement {
	const element = document.createElement('vscode-progress-ring');
	element.setAttribute('aria-hidden', 'true');
	return element;
}

export interface Choice {
	element: HTMLElement;
	/** Replaces the options where they differ, and shows `value` as chosen. */
	set(options: readonly { value: string; label: string }[], value: string): void;
}

export function choice(label: string, onChange: (value: string) => void): Choice {
	const element = document.createElement('vscode-dropdown') as Dropdown;
	element.setAttribute('aria-label', label);
	let shown = '';
	element.addEventListener('change', () => onChange(element.value));
	return {
		element,
		set(options, value) {
			const signature = JSON.stringify(options);
			if (signature !== shown) {
				shown = signature;
				element.replaceChildren(
					...options.map((option) => {
						const item = document.createElement('vscode-option') as HTMLOptionElement;
						item.setAttribute('value', option.value);
						item.toggleAttribute('selected', option.value === value);
						item.textContent = option.label;
						return item;
					}),
				);
			}
			if (element.value !== value) {
				element.value = value;
			}
		},
	};
}
