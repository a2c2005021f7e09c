"""What the model does with so many loops, and when it halts: accuracy with 95 % Wilson intervals, on problems that were never trained on."""

import math

import torch
from problems import HOPS, drawn
from reasoner import Block, Reasoner, rotated
from torch import Tensor

SEED = 1_000_003  # training draws from others
PROBLEMS = 1_000  # for each number of looks


def wilson(right: int, count: int) -> tuple[float, float]:
    z, share = 1.959964, right / count
    middle, spread = share + z * z / (2 * count), z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return (middle - spread) / (1 + z * z / count), (middle + spread) / (1 + z * z / count)


def figure(hits: Tensor) -> dict:
    right, count = int(hits.sum()), hits.numel()
    return {"right": right, "n": count, "ci": wilson(right, count)}


@torch.no_grad()
def by_loops(model: Reasoner, loops: int) -> list[dict]:
    """One question a problem, all positions looped alike: accuracy after each loop, by looks."""
    rows = []
    for hops in range(1, HOPS + 1):
        torch.manual_seed(SEED + hops)
        ids, marks = drawn(PROBLEMS, torch.full((PROBLEMS, 1), hops), torch.Generator().manual_seed(SEED + hops))
        asked, answer = ids[:, : marks[0] + 1], ids[:, marks[0] + 1]
        turn = model.turn[:, : asked.shape[1]]
        said = torch.stack([model.read(state, turn)[:, -1].argmax(-1) for state in model(asked, loops)])
        rows.append({"hops": hops, "loops": [figure(one == answer) for one in said]})
    return rows


def block(own: Block, x: Tensor, turn: Tensor, held: tuple[Tensor, Tensor] | None, halted: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """As `Block`, with the keys and values that halted positions left in the place of new ones."""
    attn = own.attn
    q, k, v = (part.unflatten(-1, (attn.heads, -1)) for part in attn.Wqkv(own.norm_1(x)).chunk(3, -1))
    q, k = rotated(q + attn.qk_bias[0], turn), rotated(k + attn.qk_bias[1], turn)
    if held is not None:
        k, v = (torch.where(halted[..., None, None], old, new) for old, new in zip(held, (k, v)))
    out = torch.nn.functional.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=True)
    x = own.norm_2(attn.proj(out.transpose(1, 2).flatten(-2)) + x)
    return own.norm_4(own.mlp(own.norm_3(x)) + x), (k, v)


@torch.no_grad()
def halting(model: Reasoner, loops: int, below: float) -> list[dict]:
    """Each position halts by itself, where a loop moves its state by less than a share of its norm. By looks: when the question does, and accuracy."""
    rows = []
    for hops in range(1, HOPS + 1):
        torch.manual_seed(SEED + hops)
        ids, marks = drawn(PROBLEMS, torch.full((PROBLEMS, 1), hops), torch.Generator().manual_seed(SEED + hops))
        asked, answer = ids[:, : marks[0] + 1], ids[:, marks[0] + 1]
        injected, turn = model.prelude(asked)
        state = model.start(injected)
        halted = torch.zeros(asked.shape, dtype=torch.bool)
        at = torch.full(asked.shape, loops)
        held: list = [None] * len(model.transformer.core_block)
        for loop in range(1, loops + 1):
            x = model.transformer.adapter(torch.cat([state, injected], -1))
            for i, own in enumerate(model.transformer.core_block):
                x, held[i] = block(own, x, turn, held[i], halted)
            moved = (x - state).norm(dim=-1) / x.norm(dim=-1)
            state = torch.where(halted[..., None], state, x)
            now = ~halted & (moved < below)
            at[now] = loop
            halted |= now
        said = model.read(state, turn)[:, -1].argmax(-1)
        question = at[:, -1].float()
        rows.append(
            {"hops": hops, **figure(said == answer), "mean": question.mean().item(), "error": (question.std() / PROBLEMS**0.5).item()}
            | {"quartiles": [float(question.quantile(q)) for q in (0.25, 0.5, 0.75)], "sights": at[:, :-1].float().mean().item(), "unhalted": int((~halted[:, -1]).sum())}
        )
    return rows
