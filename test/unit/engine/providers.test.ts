/**
 * Execution providers: each is tried, the reason is given where it is not available, and the run falls back to the processor. Where
 * Chromium brings a software Vulkan, WebGPU is a provider that really works here.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import type { AnalyzeParams, ModelCard, RuntimeInfo } from '../../../src/engine/api';
import { Engine } from '../../../src/engine/caller/client';
import { Models } from '../../../src/engine/model/models';
import { missing, tryProvider } from '../../../src/engine/machine/provider';
import { Runtime } from '../../../src/engine/runtime';
import { DEFAULT_EXECUTION, PROVIDERS, type Execution, type ProviderName } from '../../../src/shared/execution';
import { MODEL, MODULE, PROMPT, request, temporary } from './harness';

/** The loader and the driver that Debian's Chromium has: every GPU is left out, so that figures do not depend on the machine. */
const VULKAN = '/usr/lib/chromium';
const DRIVER = join(VULKAN, 'vk_swiftshader_icd.json');
const SOFTWARE_VULKAN = existsSync(DRIVER) && existsSync(join(VULKAN, 'libvulkan.so.1'));
/** Of logits and readouts: how far float32 in another order may be off. */
const TOLERANCE = 1e-3;

const others = PROVIDERS.filter((name) => name !== 'cpu');

async function withProvider<T>(provider: ProviderName, body: (engine: Engine, infos: RuntimeInfo[]) => Promise<T>, modulePath = MODULE): Promise<T> {
	const infos: RuntimeInfo[] = [];
	const engine = new Engine({ modulePath, execution: { ...DEFAULT_EXECUTION, provider }, onReady: (info) => infos.push(info) });
	try {
		return await body(engine, infos);
	} finally {
		engine.dispose();
	}
}

const params: AnalyzeParams = request(PROMPT, { arms: ['latent'] });
const figures = ({ document }: { document: { arms: { steps: unknown; text: string; answer?: string }[] } }) =>
	document.arms.map(({ steps, text, answer }) => ({ steps, text, answer }));

describe('execution providers', () => {
	test('every one is tried: it works, or there is a reason, and a run on it is that of the processor', async () => {
		const expected = figures(await withProvider('cpu', (engine) => engine.call('analyze', params)));
		for (const provider of others) {
			await withProvider(provider, async (engine, infos) => {
				const card = await engine.call('load', { model: MODEL });
				assert.deepEqual(infos.map(({ providers }) => providers.map(({ name }) => name)), [[...PROVIDERS]]);
				const info = infos[0]!.providers.find(({ name }) => name === provider)!;
				assert.equal(card.provider.asked, provider);
				if (info.available) {
					return;
				}
				assert.match(info.why!, /^[^\n]{10,400}$/);
				if (Runtime.load().backends.get(provider)?.bundled === false) {
					assert.match(info.why!, /^\w+, whose files do not come with this extension, cannot be started here \(.+\)$/);
				}
				assert.deepEqual(card.provider, { asked: provider, used: 'cpu', why: info.why });
				const run = await engine.call('analyze', params);
				assert.deepEqual(figures(run), expected);
				assert.match(run.document.runtime.engine, /^onnxruntime-node [\d.]+, cpu$/);
				assert.deepEqual(run.document.notes, [`The models run on the execution provider cpu and not on ${provider}, because ${info.why}.`]);
			});
		}
	});

	test('what the build for this platform does not have is known without trying', () => {
		const { backends } = Runtime.load();
		const models = new Models();
		for (const { name, available, why } of models.providers) {
			assert.equal(available, name === 'cpu' ? true : backends.has(name) ? undefined : false);
			assert.equal(why, backends.has(name) ? undefined : missing(name));
		}
	});

	test('the processor passes the test that the others must pass', async () => {
		assert.deepEqual(await tryProvider(Runtime.load(), 'cpu'), { name: 'cpu', available: true });
	});

	test('a provider that ends the child while it is tried is left out by the next child, which says so', async () => {
		const modulePath = await crashing('configure');
		await withProvider('webgpu', async (engine, infos) => {
			const card = await engine.call('load', { model: MODEL });
			const why = 'the engine ended unexpectedly (SIGSEGV) with it';
			assert.deepEqual(card.provider, { asked: 'webgpu', used: 'cpu', why });
			assert.deepEqual(infos.at(-1)!.providers.find(({ name }) => name === 'webgpu'), { name: 'webgpu', available: false, why });
			assert.equal((await engine.call('analyze', params)).document.arms.length, 1);
		}, modulePath);
	});

	test('another provider or memory mode is another child, the same is not', async () => {
		await withProvider('cpu', async (engine, infos) => {
			const first = (await engine.call('describe', undefined)).pid;
			engine.configure({ provider: 'cpu', memory: 'auto' });
			assert.equal((await engine.call('describe', undefined)).pid, first);
			engine.configure({ provider: 'dml', memory: 'low' });
			const card = await engine.call('load', { model: MODEL });
			assert.notEqual(engine.pid, first);
			assert.deepEqual([card.provider.asked, card.lowMemory], ['dml', true]);
			assert.equal(infos.length, 2);
		});
	});

	test('with little memory the same is computed', async () => {
		const run = (memory: Execution['memory']) => {
			const engine = new Engine({ modulePath: MODULE, execution: { provider: 'cpu', memory } });
			return engine.call('analyze', params).finally(() => engine.dispose());
		};
		const [low, full] = [await run('low'), await run('full')];
		assert.deepEqual(figures(low), figures(full));
		assert.deepEqual([low, full].map(({ document }) => /, low memory$/.test(document.runtime.engine)), [true, false]);
	});

	test('WebGPU computes what the processor computes', { skip: !SOFTWARE_VULKAN && 'no software Vulkan: Chromium brings one' }, async () => {
		const direct = request(PROMPT, { arms: ['direct'] });
		const expected = figures(await withProvider('cpu', (engine) => engine.call('analyze', direct)));
		const kept = { ...process.env };
		Object.assign(process.env, { LD_LIBRARY_PATH: VULKAN, VK_ICD_FILENAMES: DRIVER });
		try {
			await withProvider('webgpu', async (engine) => {
				const card: ModelCard = await engine.call('load', { model: MODEL });
				assert.deepEqual(card.provider, { asked: 'webgpu', used: 'webgpu' });
				const compared = card.selfTest.find(({ name }) => name === 'webgpu and cpu: residual streams and logits')!;
				// Another provider's rounding is another: exactly 0 would mean that the processor was compared with itself.
				assert.ok(compared.ok && compared.maxAbsDiff > 0 && compared.maxAbsDiff < TOLERANCE, String(compared.maxAbsDiff));
				const run = await engine.call('analyze', direct);
				assert.deepEqual(figures(run), expected);
				assert.match(run.document.runtime.engine, /, webgpu$/);
				assert.deepEqual(run.document.notes, []);
			});
		} finally {
			process.env = kept;
		}
	});
});

/** The built child, which a signal ends when it is asked to do `method` with another provider than the processor. */
async function crashing(method: string): Promise<string> {
	const path = join(await temporary(), 'engine.cjs');
	await writeFile(
		path,
		`process.on('message', ({ method, params }) => {
			const { execution, barred = [] } = params ?? {};
			if (method === ${JSON.stringify(method)} && execution?.provider !== 'cpu' && barred.length === 0) {
				process.kill(process.pid, 'SIGSEGV');
			}
		});
		require(${JSON.stringify(resolve(MODULE))});`,
	);
	return path;
}
