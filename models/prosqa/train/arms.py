"""The three arms in PyTorch, for the figures in the training log. The figures in the card come from the exported graphs
(`evaluate.py`).
"""

import numpy as np
import torch
from torch import Tensor

from model import Decoder
from objectives import read
from problems import Batch, Problems, batch, draw_layout
from vocabulary import ANSWER, COT, DIRECT, LATENT

THOUGHTS = 6
CHAIN_LIMIT = 10


@torch.no_grad()
def answers(decoder: Decoder, problems: Batch, pause: bool) -> dict[str, np.ndarray]:
    """The answer token [B] of each arm, -1 where a chain of thought never answered."""
    table = decoder.table()
    reading = read(decoder, table, torch.from_numpy(problems.prompt))
    batch_size = len(problems.target)

    def column(token: int) -> Tensor:
        return table[torch.full((batch_size, 1), token)]

    def places(first: int, count: int) -> Tensor:
        return reading.start[:, None] + first + torch.arange(count)

    def best(states: Tensor) -> Tensor:
        return (states[:, -1] @ table.t()).argmax(-1)

    states, _, _ = decoder.extend(torch.cat([column(DIRECT), column(ANSWER)], 1), places(0, 2), reading.cache)
    found = {"direct": best(states).numpy()}

    states, cache, _ = decoder.extend(column(COT), places(0, 1), reading.cache)
    chain = np.full(batch_size, -1)
    asked = np.zeros(batch_size, bool)
    for step in range(CHAIN_LIMIT):
        token = best(states)
        chain = np.where(asked & (chain < 0), token.numpy(), chain)
        asked |= token.numpy() == ANSWER
        states, cache, _ = decoder.extend(table[token[:, None]], places(1 + step, 1), cache)
    found["cot"] = chain

    states, cache, _ = decoder.extend(column(LATENT), places(0, 1), reading.cache)
    for step in range(THOUGHTS):
        states, cache, _ = decoder.extend(column(LATENT) if pause else states, places(1 + step, 1), cache)
    states, _, _ = decoder.extend(column(ANSWER), places(1 + THOUGHTS, 1), cache)
    found["latent"] = best(states).numpy()
    return found


def accuracy(decoder: Decoder, problems: Problems, pause: bool, chunk: int = 250) -> dict[str, float]:
    """Share of right answers per arm over all problems; the layout is the same in every call."""
    rng = np.random.default_rng(123)
    right: dict[str, int] = {}
    for start in range(0, len(problems), chunk):
        index = np.arange(start, min(len(problems), start + chunk))
        asked = batch(problems, index, draw_layout(problems, index, rng))
        for arm, answer in answers(decoder, asked, pause).items():
            right[arm] = right.get(arm, 0) + int((answer == asked.target).sum())
    return {arm: round(count / len(problems), 4) for arm, count in right.items()}
