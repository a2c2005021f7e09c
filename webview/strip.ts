/** The strip of all layers: what each site reads as, in one line. */

/** Sites [first, last], both included, whose top word is the same. */
export interface Stretch {
	first: number;
	last: number;
	text: string;
}

/** With more sites than this, neighbours that read alike are told as one. */
const SINGLE_SITES = 6;

export function stretches(words: readonly string[]): Stretch[] {
	const merge = words.length > SINGLE_SITES;
	const strip: Stretch[] = [];
	words.forEach((text, site) => {
		const previous = strip.at(-1);
		if (merge && previous?.text === text) {
			previous.last = site;
		} else {
			strip.push({ first: site, last: site, text });
		}
	});
	return strip;
}
