/** `models remove`: takes an added model off the list. Files of the user's stay where they are. */
import { printable } from '../../analysis/text';
import { unregister } from '../../engine/machine/registry';
import { command } from '../command';
import { RunError, UsageError } from '../failure';
import { fewFiles, quoted } from '../flags/values';

interface Options {
	/** As `models list` calls it. */
	name: string;
}

export const modelsRemove = command<Options>({
	name: 'models remove',
	synopsis: ['NAME'],
	notes: ['models remove takes an added model off the list; the files that it was made from stay.'],
	flags: {},
	read: (files) => {
		const [name] = fewFiles('models remove', 1, files);
		if (name === undefined) {
			throw new UsageError('models remove needs the name of an added model: see models list.');
		}
		return { name };
	},
	run: remove,
});

async function remove({ name }: Options): Promise<string> {
	if (!(await unregister(name))) {
		throw new RunError(`No model ${quoted(name)} was added: see models list.`);
	}
	return `${printable(name)} was removed. What it was made from stays where it is.\n`;
}
