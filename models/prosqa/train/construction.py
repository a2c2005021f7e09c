"""The initialisation, after the constructive proof of "Reasoning by Superposition" (arXiv 2505.12514), for tokens in
reading order.

The width is divided into slots: NAME (the name mentioned at this position), SUBJECT (the subject of this fact), PLACE
(the position) and FLAGS. Weights are small noise plus these circuits, and all of it stays trainable; untrained the
model answers at chance.

- First block, head 0: every token looks one position back at a subject and copies its name into SUBJECT.
- First block, head 1: a mode token looks at ` Is Sally` and copies the root into NAME; `<a>` gathers the fed-back
  states (flagged by the final norm's bias) there.
- First block, head 2: `<cot>` and the tokens of a chain of thought fetch the two candidates into SUBJECT. (The tokens
  of facts look for them in vain: the question comes later.)
- Last block, head 0: NAME matched with SUBJECT gives the facts' objects: one hop along all edges at once.
- Last block, head 1: at `<a>` the gathered states are compared with the two candidates.
- Last block, head 2: in a chain of thought, facts whose object is a candidate give their subject: one hop back from
  the end.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from model import Decoder, Shape
from vocabulary import ANSWER, COT, DIRECT, LATENT, NAMES, Form

NAME_WIDTH = 48
PLACE_WIDTH = 22
FLAG_CHANNELS = 4  # per head, set apart from the channels that match names

SUBJECT_FORM, OBJECT_FORM, QUERY_FORM, FIRST_FORM, SECOND_FORM = range(len(Form))
MODE, FED_BACK, ANSWER_FLAG, LOOK_AHEAD = range(len(Form), len(Form) + 4)


def _orthogonal(rows: int, columns: int) -> Tensor:
    if rows >= columns:
        return torch.linalg.qr(torch.randn(rows, columns))[0]
    return torch.linalg.qr(torch.randn(columns, rows))[0].t()


def _frequencies(count: int, reach: int = 127) -> Tensor:
    """Frequencies under which neighbouring positions are told apart: lowest side lobe among random draws."""
    generator = np.random.default_rng(0)
    best_lobe, best = math.inf, None
    for _ in range(3000):
        draw = generator.uniform(0.05, math.pi, count)
        lobe = np.cos(np.arange(1, reach + 1)[:, None] * draw).mean(1).max()
        if lobe < best_lobe:
            best_lobe, best = lobe, draw
    return torch.tensor(best, dtype=torch.float32)


class _Head:
    """Adds circuits to one head's rows of `qkv` and columns of `out`."""

    def __init__(self, decoder: Decoder, layer: int, head: int) -> None:
        size = decoder.shape.head_width
        self.block = decoder.blocks[layer]
        self.inner, self.start, self.content = decoder.shape.heads * size, head * size, size - FLAG_CHANNELS
        self.match = _orthogonal(self.content, NAME_WIDTH)
        self.carry = _orthogonal(self.content, NAME_WIDTH)

    def _rows(self, part: int) -> slice:
        return slice(part * self.inner + self.start, part * self.inner + self.start + self.content)

    def attend(
        self, query: slice, key: slice, strength: float = 1.0, match: Tensor | None = None, turn: Tensor | None = None
    ) -> None:
        """The query's slot is matched with the key's slot."""
        match = self.match if match is None else match
        weight = self.block.qkv.weight
        weight[self._rows(0), query] += (match if turn is None else match @ turn) * strength
        weight[self._rows(1), key] += match * strength

    def write(self, target: slice, strength: float) -> None:
        """A slot into which the carried content goes."""
        self.block.out.weight[target, self.start : self.start + self.content] += self.carry.t() * strength

    def read(self, source: slice) -> None:
        """The slot whose content is carried."""
        self.block.qkv.weight[self._rows(2), source] += self.carry

    def mark(self, channel: int, sources: list[int], target: list[int], strength: float) -> None:
        """Who looks at a flag in `sources` gets the flag `target`."""
        row = self.start + self.content + channel
        self.block.qkv.weight[2 * self.inner + row, sources] += 1.0
        self.block.out.weight[target, row] += strength

    def avoid(self, channel: int, keys: list[int], strength: float) -> None:
        """Positions with a flag in `keys` are not looked at through this channel."""
        self.block.qkv.weight[self.inner + self.start + self.content + channel, keys] -= strength

    def prefer(self, channel: int, queries: list[int], keys: list[int], strength: float) -> None:
        """Positions with a flag in `queries` look at positions with a flag in `keys`."""
        row = self.start + self.content + channel
        self.block.qkv.weight[row, queries] += strength
        self.block.qkv.weight[self.inner + row, keys] += strength

    def always_prefer(self, channel: int, key: int) -> None:
        row = self.start + self.content + channel
        self.block.qkv.bias[row] = 4.0
        self.block.qkv.weight[self.inner + row, key] += 1.0


@torch.no_grad()
def construct(decoder: Decoder) -> None:
    """Writes the circuits into a fresh decoder."""
    shape = decoder.shape
    name = slice(0, NAME_WIDTH)
    subject = slice(NAME_WIDTH, 2 * NAME_WIDTH)
    place = slice(2 * NAME_WIDTH, 2 * NAME_WIDTH + PLACE_WIDTH)
    flags = place.stop

    def flag(*which: int) -> list[int]:
        return [flags + i for i in which]

    frequencies = _frequencies(PLACE_WIDTH // 2)
    angles = torch.arange(shape.context)[:, None] * frequencies
    decoder.position[:, place] = torch.stack([angles.cos(), angles.sin()], 2).flatten(1) / math.sqrt(PLACE_WIDTH // 2)
    back = torch.block_diag(
        *[torch.tensor([[math.cos(w), math.sin(w)], [-math.sin(w), math.cos(w)]]) for w in frequencies.tolist()]
    )

    decoder.name[:, name] = F.normalize(torch.randn(len(NAMES), NAME_WIDTH), dim=1)
    for form in Form:
        decoder.form[form, flags + form] = 0.6
    decoder.special[:, name] *= 0.2
    decoder.special[[DIRECT, COT, LATENT], flags + MODE] = 0.6
    decoder.special[ANSWER, flags + ANSWER_FLAG] = 0.6
    decoder.special[COT, flags + LOOK_AHEAD] = 0.6
    decoder.norm.bias[flags + FED_BACK] = 3.0

    for block in decoder.blocks:
        block.qkv.weight.normal_(0, 0.02)
        block.out.weight.normal_(0, 0.02)
        block.down.weight.mul_(0.3)

    last = shape.layers - 1
    chain = flag(OBJECT_FORM, LOOK_AHEAD)
    candidates = flag(FIRST_FORM, SECOND_FORM)

    previous = _Head(decoder, 0, 0)
    previous.attend(place, place, 1.3, match=_orthogonal(previous.content, PLACE_WIDTH), turn=back)
    previous.read(name)
    previous.write(subject, 0.15)
    previous.always_prefer(0, flags + SUBJECT_FORM)

    fetch = _Head(decoder, 0, 1)
    fetch.attend(name, name, 0.7)
    fetch.read(name)
    fetch.write(name, 0.15)
    fetch.prefer(0, flag(MODE), flag(QUERY_FORM), 2.2)
    fetch.prefer(1, flag(ANSWER_FLAG), flag(FED_BACK), 2.2)

    want = _Head(decoder, 0, 2)
    want.read(name)
    want.write(subject, 0.4)
    want.prefer(0, chain, candidates, 2.2)
    want.mark(0, candidates, flag(LOOK_AHEAD), 0.15)

    step = _Head(decoder, last, 0)
    step.attend(name, subject, 1.4)
    step.read(name)
    step.write(name, 0.4)
    step.always_prefer(0, flags + OBJECT_FORM)

    choose = _Head(decoder, last, 1)
    choose.attend(name, name, 1.3)
    choose.read(name)
    choose.write(name, 0.4)
    choose.prefer(0, flag(ANSWER_FLAG), candidates, 1.8)

    before = _Head(decoder, last, 2)
    before.attend(subject, name, 1.3)
    before.read(subject)
    before.write(name, 0.5)
    before.prefer(0, flag(LOOK_AHEAD), flag(OBJECT_FORM), 1.8)
    before.avoid(0, flag(LOOK_AHEAD), 3.0)


def untrained(shape: Shape, seed: int) -> Decoder:
    """The decoder with which every run of a seed starts."""
    torch.manual_seed(seed)
    decoder = Decoder(shape)
    construct(decoder)
    return decoder


def sharpen(decoder: Decoder, factor: float) -> None:
    """Sharper previous-token attention, after prompts have become longer."""
    size = decoder.shape.head_width
    with torch.no_grad():
        decoder.blocks[0].qkv.weight[:size] *= factor
        decoder.blocks[0].qkv.bias[:size] *= factor
