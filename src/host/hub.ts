/** A model of a hub: looked up, its variant chosen, confirmed, and downloaded. Nothing is downloaded without a click. */
import * as vscode from 'vscode';
import { printable } from '../analysis/text';
import type { AddParams } from '../engine/api';
import { HubError } from '../hub/error';
import type { Offer, OfferedVariant } from '../hub/offer';
import { placeOf, tokenOf, type Place } from '../hub/place';
import { formatBytes } from '../shared/bytes';
import type { HubTokens } from './hubToken';
import { plain } from './plain';
import { working } from './working';

const REVISION = 'main';
/** Variants that round little or nothing. */
const EXACT = new Set(['fp32', 'fp16']);
/** How the tokens of hubs begin. */
const TOKEN = /^hf_\S+$/;

export interface HubWish {
	/** `owner/name`. */
	id: string;
	/** Not asked for where given. */
	variant?: string;
	/** Answers in the place of the dialogs; only tests have them. */
	answers?: { download?: boolean; token?: string };
	/** Cancels like the notification's button. */
	cancel?: vscode.CancellationToken;
}

export class Hub {
	constructor(private readonly tokens: HubTokens) {}

	/** What the engine is asked to add; undefined where it was given up. */
	async bring(wish: HubWish): Promise<AddParams | undefined> {
		// Loaded when it is needed: the hub's client is larger than all of the extension.
		const { accept, offerOf, originOf } = await import('../hub/offer');
		const { id, variant, cancel } = wish;
		const place = placeOf(process.env);
		const looking = vscode.l10n.t('Looking up {0}', id);
		const offer = await this.allowed(wish, place, false, (allowed) =>
			working(looking, cancel, (signal) => offerOf({ id, revision: REVISION, variant }, allowed, { signal })),
		);
		const chosen = offer && (variant === undefined ? await chooseVariant(offer) : offer.chosen);
		if (!offer || !chosen || !(wish.answers?.download ?? (await confirmed(offer, chosen, place)))) {
			return undefined;
		}
		const gated = offer.repository.gated && chosen.missing > 0;
		const source = await this.allowed(wish, place, gated, (allowed) =>
			working(vscode.l10n.t('Downloading {0}', id), cancel, (signal, tell) =>
				accept({ ...offer, chosen }, allowed, {
					signal,
					report: ({ done, bytes }) => tell(vscode.l10n.t('{0} of {1}', formatBytes(done), formatBytes(bytes)), done / Math.max(1, bytes)),
				}),
			),
		);
		return source === undefined ? undefined : { source, license: offer.repository.license, origin: originOf(offer) };
	}

	/**
	 * `work` with the token that there is: the environment's, as on the command line, else one that was typed before. Where the hub asks for
	 * another, or `needed` says that it will, the user is asked; what then works is kept. Undefined where the user has none.
	 */
	private async allowed<T>(wish: HubWish, place: Place, needed: boolean, work: (place: Place) => Promise<T>): Promise<T | undefined> {
		const fixed = await tokenOf(place);
		const known = fixed ?? (await this.tokens.get(place.endpoint));
		let why = vscode.l10n.t('{0} is gated: only accounts that were granted access may download it.', wish.id);
		if (known !== undefined || !needed || place.offline) {
			try {
				return await work({ ...place, token: known });
			} catch (error) {
				if (fixed !== undefined || !(error instanceof HubError) || error.code !== 'denied') {
					throw error;
				}
				why = error.message;
			}
		}
		const typed = wish.answers?.token ?? (await askToken(place, why));
		if (typed === undefined) {
			return undefined;
		}
		const result = await work({ ...place, token: typed });
		await this.tokens.keep(place.endpoint, typed);
		return result;
	}
}

/** The name of a hub's model; undefined where it was given up. */
export async function askId(): Promise<string | undefined> {
	const { isRepositoryId } = await import('../hub/repository');
	const text = await vscode.window.showInputBox({
		title: vscode.l10n.t('Add Model from the Hub'),
		prompt: vscode.l10n.t('A model with an ONNX export, as owner/name. Nothing is downloaded before you have seen what it is.'),
		placeHolder: vscode.l10n.t('owner/name'),
		ignoreFocusOut: true,
		validateInput: (typed) => {
			const name = typed.trim();
			const sound = name === '' || (isRepositoryId(name) && name.includes('/'));
			return sound ? undefined : vscode.l10n.t('Two words with a slash between them, of letters, digits, dots, dashes and underscores: owner/name.');
		},
	});
	return text?.trim() || undefined;
}

async function chooseVariant({ repository, variants, chosen }: Offer): Promise<OfferedVariant | undefined> {
	if (variants.length === 1) {
		return chosen;
	}
	const items = variants.map((variant) => ({
		label: variant.name,
		description: [formatBytes(variant.bytes), ...(variant === chosen && EXACT.has(variant.name) ? [vscode.l10n.t('the most exact')] : [])].join(' · '),
		detail: [plain(variant.graph), variant.missing === 0 ? vscode.l10n.t('in the cache') : vscode.l10n.t('{0} to download', formatBytes(variant.missing))].join(' · '),
		variant,
	}));
	const placeHolder = vscode.l10n.t('Which variant of {0} to add', repository.id);
	return (await vscode.window.showQuickPick(items, { placeHolder, ignoreFocusOut: true }))?.variant;
}

/** Everything that one would want to know before it. */
async function confirmed({ repository, wanted }: Offer, { name, graph, bytes, missing }: OfferedVariant, place: Place): Promise<boolean> {
	const { id, commit, license, gated } = repository;
	const cached = bytes - missing;
	const detail = [
		vscode.l10n.t('Variant: {0} ({1})', name, printable(graph)),
		vscode.l10n.t('Licence: {0}', license === undefined ? (place.offline ? vscode.l10n.t('not known offline') : vscode.l10n.t('not stated')) : printable(license)),
		...(gated ? [vscode.l10n.t('Gated: only accounts that were granted access may download it')] : []),
		vscode.l10n.t('Commit: {0} ({1})', commit, wanted.revision),
		missing === 0
			? vscode.l10n.t('To download: nothing, all of it ({0}) is in the cache', formatBytes(bytes))
			: vscode.l10n.t('To download: {0}; in the cache: {1}', formatBytes(missing), cached === 0 ? vscode.l10n.t('nothing') : formatBytes(cached)),
	].join('\n');
	const go = missing === 0 ? vscode.l10n.t('Add') : vscode.l10n.t('Download');
	return (await vscode.window.showInformationMessage(vscode.l10n.t('Add {0}?', id), { modal: true, detail }, go)) === go;
}

function askToken({ endpoint }: Place, why: string): Thenable<string | undefined> {
	return vscode.window.showInputBox({
		title: vscode.l10n.t('Token for {0}', new URL(endpoint).host),
		prompt: vscode.l10n.t('{0} The token is kept in the editor’s secret storage; “Forget Hub Token” removes it.', why),
		password: true,
		ignoreFocusOut: true,
		validateInput: (text) => (text === '' || TOKEN.test(text) ? undefined : vscode.l10n.t('A token begins with hf_.')),
	});
}
