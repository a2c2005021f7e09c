import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { hitInWords, MAX_HITS, parseQuery, search, type Hit, type Query } from '../../../src/analysis/search';
import type { ArmRecord, TraceDocument } from '../../../src/trace/document';
import { LiveTrace } from '../../../src/trace/live';
import type { PlaneData, PlaneName } from '../../../src/trace/planes';
import { sampleDocument, sampleTensors } from '../trace/sample';

const PROBES = ['within-k-hops:jelpus', 'within-k-hops:gerpus', 'first-option'];

async function found(query: Query, document: TraceDocument = sampleDocument()): Promise<Hit[]> {
	const trace = new LiveTrace(document);
	for (const { name, shape, chunks } of sampleTensors(document)) {
		const [arm, plane] = name.split(/\/(.*)/s) as [string, PlaneName];
		trace.addRows(arm, plane, { start: 0, end: shape[0]! }, [...(chunks as PlaneData[])][0]!);
	}
	const hits: Hit[] = [];
	for await (const hit of search(trace, query)) {
		hits.push(hit);
	}
	return hits;
}

describe('search in a trace', () => {
	test('sentences, and thoughts by the best rank of any layer', async () => {
		const hits = await found({ kind: 'text', text: 'felpus' });
		assert.deepEqual(hits.map(hitInWords), [
			'thought at layer 2, rank 3, 0.12: felpus',
			'sentence: is a felpus.',
			'thought at layer 2, rank 2, 0.25: felpus',
		]);
		assert.deepEqual(hits.map(({ row }) => row), [1, 2, 2]);
	});

	test('case and white space make no difference', async () => {
		const asked = parseQuery('  A  JELPUS ', PROBES);
		assert.deepEqual(asked, { kind: 'text', text: 'a jelpus' });
		assert.deepEqual((await found(asked as Query)).map(({ row }) => row), [2, 3]);
	});

	test('a probe above a threshold, where it is highest', async () => {
		const hits = await found({ kind: 'probe', name: 'first-option', above: 0.115 });
		assert.deepEqual(hits.map(({ row, ...hit }) => [row, hit.kind === 'probe' && hit.layer]), [[2, 2], [3, 2]]);
		assert.equal(hitInWords(hits[1]!), 'probe at layer 2: 0.13');
	});

	test('a part of a probe\'s name is enough where it is the only one', () => {
		assert.deepEqual(parseQuery('first > .9', PROBES), { kind: 'probe', name: 'first-option', above: 0.9 });
		assert.deepEqual(parseQuery('hops > 0.9', PROBES), '2 probes are called like hops: within-k-hops:jelpus, within-k-hops:gerpus.');
		assert.match(parseQuery('other > 1', []) as string, /^No probe is called other\. The trace has no probes\.$/);
		assert.equal((parseQuery('a > b', PROBES) as Query).kind, 'text');
		assert.equal(typeof parseQuery('  ', PROBES), 'string');
	});

	test('more than anybody looks through is cut', async () => {
		const document = sampleDocument();
		const [cot] = document.arms as [ArmRecord];
		const word = cot.steps.find(({ kind, forced }) => kind === 'token' && !forced)!;
		cot.steps = [...cot.steps, ...Array.from({ length: MAX_HITS + 5 }, () => word)];
		const hits = await found({ kind: 'text', text: 'impus' }, document);
		assert.equal(hits.length, MAX_HITS);
	});
});
