/** `providers`: which execution providers work on this machine, each tried in a process of its own. */
import { printable } from '../../analysis/text';
import { Engine } from '../../engine/caller/client';
import { DEFAULT_EXECUTION, PROVIDERS, type ProviderInfo, type ProviderName } from '../../shared/execution';
import { command } from '../command';
import { fewFiles, given, JSON_FLAG } from '../flags/values';
import { ENGINE } from '../session';

interface Options {
	json: boolean;
}

export const providers = command<Options>({
	name: 'providers',
	synopsis: ['[--json]'],
	flags: JSON_FLAG,
	read: (files, values) => {
		fewFiles('providers', 0, files);
		return { json: given(values, 'json') };
	},
	run: async ({ json }) => {
		const found: ProviderInfo[] = [];
		for (const name of PROVIDERS) {
			found.push(await tried(name));
		}
		return json ? `${JSON.stringify(found)}\n` : found.map(line).join('');
	},
});

/** One that crashes takes only its own engine with it. */
async function tried(provider: ProviderName): Promise<ProviderInfo> {
	const engine = new Engine({ modulePath: ENGINE, execution: { ...DEFAULT_EXECUTION, provider } });
	try {
		const { providers: all } = await engine.call('describe', undefined);
		return all.find(({ name }) => name === provider)!;
	} finally {
		engine.dispose();
	}
}

function line({ name, available, why }: ProviderInfo): string {
	return `${name.padEnd(8)}${available ? 'available' : `not available: ${printable(why ?? 'it was not tried')}`}\n`;
}
