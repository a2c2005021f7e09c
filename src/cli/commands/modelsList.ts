/** `models list`: bundled models, then those that were added, by the names that `--model` takes. */
import { printable } from '../../analysis/text';
import { addedModels, modelsIn, type ModelEntry } from '../../engine/machine/registry';
import { command } from '../command';
import { fewFiles } from '../flags/values';
import { BUNDLED } from '../model';

export const modelsList = command<object>({
	name: 'models list',
	synopsis: [],
	flags: {},
	read: (files) => {
		fewFiles('models list', 0, files);
		return {};
	},
	run: async () => [...(await modelsIn(BUNDLED)), ...(await addedModels())].map(line).join(''),
});

function line({ id, name, description }: ModelEntry): string {
	return `${printable(id)}  ${printable(name)}: ${printable(description)}\n`;
}
