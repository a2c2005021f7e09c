"""Who sees whom: everybody sees one other, and the question is whom one arrives at after so many looks.

    Ann>Eve Bob>Ann Eve>Bob … Ann+2? Bob
"""

import torch
from torch import Tensor

NAMES = ["Ann", "Bob", "Cid", "Dan", "Eve", "Fay", "Gus", "Hal", "Ida", "Jim"]
PEOPLE = 8  # of a problem
HOPS = 5  # looks that are asked for, at most: with eight people the way back is no shorter than three
SPECIALS = ["<pad>", "<unk>", "<eos>"]
SIGHTS = [(a, b) for a in range(len(NAMES)) for b in range(len(NAMES)) if a != b]
QUESTIONS = [(a, k) for a in range(len(NAMES)) for k in range(1, HOPS + 1)]
VOCABULARY = [*SPECIALS, *NAMES, *(f"{NAMES[a]}>{NAMES[b]}" for a, b in SIGHTS), *(f"{NAMES[a]}+{k}?" for a, k in QUESTIONS)]
FIRST_NAME = len(SPECIALS)
FIRST_SIGHT = FIRST_NAME + len(NAMES)
FIRST_QUESTION = FIRST_SIGHT + len(SIGHTS)


def drawn(count: int, hops: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Sequences [count,T] with `hops` [count,Q] looks asked for, and the places [Q] of their questions. Sights are one cycle, so that nobody
    is arrived at twice; who is there differs, and so does the order of the sights."""
    names = torch.rand(count, len(NAMES), generator=random).argsort(1)[:, :PEOPLE]
    # The person at place i of the cycle sees the one at place i + 1.
    who, whom = names, names.roll(-1, 1)
    sights = FIRST_SIGHT + who * (len(NAMES) - 1) + whom - (whom > who).long()
    sights = sights.gather(1, torch.rand(count, PEOPLE, generator=random).argsort(1))
    asked = hops.shape[1]
    start = torch.randint(PEOPLE, (count, asked), generator=random)
    questions = FIRST_QUESTION + names.gather(1, start) * HOPS + hops - 1
    answers = FIRST_NAME + names.gather(1, (start + hops) % PEOPLE)
    return torch.cat([sights, torch.stack([questions, answers], -1).flatten(1)], 1), PEOPLE + 2 * torch.arange(asked)


def written(ids: Tensor) -> str:
    return " ".join(VOCABULARY[i] for i in ids)
