/** One tooltip for the whole panel, on hover and on focus. Its text is text, never markup. */

/** Pixels between the tooltip and what it explains, and the window's edge. */
const GAP = 6;
/** A hover that passes by shows nothing. */
const DELAY_MS = 350;

export class Tooltip {
	private readonly texts = new WeakMap<Element, string>();
	private readonly element = document.createElement('div');
	private timer?: number;
	private owner?: Element;

	constructor(root: HTMLElement) {
		this.element.className = 'tooltip';
		this.element.setAttribute('role', 'tooltip');
		this.element.hidden = true;
		root.append(this.element);
		root.addEventListener('pointerover', (event) => this.enter(event.target, DELAY_MS));
		root.addEventListener('focusin', (event) => {
			if (event.target instanceof Element && event.target.matches(':focus-visible')) {
				this.enter(event.target, 0);
			}
		});
		root.addEventListener('pointerleave', () => this.hide());
		root.addEventListener('pointerdown', () => this.hide());
		root.addEventListener('focusout', () => this.hide());
		root.addEventListener('scroll', () => this.hide(), { capture: true, passive: true });
		addEventListener('keydown', () => this.hide(), { capture: true });
	}

	/** Explains `element`, no more where `text` is empty; the same words are its description for assistive technology. */
	set(element: Element, text: string): void {
		if (text === '') {
			this.texts.delete(element);
			element.removeAttribute('aria-description');
		} else {
			this.texts.set(element, text);
			element.setAttribute('aria-description', text);
		}
	}

	/** Shows `text` beside a part of a canvas. */
	show(owner: Element, text: string, box: { left: number; right: number; top: number; bottom: number }): void {
		clearTimeout(this.timer);
		this.owner = owner;
		this.element.textContent = text;
		this.element.hidden = false;
		const { width, height } = this.element.getBoundingClientRect();
		const below = box.bottom + GAP + height <= innerHeight;
		this.element.style.left = `${Math.max(GAP, Math.min(box.left, innerWidth - width - GAP))}px`;
		this.element.style.top = `${below ? box.bottom + GAP : Math.max(GAP, box.top - GAP - height)}px`;
	}

	hide(): void {
		clearTimeout(this.timer);
		this.owner = undefined;
		this.element.hidden = true;
	}

	private enter(target: EventTarget | null, delay: number): void {
		let found = target instanceof Element ? target : null;
		while (found && !this.texts.has(found)) {
			found = found.parentElement;
		}
		if (found === this.owner && found) {
			return;
		}
		this.hide();
		if (found) {
			const element = found;
			this.owner = element;
			this.timer = window.setTimeout(() => {
				if (element.isConnected) {
					this.show(element, this.texts.get(element) ?? '', element.getBoundingClientRect());
				}
			}, delay);
		}
	}
}
