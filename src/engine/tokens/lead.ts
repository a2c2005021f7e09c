/** What a tokenizer puts before a text: the beginning of its sequence. */
import type { PostProcessorConfig } from './config';

const CLASSIFIERS: ReadonlySet<string> = new Set(['BertProcessing', 'RobertaProcessing']);

/** Tokens, in order. What is not understood puts none. */
export function leadOf(processor: PostProcessorConfig | null | undefined): string[] {
	if (processor?.type === 'Sequence') {
		return (processor.processors ?? []).flatMap(leadOf);
	}
	if (processor?.type === 'TemplateProcessing') {
		const parts = processor.single ?? [];
		const text = parts.findIndex((part) => part.Sequence !== undefined);
		return parts.slice(0, Math.max(0, text)).flatMap(({ SpecialToken: special }) => special?.id ?? []);
	}
	return processor && CLASSIFIERS.has(processor.type) && processor.cls ? [processor.cls[0]] : [];
}
