"""The training loss of a batch: three arms on one reading of the prompt.

`<direct> <a> target <eos>`, `<cot> path <a> target <eos>` and `<latent> h1 … hK <a> target <eos>`. A thought is
trained on the next node of a random shortest path, or on all nodes at its distance (the frontier): the share is the
curriculum's. In the pause twin the embedding of `<latent>` takes the place of every fed-back state; nothing else
differs.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from model import BLOCKED, Cache, Decoder
from problems import UNREACHABLE, Batch
from vocabulary import ANSWER, COT, DIRECT, EOS, LATENT, PAD, SIZE

END_WEIGHT = 0.1  # `<eos>` is learned at once and needs no more
IGNORED = -100


@dataclass
class Reading:
    """A prompt that has been read: its cache and the position that comes next, [B]."""

    cache: Cache
    start: Tensor


def read(decoder: Decoder, table: Tensor, prompt: Tensor, offset: Tensor | None = None) -> Reading:
    """prompt [B,P] ids, padded on the left; offset [B] shifts the first position."""
    padding = prompt == PAD
    positions = ((~padding).cumsum(1) - 1).clamp(min=0)
    start = (~padding).sum(1)
    if offset is not None:
        positions, start = positions + offset[:, None], start + offset
    return Reading(decoder.prefill(table[prompt], positions, padding), start)


def _spell_chain(path: Tensor, target: Tensor, hops: Tensor) -> tuple[Tensor, Tensor]:
    """`<cot> path <a> target` [B,C] and what follows each token [B,C]."""
    batch = len(hops)
    rows = torch.arange(batch)
    sequence = torch.full((batch, int(hops.max()) + 4), PAD)
    sequence[:, 0] = COT
    sequence[:, 1 : 1 + path.shape[1]] = path[:, : sequence.shape[1] - 1]
    sequence[rows, 1 + hops] = ANSWER
    sequence[rows, 2 + hops] = target
    sequence[rows, 3 + hops] = EOS
    following = sequence[:, 1:].clone()
    following[following == PAD] = IGNORED
    return sequence[:, :-1], following


def _frontier_loss(logits: Tensor, node_token: Tensor, at_step: Tensor) -> Tensor:
    """Summed cross entropy to the uniform distribution over a frontier. logits [B,V]; node_token, at_step [B,N]."""
    share = at_step / at_step.sum(1, keepdim=True).clamp(min=1)
    wanted = torch.zeros(len(logits), SIZE).scatter_add_(1, node_token, share)
    return -(wanted * F.log_softmax(logits, -1)).sum()


def losses(
    decoder: Decoder, problems: Batch, thoughts: int, frontier: float, pause: bool, offset: Tensor | None = None
) -> dict[str, Tensor]:
    """The terms of the loss: `direct`, `cot`, `thoughts` and `latent`. Problems with more hops than thoughts train the
    thoughts only."""
    table = decoder.table()
    target, path, hops = (torch.from_numpy(array) for array in (problems.target, problems.path, problems.hops))
    node_token, distance = torch.from_numpy(problems.node_token), torch.from_numpy(problems.distance)
    distance = distance.masked_fill(node_token == PAD, UNREACHABLE)
    batch = len(target)
    reading = read(decoder, table, torch.from_numpy(problems.prompt), offset)

    def column(token: int) -> Tensor:
        return torch.full((batch, 1), token)

    # The three arms are read in one pass: they see the prompt and themselves, not each other.
    chain, following = _spell_chain(path, target, hops)
    sequence = torch.cat([column(DIRECT), column(ANSWER), target[:, None], chain, column(LATENT)], 1)
    spans = [3, chain.shape[1], 1]
    mask = 1 - torch.block_diag(*[torch.ones(span, span).tril() for span in spans])
    places = torch.cat([torch.arange(span) for span in spans])
    states, cache, _ = decoder.extend(
        table[sequence], reading.start[:, None] + places, reading.cache, mask * BLOCKED, keep=sequence.shape[1] - 1
    )
    logits = states @ table.t()

    terms: dict[str, Tensor] = {}
    terms["direct"] = F.cross_entropy(logits[:, 1], target) + END_WEIGHT * F.cross_entropy(
        logits[:, 2], column(EOS)[:, 0]
    )
    terms["cot"] = F.cross_entropy(logits[:, 3:-1].flatten(0, 1), following.flatten(), ignore_index=IGNORED)

    terms["thoughts"] = torch.zeros(())
    state, answerable = states[:, -1:], hops <= thoughts
    for step in range(thoughts + 1):
        produced = state[:, 0] @ table.t()
        if step < path.shape[1] and (step < thoughts or not answerable.all()):
            wanted = path[:, step].masked_fill(path[:, step] == PAD, IGNORED)
            if (wanted != IGNORED).any():
                loss = F.cross_entropy(produced, wanted, ignore_index=IGNORED, reduction="sum") / batch
                terms["thoughts"] = terms["thoughts"] + (1 - frontier) * loss
        if step == thoughts:
            break
        if frontier:
            loss = _frontier_loss(produced, node_token, (distance == step + 1).float()) / batch
            terms["thoughts"] = terms["thoughts"] + frontier * loss
        fed = table[column(LATENT)] if pause else state
        state, cache, _ = decoder.extend(fed, reading.start[:, None] + 1 + step, cache)

    if answerable.any():
        tail = table[torch.cat([column(ANSWER), target[:, None]], 1)]
        states, _, _ = decoder.extend(tail, reading.start[:, None] + 1 + thoughts + torch.arange(2), cache)
        answer = F.cross_entropy(states[:, 0] @ table.t(), target, reduction="none")
        end = F.cross_entropy(states[:, 1] @ table.t(), column(EOS)[:, 0])
        terms["latent"] = (answer * answerable).sum() / batch + END_WEIGHT * end
    return terms
