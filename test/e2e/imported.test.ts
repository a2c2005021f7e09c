/** Traces that the command line imported, in the real editor: what is not the chain of thought is never called so. */
import { after, before, describe } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { IMPORTERS } from '../../src/trace/importers/importers';
import { EXAMPLE } from './examples';
import { flow } from './flow';
import { Host, PROJECT } from './host';
import { Panel } from './panel';
import { Workbench } from './workbench';

const FILES = join(PROJECT, 'test/fixtures/imports/files');

/** Until the extension is there: seconds, and more on a busy machine. */
const START_LIMIT_MS = 90_000;

/** In the shape of Inspect's logs; those of the real inspect_ai are imported in test/imports. */
const INSPECT_SAMPLE = {
	...{ id: 'q', epoch: 1, input: 'What is 6 × 7?', target: '42' },
	messages: [
		{ role: 'user', content: 'What is 6 × 7?' },
		{ role: 'assistant', content: [{ type: 'reasoning', reasoning: 'Six times seven.' }, { type: 'text', text: '42' }] },
	],
};
const INSPECT_LOG = { version: 2, status: 'success', eval: { model: 'mock/model' } };

/** Files that are written for the test; all others are those of `FILES`. */
const WRITTEN: Readonly<Record<string, Uint8Array>> = {
	'log.eval': zipSync({
		'header.json': strToU8(JSON.stringify(INSPECT_LOG)),
		'samples/q_epoch_1.json': strToU8(JSON.stringify(INSPECT_SAMPLE)),
	}),
	'log.json': strToU8(JSON.stringify({ ...INSPECT_LOG, samples: [INSPECT_SAMPLE] })),
	'said.txt': strToU8('<think>Six times seven. It is 42.</think>42'),
	'rows.jsonl': strToU8(`${JSON.stringify({ prompt: 'What is 6 × 7?', response: '<think>Six times seven.</think>42' })}\n`),
};

/** One file of every format: its importer, what the panel calls what was written, and how many of its steps there are. Activations alone have none. */
const EVERY: readonly [file: string, format: string, heading: string, rows: number, ...args: string[]][] = [
	['log.eval', 'inspect-eval', 'Chain of thought', 2],
	['log.json', 'inspect-json', 'Chain of thought', 2],
	['layers.safetensors', 'safetensors', '', 0, '--map', 'doubles:position,site,width'],
	['hidden.npz', 'npz', '', 0, '--map', 'by_site:site,position,width'],
	['packed.npz', 'npz', '', 0, '--map', 'hidden:sample,position,site,width'],
	['hidden.npy', 'npy', '', 0, '--map', 'array:position,site,width'],
	['codi.txt', 'codi-latents', 'Without reasoning', 1],
	['said.txt', 'think-text', 'Chain of thought', 3],
	['otel-otlp.json', 'otel-genai', 'Chain of thought', 3],
	['otel-console.jsonl', 'otel-genai', 'Chain of thought', 3],
	['swe-agent.traj', 'swe-agent', 'Chain of thought', 5],
	['openr1-math.parquet', 'openr1-math', 'Chain of thought', 2],
	['openr1-math.jsonl', 'openr1-math', 'Chain of thought', 2],
	['s1k.parquet', 's1k', 'Chain of thought', 3],
	['openthoughts.parquet', 'openthoughts', 'Chain of thought', 2],
	['openai-responses.jsonl', 'openai-responses', 'Reasoning withheld', 2, '--sample', 'resp_sealed'],
	['anthropic.jsonl', 'anthropic-messages', 'Reasoning summary', 3, '--sample', 'summary'],
	['vllm-reasoning.json', 'vllm-chat', 'Chain of thought', 3],
	['vllm-reasoning-content.json', 'vllm-chat', 'Chain of thought', 3],
	['openai-chat.json', 'openai-chat', 'Without reasoning', 1],
	['rows.jsonl', 'reasoning-rows', 'Chain of thought', 2],
];

describe('imported traces', () => {
	let host: Host;
	let workbench: Workbench;
	let panel: Panel;
	const stage = () => ({ host, workbench });

	function bring(file: string, name: string, ...args: string[]): void {
		const path = join(WRITTEN[file] ? join(host.root, 'files') : FILES, file);
		execFileSync('node', ['dist/cli.js', 'import', path, '--out', join(host.workspace, `${name}.trace.safetensors`), ...args], { stdio: 'ignore' });
	}

	before(async () => {
		host = await Host.start({ extension: 'folder' });
		mkdirSync(join(host.root, 'files'));
		Object.entries(WRITTEN).forEach(([name, bytes]) => writeFileSync(join(host.root, 'files', name), bytes));
		copyFileSync(join(FILES, 'anthropic.jsonl'), join(host.workspace, 'messages.jsonl'));
		copyFileSync(join(FILES, 'hidden.npy'), join(host.workspace, 'hidden.npy'));
		bring('vllm-reasoning.json', 'full');
		bring('anthropic.jsonl', 'mixed', '--sample', 'mixed');
		bring('openai-responses.jsonl', 'summary', '--sample', 'resp_summary');
		bring('codi.txt', 'latents');
		bring('hidden.npy', 'states', '--map', 'array:position,site,width');
		workbench = await Workbench.open(host);
		panel = new Panel(workbench.webview());
		// What is opened before the extensions are there is shown as text.
		await workbench.open(EXAMPLE);
		await workbench.page.locator('.codelens-decoration').first().waitFor({ timeout: START_LIMIT_MS });
	});
	after(async () => {
		await workbench?.close();
		await host?.stop();
	});

	async function shown(name: string): Promise<{ heading: string; rows: string[]; subtitle: string }> {
		await workbench.open(`${name}.trace.safetensors`);
		await panel.is('ready');
		if (process.env['IMPORTED_PICTURES']) {
			await workbench.page.waitForTimeout(1_500);
			await workbench.page.screenshot({ path: join(process.env['IMPORTED_PICTURES'], `${name}.png`) });
		}
		return panel.app.evaluate((app) => ({
			heading: app.querySelector('.axis:not([hidden]) .sentence-title')?.textContent ?? '',
			rows: [...app.querySelectorAll('.row .sentence')].map((one) => one.textContent ?? ''),
			subtitle: app.querySelector('.subtitle')?.textContent ?? '',
		}));
	}

	flow('the chain of thought is shown as such', stage, async () => {
		const { heading, rows, subtitle } = await shown('full');
		assert.equal(heading, 'Chain of thought');
		assert.deepEqual(rows.map((row) => row.replace(/[↵·]/g, ' ').trim()), ['Six times seven.', 'That is forty-two.', 'answer: 42']);
		assert.match(subtitle, /full reasoning/);
	});

	flow('a summary and a withheld part say what they are', stage, async () => {
		const summary = await shown('summary');
		assert.equal(summary.heading, 'Reasoning summary');
		assert.match(summary.rows[0]!, /^summary, not the chain of thought: /);
		const mixed = await shown('mixed');
		assert.equal(mixed.heading, 'Reasoning withheld');
		assert.ok(mixed.rows.some((row) => row.startsWith('redacted: reasoning withheld')));
	});

	flow('decoded latents have ranks and no probability; activations alone are a trace', stage, async () => {
		await shown('latents');
		const { rows } = await panel.read();
		assert.deepEqual(rows[0]!.words[0]!.map((text) => text.trim()), ['·3', '–']);
		assert.deepEqual((await shown('states')).rows, []);
		assert.match(await panel.status(), /Activations without text: 5 positions × 3 sites, 4 wide\./);
		await panel.button('Copy as Python').click();
		await workbench.page.locator('.statusbar', { hasText: 'were copied' }).waitFor();
		await workbench.command('File: New Untitled Text File');
		await workbench.page.keyboard.press('Control+V');
		await workbench.page.locator('.view-line', { hasText: 'get_slice' }).filter({ hasText: /"activations\/hidden\.resid"\)\[0:5\]/ }).waitFor();
	});

	flow('every format opens, and says what its reasoning is', stage, async () => {
		assert.deepEqual([...new Set(EVERY.map(([, format]) => format))].sort(), IMPORTERS.map(({ name }) => name).sort());
		const name = (file: string) => `every-${file.replace('.', '-')}`;
		EVERY.forEach(([file, , , , ...args]) => bring(file, name(file), ...args));
		const seen: [string, boolean, string, number][] = [];
		for (const [file, format] of EVERY) {
			const { heading, rows, subtitle } = await shown(name(file));
			seen.push([file, subtitle.split(' · ').includes(format), heading, rows.length]);
		}
		assert.deepEqual(seen, EVERY.map(([file, , heading, rows]) => [file, true, heading, rows]));
	});

	async function importFromExplorer(name: string): Promise<void> {
		await workbench.page.locator('.explorer-folders-view').getByText(name, { exact: true }).click({ button: 'right' });
		// Where the menu opened under the pointer it takes no click for a while.
		await workbench.page.locator('.monaco-menu').getByText('Import Reasoning Log…').hover();
		await workbench.page.keyboard.press('Enter');
	}

	flow('a log in the explorer: its samples are listed, filtered, and one is opened', stage, async () => {
		await importFromExplorer('messages.jsonl');
		await workbench.asks('A sample to open: type a part of its id, its question or its score');
		assert.equal(await workbench.page.locator('.quick-input-list .monaco-list-row').count(), 4);
		if (process.env['IMPORTED_PICTURES']) {
			await workbench.page.screenshot({ path: join(process.env['IMPORTED_PICTURES'], 'list.png') });
		}
		await workbench.page.getByRole('button', { name: 'All: click for those with full reasoning' }).click();
		await workbench.page.locator('.quick-input-title').getByText('1 of 4 samples').waitFor();
		await workbench.page.getByRole('button', { name: 'Only with full reasoning: click for all' }).click();
		await workbench.quickInput.fill('summarised');
		await workbench.accept();
		await workbench.tab('messages-summary.trace.safetensors').waitFor();
		await panel.is('ready');
		assert.match((await panel.app.locator('.subtitle').innerText()), /summary of the reasoning/);
	});

	flow('activations ask what their axes are', stage, async () => {
		await importFromExplorer('hidden.npy');
		await workbench.asks('give --map NAME:AXES');
		assert.equal(await workbench.quickInput.inputValue(), 'array:position,site,width');
		await workbench.accept();
		await workbench.tab('hidden-0.trace.safetensors').waitFor();
	});
});
