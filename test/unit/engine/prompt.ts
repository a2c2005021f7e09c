/** Tom is a gerpus, so a terpus, so a hilpus: three facts; nothing makes him a yimpus. */
export const PROMPT =
	'Every gerpus is a terpus. Every terpus is a hilpus. Tom is a gerpus. Every wumpus is a yimpus. Max is a wumpus. ' +
	'Is Tom a hilpus or yimpus?';
