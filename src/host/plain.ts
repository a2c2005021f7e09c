/** Text of models, files and hubs in the editor's own lists and notifications, which read marks in it. */
import { printable } from '../analysis/text';

/** In a list or the status bar, which draw `$(name)` as an icon. */
export function plain(text: string): string {
	return printable(text).replaceAll('$(', '$ (');
}

/** In a notification or the words of an input box, which make `[words](command:…)` a link that runs a command. */
export function unlinked(text: string): string {
	return text.replaceAll('](', '] (');
}
