"""Chains of thought in the `cot` arm: written by a decoder, and read again token by token.

A chain is what follows `<cot>`: steps, `<a>`, the answer, one token more (`<eos>` where all is well).
Shapes: B prompts, G chains a prompt, S slots, V vocabulary.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from folder import CHAIN_LIMIT
from model import BLOCKED, Cache, Decoder
from objectives import Reading
from vocabulary import ANSWER, COT, PAD

TAIL = 3  # `<a>`, the answer, `<eos>`
SLOTS = CHAIN_LIMIT + TAIL


@dataclass
class Chains:
    tokens: Tensor  # [B,G,S] `<pad>` after the chain's end
    steps: Tensor  # [B,G] tokens before `<a>`, or the recipe's CHAIN_LIMIT where it did not come by then
    answer: Tensor  # [B,G] the token after `<a>`, or -1

    @property
    def length(self) -> Tensor:
        """Slots in use, [B,G]."""
        return torch.where(self.answer < 0, self.steps, self.steps + TAIL)

    def within(self, end: Tensor) -> Tensor:
        """True for the slots before `end` [B,G]: [B,G,S]."""
        return torch.arange(self.tokens.shape[-1]) < end[..., None]


def _fan(reading: Reading, group: int) -> Reading:
    """Each prompt `group` times over, in B*G rows."""
    cache = reading.cache
    prompt = [(key.repeat_interleave(group, 0), value.repeat_interleave(group, 0)) for key, value in cache.prompt]
    return Reading(Cache(prompt, cache.padding.repeat_interleave(group, 0)), reading.start.repeat_interleave(group, 0))


@torch.no_grad()
def write(
    decoder: Decoder,
    table: Tensor,
    reading: Reading,
    group: int = 1,
    sampler: torch.Generator | None = None,
    first: Tensor | None = None,
) -> Chains:
    """`group` chains a prompt: sampled at temperature 1, or greedy without a sampler; `first` [B*G] is the first token
    where it is given."""
    fan = _fan(reading, group)
    rows = len(fan.start)
    tokens = torch.full((rows, SLOTS), PAD)
    steps, asked = torch.full((rows,), CHAIN_LIMIT), torch.zeros(rows, dtype=torch.bool)
    token, cache = torch.full((rows,), COT), fan.cache
    for slot in range(SLOTS):
        states, cache, _ = decoder.extend(table[token[:, None]], fan.start[:, None] + slot, cache)
        logits = states[:, 0] @ table.t()
        if slot == 0 and first is not None:
            token = first
        elif sampler is None:
            token = logits.argmax(-1)
        else:
            token = torch.multinomial(torch.softmax(logits, -1), 1, generator=sampler)[:, 0]
        tokens[:, slot] = token
        if slot <= CHAIN_LIMIT:
            steps = torch.where(~asked & (token == ANSWER), slot, steps)
            asked |= token == ANSWER
        if (slot >= steps + TAIL - 1).all():
            break
    answer = tokens.gather(1, steps[:, None] + 1)[:, 0].where(asked, torch.tensor(-1))
    found = Chains(tokens.view(-1, group, SLOTS), steps.view(-1, group), answer.view(-1, group))
    found.tokens = found.tokens.where(found.within(found.length), PAD)[..., : int(found.length.max())]
    return found


def read_again(decoder: Decoder, table: Tensor, reading: Reading, tokens: Tensor) -> Tensor:
    """Logits [B,G,S,V] of every token of `tokens` [B,G,S] given what came before it. The chains of a prompt are read
    in one pass: they see the prompt and themselves, not each other."""
    _, group, slots = tokens.shape
    fed = torch.cat([torch.full_like(tokens[..., :1], COT), tokens[..., :-1]], -1).flatten(1)
    mask = 1 - torch.block_diag(*[torch.ones(slots, slots).tril()] * group)
    places = torch.arange(slots).repeat(group)
    states, _, _ = decoder.extend(table[fed], reading.start[:, None] + places, reading.cache, mask * BLOCKED)
    return (states @ table.t()).unflatten(1, (group, slots))
