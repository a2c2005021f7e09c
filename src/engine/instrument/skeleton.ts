/**
 * A model's file without its large weights: what is left refers to the bytes that stay in the file. A model of gigabytes is read so
 * without being held. Walks the protobuf wire format of ONNX (onnx.proto3): ModelProto.graph, GraphProto.initializer, TensorProto.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { EngineError } from '../error';
import { TensorProto_DataLocation as Location, StringStringEntryProtoSchema, TensorProtoSchema } from './onnx_pb';

const GRAPH = 7;
const INITIALIZER = 5;
const RAW_DATA = 9;
const EXTERNAL_DATA = 13;
/** Smaller tensors stay in the graph: the runtime needs some of their values while it loads. */
const MIN_REFERENCE = 1024;
/** Bytes of the longest varint, of 64 bits. */
const MAX_VARINT = 10;
/** Bytes read at once where fields are looked for: most are smaller. */
const WINDOW = 64 * 1024;
/** What is left of any model that an exporter writes; a file of one huge string is none. */
const MAX_LEFT = 512 * 1024 * 1024;

/** Bytes [position, position + length) of the file; fewer where it ends. */
export type ReadAt = (position: number, length: number) => Promise<Uint8Array>;

interface Field {
	number: number;
	/** Of the tag. */
	start: number;
	/** Of the content, after its length where it has one. */
	content: number;
	end: number;
	isMessage: boolean;
}

/** `location`: the file's name, as the references have it. Fails with one sentence where it is no model. */
export function readSkeleton(read: ReadAt, size: number, location: string): Promise<Uint8Array> {
	return new Skeleton(read, size, location).model();
}

class Skeleton {
	private window: Uint8Array = new Uint8Array(0);
	private windowAt = 0;
	private left = 0;

	constructor(
		private readonly read: ReadAt,
		private readonly size: number,
		private readonly location: string,
	) {}

	async model(): Promise<Uint8Array> {
		return joined(await this.message(0, this.size, GRAPH, (graph) => this.graph(graph)));
	}

	private async graph({ content, end }: Field): Promise<Uint8Array[]> {
		return this.message(content, end, INITIALIZER, (tensor) => this.tensor(tensor));
	}

	/** The pieces of a message, those fields of it that `inner` changes with the length that they then have. */
	private async message(start: number, end: number, number: number, inner: (field: Field) => Promise<Uint8Array[]>): Promise<Uint8Array[]> {
		const pieces: Uint8Array[] = [];
		let kept = start;
		for (let at = start; at < end; ) {
			const field = await this.field(at, end);
			if (field.number === number && field.isMessage) {
				const changed = await inner(field);
				pieces.push(await this.copy(kept, field.start), header(number, changed), ...changed);
				kept = field.end;
			}
			at = field.end;
		}
		pieces.push(await this.copy(kept, end));
		return pieces;
	}

	private async tensor({ content, end }: Field): Promise<Uint8Array[]> {
		const fields: Field[] = [];
		for (let at = content; at < end; at = fields.at(-1)!.end) {
			fields.push(await this.field(at, end));
		}
		const raw = fields.filter(({ number }) => number === RAW_DATA);
		const [data] = raw;
		const isLarge = data !== undefined && raw.length === 1 && data.isMessage && data.end - data.content >= MIN_REFERENCE;
		if (!isLarge || fields.some(({ number }) => number === EXTERNAL_DATA)) {
			return [await this.copy(content, end)];
		}
		return [await this.copy(content, data.start), await this.copy(data.end, end), this.reference(data)];
	}

	/** The fields that say where the data is. */
	private reference({ content, end }: Field): Uint8Array {
		const entries = { location: this.location, offset: String(content), length: String(end - content) };
		const externalData = Object.entries(entries).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value }));
		return toBinary(TensorProtoSchema, create(TensorProtoSchema, { externalData, dataLocation: Location.EXTERNAL }));
	}

	private async field(start: number, limit: number): Promise<Field> {
		const tag = await this.varint(start, limit);
		const [number, type] = [Math.floor(tag.value / 8), tag.value % 8];
		switch (type) {
			case 0: {
				const { end } = await this.varint(tag.end, limit);
				return { number, start, content: tag.end, end, isMessage: false };
			}
			case 1:
			case 5:
				return this.bounded({ number, start, content: tag.end, end: tag.end + (type === 1 ? 8 : 4), isMessage: false }, limit);
			case 2: {
				const length = await this.varint(tag.end, limit);
				return this.bounded({ number, start, content: length.end, end: length.end + length.value, isMessage: true }, limit);
			}
		}
		throw broken('it has a field of an unknown kind');
	}

	private bounded(field: Field, limit: number): Field {
		if (field.end > limit) {
			throw broken('a field goes beyond its end');
		}
		return field;
	}

	private async varint(at: number, limit: number): Promise<{ value: number; end: number }> {
		let value = 0;
		for (let factor = 1, i = 0; i < MAX_VARINT && at + i < limit; factor *= 128, i++) {
			const byte = await this.byte(at + i);
			value += (byte & 127) * factor;
			if (byte < 128) {
				return { value, end: at + i + 1 };
			}
		}
		throw broken('a number in it does not end');
	}

	private byte(at: number): number | Promise<number> {
		const known = this.window[at - this.windowAt];
		return known ?? this.load(at);
	}

	private async load(at: number): Promise<number> {
		this.window = await this.read(at, Math.min(WINDOW, this.size - at));
		this.windowAt = at;
		const [byte] = this.window;
		if (byte === undefined) {
			throw broken('it ends early');
		}
		return byte;
	}

	private async copy(start: number, end: number): Promise<Uint8Array> {
		this.left += end - start;
		if (this.left > MAX_LEFT) {
			throw broken('it is huge even without its weights');
		}
		const bytes = start === end ? new Uint8Array(0) : await this.read(start, end - start);
		if (bytes.length !== end - start) {
			throw broken('it ends early');
		}
		return bytes;
	}
}

function header(number: number, content: readonly Uint8Array[]): Uint8Array {
	const length = content.reduce((sum, piece) => sum + piece.length, 0);
	return Uint8Array.from([...varintOf(number * 8 + 2), ...varintOf(length)]);
}

function varintOf(value: number): number[] {
	return value < 128 ? [value] : [(value % 128) | 128, ...varintOf(Math.floor(value / 128))];
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
	const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
	let at = 0;
	for (const piece of pieces) {
		bytes.set(piece, at);
		at += piece.length;
	}
	return bytes;
}

function broken(why: string): EngineError {
	return new EngineError(`The file is not an ONNX model, or is cut off (${why}): export it again.`, 'bad-model');
}
