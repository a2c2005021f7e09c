"""The wording of the tuned model's card."""

CARD = """# ProsQA reasoner, chain of thought tuned by reinforcement

[`prosqa`](../prosqa/card.md) after {steps:,} steps of reinforcement learning on the `cot` arm, rewarded for the answer
alone: the other half of a real pair, in which to look for drift. Same size, tokenizer and recipe; no probes. No term
of the reward or the loss looks at whether the chain can be read. MIT licence:

```sh
pip install -r requirements.txt
python reinforce.py --base .. --out ../../prosqa-rl --published PATH/TO/prosqa_valid.json
```

in `models/prosqa/train`. The log and the raw results are in `models/prosqa/train/results`.

## In short

The rewarded arm got better: greedy {before[greedy/right]} → {after[greedy/right]} % right on fresh problems, sampled
{before[sampled/right]} → {after[sampled/right]} %; most of it within the first {every} steps. Does the dialect drift,
and does the chain still carry the answer?

- **No new words.** Of the tokens it writes {after[greedy/foreign]} % are not a word of the prompt in the form of a step.
  The KL from the base is {after[greedy/KL]} nats a token. `prosqa`, once lost, ran on to the limit: no answer in
  {before[greedy/unanswered]} % of chains, now in {after[greedy/unanswered]} %. Some lost chains still say one word
  several times, and then come to an answer (see the chains below).
- **Right more often than proved.** Greedy, right answers change by {change[greedy/right]} points, chains
  that are a whole path of facts to the answer by {change[greedy/whole]}; sampled, by {change[sampled/right]} and
  {change[sampled/whole]}. What has grown are jumps: the chain goes into a dead end and then names a candidate that its
  last word does not lead to, in {before[greedy/jump]} → {after[greedy/jump]} % of greedy chains. Of the jumps
  {before[greedy/jump right]} → {after[greedy/jump right]} % are to the answer, and
  {before[greedy/jump as direct]} → {after[greedy/jump as direct]} % to what the direct arm of the same weights says.
  With shuffled rewards jumps do not become that (below).
- **The answer is carried by the last word alone.** It is the last word written in {after[greedy/says last]} %; without
  that step {after[load/last step dropped]} % are right, against {after[load/intact]} % with it. Leaving out another
  step changes next to nothing. Both hold before as after. What changed is where the last word comes from: led astray
  in the first step, the model comes to the answer all the same in {after[load/led astray]} %, before in
  {before[load/led astray]} %, and the direct arm on the same problems in {after[load/direct, led astray]} %.

So the chain still reads like facts and its last word still is the answer; but where the facts before it fail, that word
comes from somewhere that the chain does not show.

## Accuracy on the {n} published validation problems

Read for these figures and for the parity check, never for training. (They were seen for one short run, to test this
card, while settings were chosen; no setting was chosen by them.) Measured on the exported graphs, greedy, as in
[`prosqa`'s card](../prosqa/card.md); in brackets 95 % Wilson. The extension's own engine counts the same in every arm
of both models (`node dist/cli.js eval prosqa_valid.json --model models/prosqa-rl`).

{public}

## Before and after

{fresh} generated problems of the published size that were neither trained on nor looked at before the run had ended.
Greedy decoding; in brackets 95 % intervals: Wilson where a problem counts once, else a bootstrap over problems. The
change is paired, by a bootstrap over the same problems.

{greedy}

The same, sampled at temperature 1, one chain a problem:

{sampled}

A step is a token written between `<cot>` and `<a>`. It is a fact if the prompt says it of the word that was written
before it (of the root, for the first). Repetition is a property of some of `prosqa`'s chains too: where it has taken a
wrong branch it goes on until the limit. A jump ends a chain on one of the two candidates though the word before does
not lead to it; jumps that are right or agree with the direct arm are shares of the jumps. KL is exact over the
vocabulary at every position of the model's own chains, up to and with the answer; surprisal is of the tokens that were
written.

## Does the chain carry the answer?

Right answers when the greedy chain is changed and `<a>` is forced after it. Of problems whose own chain has a step and
came to an answer; where the step is not the last, of chains of two steps or more; without a step, of all problems.

{load}

Leaving out a step leaves the others as they are; nothing after it is written anew. The chain of another problem names
words that this prompt may or may not have. Led astray: the first step is made a fact of the root from which the answer
cannot be reached, and the model writes the rest and the answer itself ({astray} problems whose root has such a fact);
a chain of facts cannot come to the answer from there. Hold every row against the direct arm: part of the answers can
be had without any chain. `<cot> <a>` is unlike anything that `prosqa` was trained on, so that its low figure there shows
little: its direct arm knows more.

## The other arms

The weights are shared, so the arms that no one tuned move too:

{arms}

## Over training

{held_out} held-out generated problems, the same at every row. Looked at while settings were chosen.

{over_writing}

{over_load}

## Chains that changed

The first {examples} of the generated problems whose greedy chain became another one, by order and not by choice.
The path is one shortest path.

{chains}

## Other settings

Short runs of {pilot_steps} steps with the same seed, measured on the same held-out problems after the last step; greedy
unless said. Shuffled: the rewards change places within each group, so that all is as in training but what the reward
says.

{pilots}

What was looked at while the shipped setting was chosen: the first three rows. The weaker rate was taken so that the
log resolves the change; the rest had not ended by then. How a chain ends when it is lost is not the same in every
run: the one without KL and length terms writes facts only, stops in the dead end, and answers something other than its
last word. A strong KL term keeps the chains and gains nothing certain; a strong length term makes jumps of half the
chains. One seed each, so a small difference between two rows is no more than a hint.

## Training

{training}

## Limits

One seed, one setting, one small model whose whole language is the words of ProsQA: that no new words arose says little
about models that have others to choose from. The base learned to write from shortest paths alone, so its chains are as
legible as they can be; steps that are no facts are a change only against that. The measures of jumps, and that of a
first step that leads nowhere, were written after a look at the chains of a short run; the figures before and after are
on problems drawn later. Not shown: which weights changed, whether the last word is computed from the thoughts'
circuit or from the direct arm's (agreement is no proof of either), and what a term for legibility would have done.
Leaving out or exchanging steps makes chains that neither model was trained on.
"""
