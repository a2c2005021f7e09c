/** Tokens with offsets against the library's own tokens without them, on small tokenizers of the common kinds. */
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { readFileSync } from 'node:fs';
import { Tokenizer } from '../../src/engine/tokens/tokenizer';
import { cpu, fastest, print } from './clock';

/** UTF-16 units of the longer text; the shorter one is a quarter of it. */
const LENGTH = 100_000;
const KINDS = ['gpt2', 'qwen2', 'llama2', 'xlm', 'bert'];
const REPEATS = 5;

export async function tokenizerBench(): Promise<void> {
	const kinds = JSON.parse(readFileSync('test/fixtures/tokens.json', 'utf8')) as Record<string, { tokenizer: { model: { unk_token?: string } } }>;
	const book = ['README.md', 'models/README.md', 'CHANGELOG.md'].map((path) => readFileSync(path, 'utf8')).join('\n');
	const text = book.repeat(Math.ceil(LENGTH / book.length)).slice(0, LENGTH);
	for (const name of KINDS) {
		const { tokenizer } = kinds[name]!;
		const ours = Tokenizer.parse(new TextEncoder().encode(JSON.stringify(tokenizer)));
		const library = new LibraryTokenizer(tokenizer, { unk_token: tokenizer.model.unk_token });
		const encode = (part: string) => fastest(async () => ours.encode(part), cpu, REPEATS);
		const [quarter, whole] = [await encode(text.slice(0, LENGTH / 4)), await encode(text)];
		const plain = await fastest(async () => library.encode(text, { add_special_tokens: false }), cpu, REPEATS);
		const rate = `${(LENGTH / whole / 1e6).toFixed(2)} M characters/s`;
		print(`tokens and offsets, ${name}, ${LENGTH} characters`, `${rate}, ${(plain / whole).toFixed(2)} × the library; 4 × the text ${(whole / quarter).toFixed(1)} × the time`);
	}
}
