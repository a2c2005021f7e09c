/** Sizes of files in decimal units, as hubs and file managers show them: `12.3 MB`. */
export function formatBytes(bytes: number): string {
	const [unit, size] = bytes >= 1e9 ? ['GB', 1e9] : bytes >= 1e6 ? ['MB', 1e6] : ['kB', 1e3];
	return `${(bytes / size).toFixed(1)} ${unit}`;
}
