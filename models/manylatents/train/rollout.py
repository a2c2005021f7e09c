"""The model used as it is meant to be: latents sampled one after the other, each fed back. Batched, in PyTorch.

Shapes: B problems, N latents, width d, latent width w.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from reasoner import ANGLE, CODE, EULER, RADIUS, WIDTH, Cache, Reasoner
from torch import Tensor
from walker import HEADINGS, LATENTS, Problems
from words import prompts

Edit = Callable[[int, Tensor], Tensor]  # latent's index and the latents [B,w] to what is fed back instead


@dataclass
class Chain:
    """What one rollout left. `cache` is of the prompt and of every fed position."""

    sampled: Tensor  # [B,N,w] as the head made them
    fed: Tensor  # [B,N,w] as they were fed back
    room: Tensor  # [B,N+1] the answer's room if the model had stopped after i latents
    heading: Tensor  # [B,N+1] index into HEADINGS, likewise
    token: Tensor  # [B,N+1] the likeliest token of all, which is that place unless the model would rather end
    cache: Cache

    def before(self, index: int) -> Cache:
        """The cache when latent `index` is about to be fed back."""
        start = self.cache[0][0].shape[2] - self.fed.shape[1]
        return [(key[:, :, : start + index], value[:, :, : start + index]) for key, value in self.cache]


def noise_for(problems: int, seed: int) -> Tensor:
    """[B,LATENTS,w] standard normal."""
    return torch.randn(problems, LATENTS, WIDTH, generator=torch.Generator().manual_seed(seed))


def unchanged(_: int, latents: Tensor) -> Tensor:
    return latents


@torch.no_grad()
def roll(
    model: Reasoner,
    problems: Problems,
    noise: Tensor | None,
    edit: Edit = unchanged,
    euler: int = EULER,
    count: int = LATENTS,
) -> Chain:
    """`noise` [B,N,w] is where the head starts, already scaled; the twin takes none."""
    hidden, cache, _ = model.run(torch.cat([model.table()[prompts(problems)], repeated(model.feed(0, None), len(problems))], 1))
    return _go_on(model, hidden[:, -1:], cache, noise, 0, count, edit, euler)


@torch.no_grad()
def resume(model: Reasoner, chain: Chain, index: int, latents: Tensor, noise: Tensor) -> Chain:
    """The rest of a chain whose latent `index` is replaced by `latents` [B,w]."""
    hidden, cache, _ = model.run(model.feed(index + 1, latents), chain.before(index))
    return _go_on(model, hidden, cache, noise, index + 1, noise.shape[1], unchanged, EULER)


def _go_on(
    model: Reasoner, hidden: Tensor, cache: Cache, noise: Tensor | None, start: int, count: int, edit: Edit, euler: int
) -> Chain:
    batch = len(hidden)
    sampled, fed, states = [], [], [hidden]
    for i in range(start, count):
        latents = None
        if noise is not None:
            drawn = model.denoiser.sample(hidden[:, 0], noise[:, i], euler)
            latents = edit(i, drawn)
            sampled.append(drawn)
            fed.append(latents)
        hidden, cache, _ = model.run(repeated(model.feed(i + 1, latents), batch), cache)
        states.append(hidden)
    every = torch.cat(states, 1)
    empty = torch.zeros(batch, count - start, 0)
    return Chain(
        torch.stack(sampled, 1) if sampled else empty,
        torch.stack(fed, 1) if fed else empty,
        model.answer_room(every).argmax(-1),
        model.answer_heading(every).argmax(-1),
        model.answers(every).argmax(-1),
        cache,
    )


def repeated(x: Tensor, batch: int) -> Tensor:
    return x.expand(batch, -1, -1)


def read_room(model: Reasoner, latents: Tensor) -> Tensor:
    """The room of the nearest code, [...]."""
    return torch.cdist(latents[..., :CODE], model.codes()).argmin(-1)


def read_degrees(latents: Tensor) -> Tensor:
    """The heading that the latent's last two numbers point at, 0..360."""
    return torch.rad2deg(torch.atan2(latents[..., -1], latents[..., -ANGLE])) % 360


def snap(model: Reasoner, parts: set[str], every: int, grid: float = 360 / len(HEADINGS)) -> Edit:
    """Every `every`-th latent: its code part becomes the nearest code ("room"), its heading the nearest multiple of
    `grid` degrees ("heading")."""

    def edit(index: int, latents: Tensor) -> Tensor:
        if (index + 1) % every:
            return latents
        code, angle = latents[..., :CODE], latents[..., CODE:]
        if "room" in parts:
            code = model.codes()[read_room(model, latents)]
        if "heading" in parts:
            radians = torch.deg2rad((read_degrees(latents) / grid).round() * grid)
            angle = RADIUS * torch.stack([radians.cos(), radians.sin()], -1)
        return torch.cat([code, angle], -1)

    return edit


def with_bits(model: Reasoner, bits: int) -> None:
    """Rounds the matrices of the denoising head to `bits` bits, one scale per matrix."""
    with torch.no_grad():
        for matrix in model.denoiser.parameters():
            if matrix.dim() > 1:
                scale = matrix.abs().max() / (2 ** (bits - 1) - 1)
                matrix.copy_((matrix / scale).round() * scale)
