/** What a part of the panel asks of the host, one call at a time. */
import { isCancelled } from '../src/shared/rpc';

export interface Question<Answer> {
	/** What it is about: an answer comes too late once that is something else. */
	about: string;
	/** All that the answer depends on. */
	key: string;
	/** False while nobody looks. */
	due: boolean;
	call(): Promise<Answer>;
}

/**
 * Asks again where what is shown has changed meanwhile. A call may finish, so that a run that changes faster than it is answered still
 * shows something; after a failure the same is not asked again.
 */
export class Asking<Answer> {
	private busy = false;
	private asked: string | undefined;

	/** `question`: as things stand; undefined where there is nothing to ask about. */
	constructor(
		private readonly question: () => Question<Answer> | undefined,
		private readonly answered: (answer: Answer, question: Question<Answer>) => void,
		private readonly report: (error: unknown) => void,
	) {}

	/** To be called after every change. */
	update(): void {
		const question = this.question();
		if (question?.due && !this.busy && this.asked !== question.key) {
			void this.ask(question);
		}
	}

	private async ask(question: Question<Answer>): Promise<void> {
		this.busy = true;
		this.asked = question.key;
		try {
			const answer = await question.call();
			if (this.question()?.about === question.about) {
				this.answered(answer, question);
			}
		} catch (error) {
			if (this.question()?.key === question.key && !isCancelled(error)) {
				this.report(error);
			}
		} finally {
			this.busy = false;
		}
		this.update();
	}
}
