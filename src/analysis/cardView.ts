/** A model's card in words: what was found in it, what can be asked of it and what not, and how far its parts agree. */
import type { ModelCardView } from '../shared/panel';
import type { ModelRecord } from '../trace/document';
import { printable } from './text';

/** What the engine says of a loaded model. */
export interface CardFacts {
	id: string;
	name: string;
	description: string;
	license?: string;
	sha256: string;
	shape: { layers: number; width: number; heads: number; vocabulary: number; context: number };
	quantisation: string;
	arms: readonly string[];
	trainedLatents: number;
	/** Why the recipe is what it is, and what that leaves open: of a model that was made from an export. One sentence each. */
	proposal?: { reasons: readonly string[]; undecided: readonly string[] };
	probes: readonly { name: string }[];
	relatives: { twin?: string; base?: string };
	reference?: { prompts: number };
	chat: boolean;
	selfTest: readonly { name: string; maxAbsDiff: number; ok: boolean }[];
	available: readonly string[];
	unavailable: readonly { what: string; why: string }[];
	/** What computes it, and why that is not what was asked for; absent where the engine does not say. */
	provider?: { used: string; why?: string };
	/** Whether one copy of the weights is kept, and less is computed at a time. */
	lowMemory?: boolean;
}

type Fact = ModelCardView['facts'][number];

/** What the engine calls a feature, and what that means to the reader. */
const FEATURES: ReadonlyMap<string, { label: string; definition: string }> = new Map([
	['layers', { label: 'Layers', definition: 'The residual stream at every site, and the logit lens there.' }],
	['latents', { label: 'Latent thoughts', definition: 'Vectors are fed back in the place of tokens.' }],
	['patches', { label: 'Patches', definition: 'The residual stream is changed at a layer and position, as causal tests do.' }],
	['batches', { label: 'Runs side by side', definition: 'Several runs go through the model in one call, which makes tests faster. Without it they run one by one.' }],
	['neighbours', { label: 'Nearest embeddings', definition: 'A thought is compared with the input embeddings of all tokens.' }],
	['probes', { label: 'Probes', definition: 'Linear probes that came with the model. Probes of your own are named in the settings.' }],
]);

export function cardView(card: CardFacts): ModelCardView {
	const { name, description, license, selfTest, available, unavailable } = card;
	return {
		name: printable(name),
		description: printable(description),
		facts: [
			...shapeFacts(card),
			...runtimeFacts(card),
			...recipeFacts(card),
			{ label: 'Licence', value: license === undefined ? 'not stated' : printable(license), definition: 'As the model’s manifest states it.' },
			sha256Fact(card.sha256),
		],
		available: available.map(featureOf),
		unavailable: unavailable.map(({ what, why }) => ({ ...featureOf(what), why: printable(why) })),
		tests: selfTest.map((test) => ({ name: printable(test.name), difference: differenceText(test.maxAbsDiff), ok: test.ok })),
	};
}

/** Of a model that is known from a trace only. */
export function recordView(record: ModelRecord, note: string): ModelCardView {
	const { id, name, sha256, layers, width, vocabulary, quantisation, trainedLatents } = record;
	return {
		name: printable(name),
		description: printable(id),
		note,
		facts: [
			...layerFacts(layers, width),
			{ label: 'Vocabulary', value: `${count(vocabulary)} tokens` },
			weightsFact(quantisation),
			trainedFact(trainedLatents),
			sha256Fact(sha256),
		],
		available: [],
		unavailable: [],
		tests: [],
	};
}

function shapeFacts({ shape, quantisation, available }: CardFacts): Fact[] {
	const { layers, width, heads, vocabulary, context } = shape;
	const facts = available.includes('layers') || layers > 0 ? layerFacts(layers, width) : [{ label: 'Layers', value: 'cannot be seen' }];
	return [
		...facts,
		{ label: 'Key/value heads', value: count(heads), definition: 'Of a block. Query heads may be more.' },
		{ label: 'Vocabulary', value: `${count(vocabulary)} tokens` },
		{ label: 'Context', value: `${count(context)} positions`, definition: 'The most positions of one run.' },
		weightsFact(quantisation),
	];
}

function layerFacts(layers: number, width: number): Fact[] {
	return [
		{ label: 'Layers', value: count(layers) },
		{ label: 'Width', value: count(width), definition: 'Components of the residual stream.' },
		{ label: 'Sites', value: `${count(layers + 1)} (0 … ${layers})`, definition: 'Where the residual stream is read: 0 before the first block, l after block l.' },
	];
}

function runtimeFacts({ provider, lowMemory }: CardFacts): Fact[] {
	if (provider === undefined) {
		return [];
	}
	const parts = [provider.used, ...(lowMemory ? ['low memory'] : []), ...(provider.why === undefined ? [] : [`because ${provider.why}`])];
	return [{ label: 'Runs on', value: printable(parts.join(', ')), definition: 'The execution provider that computes it.' }];
}

function recipeFacts({ arms, trainedLatents, proposal, probes, chat, reference, relatives }: CardFacts): Fact[] {
	return [
		{ label: 'Arms', value: printable(arms.join(', ')), definition: 'Ways of answering that its recipe names.' },
		trainedFact(trainedLatents),
		...sentences('Arms, why', proposal?.reasons, 'What the export shows of how the model thinks.'),
		...sentences('Not decided', proposal?.undecided, 'What the export does not show: its model.json takes a correction.'),
		{ label: 'Probes', value: probes.length === 0 ? 'none' : printable(probes.map(({ name }) => name).join(', ')) },
		{
			label: 'Chat template',
			value: chat ? 'yes' : 'none',
			definition: chat ? 'A prompt’s messages are written as the template does; the setting neuralese.chatTemplate turns it off.' : 'Prompts are given as they are.',
		},
		{
			label: 'Reference prompts',
			value: reference === undefined ? 'none' : count(reference.prompts),
			definition: 'Prompts of the model’s own kind, from which controls are taken.',
		},
		...(relatives.twin === undefined ? [] : [{ label: 'Control', value: printable(relatives.twin), definition: 'The model without recurrence that its thoughts are held against.' }]),
		...(relatives.base === undefined ? [] : [{ label: 'Base', value: printable(relatives.base), definition: 'The model that this one was tuned from.' }]),
	];
}

function sentences(label: string, all: readonly string[] = [], definition: string): Fact[] {
	return all.length === 0 ? [] : [{ label, value: printable(all.join(' ')), definition }];
}

function trainedFact(trainedLatents: number): Fact {
	return {
		label: 'Trained thoughts',
		value: trainedLatents === 0 ? 'none' : count(trainedLatents),
		definition:
			trainedLatents === 0
				? 'It was not trained to think in latents; those that are run show what it makes of its own states.'
				: 'Latent thoughts that it was trained to think. More are run and marked as spare.',
	};
}

function weightsFact(quantisation: string): Fact {
	return { label: 'Weights', value: printable(quantisation), definition: 'How they are stored. What is read from them is float32.' };
}

function sha256Fact(sha256: string): Fact {
	return { label: 'SHA-256', value: sha256, code: true, definition: 'Of its manifest, which pins every other file by its hash.' };
}

function featureOf(name: string): { label: string; definition: string } {
	return FEATURES.get(name) ?? { label: printable(name), definition: '' };
}

/** In the same words for every difference: an infinite one means that something was not what was expected. */
function differenceText(value: number): string {
	return value === 0 ? '0' : Number.isFinite(value) ? value.toExponential(1) : 'not finite';
}

function count(value: number): string {
	return String(value).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}
