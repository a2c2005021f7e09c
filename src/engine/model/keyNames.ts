/** Names of keys and values of a graph's blocks, key and value of each in turn. */
export function keyNames(blocks: number): { pasts: string[]; presents: string[] } {
	const parts = Array.from({ length: blocks }, (_, l) => [`${l}.key`, `${l}.value`]).flat();
	return { pasts: parts.map((part) => `past_key_values.${part}`), presents: parts.map((part) => `present.${part}`) };
}
