/** A process that is killed while it saves leaves the old trace or the new one, whole. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { generator } from '../../src/shared/random';
import { openFile } from '../../src/trace/bytes.node';
import { openTrace } from '../../src/trace/reader';
import { removeLeftovers } from '../../src/trace/replace.node';
import { amount } from './amount';

const KILLS = amount(20, 250);
/** Longer than a few saves take. */
const LONGEST_MS = 120;

let folder: string;
before(() => (folder = mkdtempSync(join(tmpdir(), 'kill-'))));
after(() => rmSync(folder, { recursive: true, force: true }));

/** The serial of the last trace that the process said it had saved, when it was killed `ms` after its first one. */
async function killedSave(path: string, serial: number, ms: number): Promise<number> {
	const child = spawn(process.execPath, [join(__dirname, 'saver.cjs'), path, String(serial)], { stdio: ['ignore', 'pipe', 'inherit'] });
	let said = '';
	child.stdout.setEncoding('utf8').on('data', (text: string) => {
		if (said === '') {
			setTimeout(() => child.kill('SIGKILL'), ms);
		}
		said += text;
	});
	const signal = await new Promise((resolve) => child.on('close', (_, how) => resolve(how)));
	assert.equal(signal, 'SIGKILL', 'the process ended by itself');
	return Number(said.split('\n').at(-2));
}

/** The serial of the trace at `path`, every value of which has to be that. */
async function serialOf(path: string): Promise<number> {
	const trace = await openTrace(await openFile(path));
	const serial = Number(trace.document.notes[0]);
	for (const { name } of trace.document.arms) {
		const values = await trace.read(name, 'lens.topk_id', { start: 0, end: Infinity });
		assert.ok(values!.length > 0 && values!.every((value) => value === serial), `arm ${name} of trace ${serial}`);
	}
	trace.dispose();
	return serial;
}

describe('killed while it saves', () => {
	test(`${KILLS} times: the file is the last trace that was saved or the one after it`, async () => {
		const path = join(folder, 'a.trace.safetensors');
		const random = generator(1, 'kills');
		const isTemporary = (name: string) => name.endsWith('.tmp');
		let [serial, midway, newer] = [0, 0, 0];
		for (let kill = 0; kill < KILLS; kill++) {
			const left = readdirSync(folder).filter(isTemporary).length;
			const saved = await killedSave(path, serial, random() * LONGEST_MS);
			serial = await serialOf(path);
			assert.ok(serial === saved || serial === saved + 1, `trace ${serial} lies there, ${saved} was said to be saved`);
			midway += readdirSync(folder).filter(isTemporary).length > left ? 1 : 0;
			newer += serial === saved + 1 ? 1 : 0;
		}
		console.log(`${KILLS} kills at trace ${serial}: ${midway} in the middle of a file, ${newer} between its rename and its report`);
		assert.ok(midway > KILLS / 4, `only ${midway} of ${KILLS} kills came in the middle of a save`);
		for (const target of [path, `${path}.source`]) {
			await removeLeftovers(target, Date.now() + 1);
		}
		assert.deepEqual(readdirSync(folder).sort(), [basename(path), `${basename(path)}.source`]);
	});
});
