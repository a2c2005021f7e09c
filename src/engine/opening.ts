import { constants } from 'node:fs';

/** Opening a named pipe for reading would wait for a writer for ever, where no signal gets through; Windows has no such files. */
export const READ = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
