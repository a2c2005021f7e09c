/** Tokens of hubs that the user typed: in the editor's secret storage, each under the address of the hub that it was given for. */
import * as vscode from 'vscode';

const KEY = 'neuralese.hubTokens';

export class HubTokens {
	constructor(private readonly secrets: vscode.SecretStorage) {}

	/** A token is sent to no other hub than the one that it is of. */
	async get(endpoint: string): Promise<string | undefined> {
		return (await this.read()).get(endpoint);
	}

	async keep(endpoint: string, token: string): Promise<void> {
		await this.secrets.store(KEY, JSON.stringify([...(await this.read()).set(endpoint, token)]));
	}

	/** False where there was none. */
	async forget(): Promise<boolean> {
		const some = (await this.read()).size > 0;
		await this.secrets.delete(KEY);
		return some;
	}

	/** What cannot be understood is as good as absent. */
	private async read(): Promise<Map<string, string>> {
		try {
			const pairs: unknown = JSON.parse((await this.secrets.get(KEY)) ?? '[]');
			return new Map(Array.isArray(pairs) ? pairs.filter((pair): pair is [string, string] => pair?.every?.((one: unknown) => typeof one === 'string')) : []);
		} catch {
			return new Map();
		}
	}
}
