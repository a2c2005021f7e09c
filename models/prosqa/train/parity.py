"""Parity of the exported graphs with PyTorch, asserted, and the fixture with which the engine's tests repeat it."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from torch import Tensor

from folder import THOUGHTS
from model import Cache, Decoder
from session import Session
from vocabulary import ANSWER, LATENT

TOLERANCE = 1e-3
POSITIONS = 1000
PROBLEMS = 14
PROBLEMS_WITH_SITES = 3


@dataclass
class Trace:
    """One prompt on the latent arm. At the positions of the thoughts `ids` holds `<latent>`."""

    ids: np.ndarray  # [T]
    logits: np.ndarray  # [T,V]
    sites: np.ndarray  # [T,L+1,d]
    latents: np.ndarray  # [6,d] what is fed back


@torch.no_grad()
def trace(decoder: Decoder, prompt: list[int], pause: bool) -> Trace:
    """The latent arm in PyTorch: prompt, `<latent>`, the thoughts, `<a>`."""
    shape, table = decoder.shape, decoder.table()
    none = torch.zeros(1, shape.heads, 0, shape.head_width)
    cache = Cache([(none, none)] * shape.layers, torch.zeros(1, 1, 1, 0))
    normed: list[Tensor] = []
    sites: list[Tensor] = []

    def feed(x: Tensor) -> Tensor:
        nonlocal cache
        start = sum(part.shape[1] for part in normed)
        states, cache, streams = decoder.extend(x, start + torch.arange(x.shape[1])[None], cache)
        normed.append(states)
        sites.append(torch.stack(streams, 2))
        return states[:, -1:]

    state = feed(table[torch.tensor([[*prompt, LATENT]])])
    latents = []
    for _ in range(THOUGHTS):
        fed = table[torch.tensor([[LATENT]])] if pause else state
        latents.append(fed[0, 0])
        state = feed(fed)
    feed(table[torch.tensor([[ANSWER]])])
    ids = np.array([*prompt, *[LATENT] * (THOUGHTS + 1), ANSWER], np.int32)
    logits = torch.cat(normed, 1)[0] @ table.t()
    return Trace(ids, logits.numpy(), torch.cat(sites, 1)[0].numpy(), torch.stack(latents).numpy())


def replay(session: Session, prompt: str, pause: bool) -> Trace:
    """The same in onnxruntime, from the text on."""
    states = [session.read([prompt])]
    states.append(session.tokens(states[-1], LATENT))
    latents = []
    for _ in range(THOUGHTS):
        thought = session.thought(states[-1])
        states.append(session.tokens(states[-1], LATENT) if pause else session.embedding(states[-1], thought))
        latents.append(states[-1].sites[0][0, 0] if pause else thought[0, 0])
    states.append(session.tokens(states[-1], ANSWER))
    sites = np.concatenate([np.stack(state.sites, 2)[0] for state in states])
    logits = np.concatenate(
        [session.readout(sites[i : i + 256, -1:], "logits")[0][:, 0] for i in range(0, len(sites), 256)]
    )
    return Trace(np.zeros(0), logits, sites, np.stack(latents))


def check(decoder: Decoder, folder: Path, prompts: list[str], pause: bool, fixture: Path | None) -> dict:
    """Asserts that logits and residual streams agree on 1000 positions of public problems; writes the fixture."""
    session = Session(folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tensors: dict[str, np.ndarray] = {}
    positions, agreed, furthest = 0, 0, 0.0
    used = prompts[:PROBLEMS]
    for i, prompt in enumerate(used):
        expected = trace(decoder, tokenizer.encode(prompt).ids, pause)
        found = replay(session, prompt, pause)
        positions += len(expected.ids)
        agreed += int((expected.logits.argmax(-1) == found.logits.argmax(-1)).sum())
        furthest = max(
            furthest,
            float(np.abs(expected.logits - found.logits).max()),
            float(np.abs(expected.sites - found.sites).max()),
        )
        tensors |= {f"p{i}.ids": expected.ids, f"p{i}.logits": expected.logits, f"p{i}.latents": expected.latents}
        if i < PROBLEMS_WITH_SITES:
            tensors[f"p{i}.resid"] = expected.sites
    assert positions >= POSITIONS, f"only {positions} positions"
    assert agreed == positions, f"argmax differs at {positions - agreed} of {positions} positions"
    assert furthest < TOLERANCE, f"largest difference {furthest}"
    result = {"positions": positions, "largest_difference": furthest}
    if fixture is not None:
        metadata = {
            "format": "neuralese-parity",
            "arm": "latent",
            "prompts": json.dumps(used),
            "tolerance": str(TOLERANCE),
        }
        save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, fixture, metadata)
        fixture.chmod(0o644)
    return result
