/** Probes with classes come as `<probe>:<class>`, one for each class; the picker offers the probe first and then the class. */
export interface Family<Probe> {
	name: string;
	members: { probe: Probe; member: string }[];
}

/** In the order of their first members. A probe without classes is a family of one, whose member has an empty name. */
export function families<Probe extends { name: string }>(probes: readonly Probe[]): Family<Probe>[] {
	const found = new Map<string, Family<Probe>>();
	for (const probe of probes) {
		const colon = probe.name.indexOf(':');
		const name = colon < 0 ? probe.name : probe.name.slice(0, colon);
		const family = found.get(name) ?? { name, members: [] };
		family.members.push({ probe, member: colon < 0 ? '' : probe.name.slice(colon + 1) });
		found.set(name, family);
	}
	return [...found.values()];
}

/** `within-k-hops` → `within k hops` */
export function spoken(name: string): string {
	return name.replaceAll('-', ' ');
}
