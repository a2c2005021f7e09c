/** How much memory this machine can still give: what the system says is available, within the limits of this process's group. */
import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import { EngineError, quoted } from '../error';

/** Bytes that the user lets the engine's process take, for example `6GB`, `500 MB` or a number of bytes. */
export const LIMIT_VARIABLE = 'NEURALESE_MEMORY_LIMIT';
/** macOS counts as free only what nothing has ever used; caches and what compresses well make way, of about so much of the machine. */
const RECLAIMABLE_ON_DARWIN = 0.5;
/** A limit above this is none: version 1 of control groups states the largest number of pages. */
const NO_LIMIT = 2 ** 60;
const GROUPS = '/sys/fs/cgroup';

/** Bytes that can still be taken. Fails where the user's limit cannot be understood. */
export function availableMemory(): number {
	return Math.min(machineMemory(), ...(process.platform === 'linux' ? [groupMemory()] : []), userLimit());
}

function machineMemory(): number {
	switch (process.platform) {
		case 'linux':
			// `freemem` says the same in newer versions of Node only.
			return parseMeminfo(readText('/proc/meminfo')) ?? freemem();
		case 'darwin':
			return Math.max(freemem(), totalmem() * RECLAIMABLE_ON_DARWIN);
		default:
			return freemem();
	}
}

function userLimit(): number {
	const text = process.env[LIMIT_VARIABLE];
	const limit = text === undefined || text === '' ? Infinity : parseBytes(text);
	if (limit === undefined) {
		throw new EngineError(`${LIMIT_VARIABLE} is ${quoted(text!)}: write a number of bytes, or one like 6GB or 500MB.`, 'bad-request');
	}
	return Math.max(0, limit - process.memoryUsage.rss());
}

/** Decimal units, as disks and downloads are counted. */
export function parseBytes(text: string): number | undefined {
	const [, number, unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([KMGT]?)B?\s*$/i.exec(text) ?? [];
	return number === undefined ? undefined : Math.floor(Number(number) * 1000 ** ' KMGT'.indexOf(unit.toUpperCase() || ' '));
}

/** `MemAvailable`: free pages and those that can be had without swapping. */
export function parseMeminfo(text: string | undefined): number | undefined {
	const [, kibibytes] = /^MemAvailable:\s+(\d+) kB$/m.exec(text ?? '') ?? [];
	return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

/** Left in this process's control group and in those that it is part of; infinite where none has a limit. */
function groupMemory(): number {
	const groups = readText('/proc/self/cgroup') ?? '';
	const [, first] = /^\d+:(?:[\w=,]*,)?memory(?:,[\w=,]*)?:(\/.*)$/m.exec(groups) ?? [];
	const [, second] = /^0::(\/.*)$/m.exec(groups) ?? [];
	const left = (root: string, path: string, limit: string, usage: string, cache: string) =>
		Math.min(
			...ancestors(path).map((one) =>
				groupLeft({
					limit: readText(join(root, one, limit)),
					usage: readText(join(root, one, usage)),
					stat: readText(join(root, one, 'memory.stat')),
					cache,
				}),
			),
		);
	return Math.min(
		first === undefined ? Infinity : left(`${GROUPS}/memory`, first, 'memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file'),
		second === undefined ? Infinity : left(GROUPS, second, 'memory.max', 'memory.current', 'inactive_file'),
	);
}

/** Bytes until a group's limit. What its processes have read from files counts as used, but makes way. */
export function groupLeft(group: { limit?: string; usage?: string; stat?: string; cache: string }): number {
	const limit = Number(group.limit?.trim() || NaN);
	if (!(limit < NO_LIMIT)) {
		return Infinity;
	}
	const line = (group.stat ?? '').split('\n').find((one) => one.startsWith(`${group.cache} `));
	const cache = Number(line?.split(' ')[1] ?? 0);
	return Math.max(0, limit - Math.max(0, Number(group.usage ?? 0) - cache));
}

/** `/a/b` and what is above it. Inside a container the paths above its own are not to be seen. */
function ancestors(path: string): string[] {
	const parts = path.split('/').filter((part) => part !== '' && part !== '..');
	return parts.map((_, i) => `/${parts.slice(0, parts.length - i).join('/')}`).concat('/');
}

function readText(path: string): string | undefined {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return undefined;
	}
}
