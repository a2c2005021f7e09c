/** Where a hub is and where its files are kept: the same variables and folders as Python's huggingface_hub. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { HubError } from './error';

const HUB = 'https://huggingface.co';
/** Only these send a token in the clear: a hub on this machine. */
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);
const ON = /^(1|on|yes|true)$/i;

type Environment = Readonly<Record<string, string | undefined>>;

export interface Place {
	/** Without a trailing slash. */
	endpoint: string;
	/** Folder of `models--owner--name/`. */
	cache: string;
	/** Nothing is asked of the network. */
	offline: boolean;
	/** File that Python's `login` writes. */
	tokenFile: string;
	/** From the environment; goes before the file. */
	token?: string;
}

/** `HF_ENDPOINT`, `HF_HOME`, `HF_HUB_CACHE`, `HF_HUB_OFFLINE`, `HF_TOKEN`, `HF_TOKEN_PATH`, `XDG_CACHE_HOME`. */
export function placeOf(environment: Environment, home = homedir()): Place {
	// As there, a leading ~ is the user's folder; what is empty is as good as absent.
	const path = (name: string) => environment[name]?.replace(/^~(?=$|[\\/])/, () => home) || undefined;
	const folder = path('HF_HOME') ?? join(path('XDG_CACHE_HOME') ?? join(home, '.cache'), 'huggingface');
	return {
		endpoint: checkedEndpoint(environment['HF_ENDPOINT'] || HUB),
		cache: path('HF_HUB_CACHE') ?? path('HUGGINGFACE_HUB_CACHE') ?? join(folder, 'hub'),
		offline: [environment['HF_HUB_OFFLINE'], environment['TRANSFORMERS_OFFLINE']].some((value) => ON.test(value ?? '')),
		tokenFile: path('HF_TOKEN_PATH') ?? join(folder, 'token'),
		token: environment['HF_TOKEN'] || environment['HUGGING_FACE_HUB_TOKEN'] || undefined,
	};
}

/** The token of the environment, else of the file; undefined where there is none. */
export async function tokenOf({ token, tokenFile }: Place): Promise<string | undefined> {
	return token ?? ((await readFile(tokenFile, 'utf8').catch(() => '')).trim() || undefined);
}

function checkedEndpoint(text: string): string {
	const url = URL.canParse(text) ? new URL(text) : undefined;
	if (!url || !(url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.has(url.hostname)))) {
		throw new HubError('HF_ENDPOINT is not the address of a hub: give an https address, or http on this machine.', 'bad-request');
	}
	return text.replace(/\/+$/, '');
}
