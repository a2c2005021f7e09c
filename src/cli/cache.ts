/** Where the command line keeps what is computed once for each model. */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

const NAME = 'neuralese-inspector';

/** As the XDG base directory specification says, and as Windows and macOS name it. A relative `XDG_CACHE_HOME` is invalid and ignored. */
export function cacheFolder(
	environment: Readonly<Record<string, string | undefined>> = process.env,
	platform: NodeJS.Platform = process.platform,
	home: string = homedir(),
): string {
	const given = environment['XDG_CACHE_HOME'];
	if (given !== undefined && isAbsolute(given)) {
		return join(given, NAME);
	}
	switch (platform) {
		case 'win32':
			return join(environment['LOCALAPPDATA'] ?? join(home, 'AppData', 'Local'), NAME, 'Cache');
		case 'darwin':
			return join(home, 'Library', 'Caches', NAME);
		default:
			return join(home, '.cache', NAME);
	}
}
