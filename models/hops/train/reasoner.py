"""The model: a decoder that loops over depth, laid out and named as Huginn (arXiv 2502.05171) is, so that one exporter reads both.

    e = prelude(scaled embedding)      s_0 drawn      s_{i+1} = core(adapter [s_i, e])      logits = head(norm(coda(norm(s_r))))

Shapes: B sequences, T positions, width d, H heads of width c.
"""

import math
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from problems import FIRST_NAME, FIRST_QUESTION, FIRST_SIGHT, HOPS, NAMES, QUESTIONS, SIGHTS, SPECIALS, VOCABULARY
from torch import Tensor, nn


@dataclass(frozen=True)
class Config:
    """A part of the checkpoint's config.json."""

    vocab_size: int
    n_embd: int = 64
    n_heads: int = 2
    intermediate_size: int = 128
    n_layers_in_prelude: int = 1
    n_layers_in_recurrent_block: int = 2
    n_layers_in_coda: int = 1
    mean_recurrence: int = 16
    block_size: int = 64
    rope_base: float = 10_000
    norm_eps: float = 1e-6
    qk_bias: bool = True
    tie_embeddings: bool = False
    model_type: str = "huginn_raven"

    @property
    def std(self) -> float:
        return math.sqrt(2 / (5 * self.n_embd))

    def json(self) -> dict:
        layers = self.n_layers_in_prelude + self.n_layers_in_recurrent_block + self.n_layers_in_coda
        return asdict(self) | {"n_layers": layers, "init_values": {"std": self.std, "embed_scale": math.sqrt(self.n_embd)}}


class Norm(nn.Module):
    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(width)), eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.weight, self.eps)


def rotation(config: Config, positions: int) -> Tensor:
    """Cosines and sines [1,positions,1,c/2,2]."""
    width = config.n_embd // config.n_heads
    rates = config.rope_base ** (-torch.arange(0, width, 2) / width)
    angles = torch.outer(torch.arange(positions), rates)
    return torch.stack([angles.cos(), angles.sin()], -1)[None, :, None]


def rotated(x: Tensor, by: Tensor) -> Tensor:
    """x [B,T,H,c], pairs of neighbours turned."""
    a, b = x.unflatten(-1, (-1, 2)).unbind(-1)
    cos, sin = by.unbind(-1)
    return torch.stack([a * cos - b * sin, b * cos + a * sin], -1).flatten(-2)


class Attention(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.heads, width = config.n_heads, config.n_embd
        self.Wqkv, self.proj = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.qk_bias = nn.Parameter(torch.zeros(2, 1, self.heads, width // self.heads))

    def forward(self, x: Tensor, turn: Tensor) -> Tensor:
        q, k, v = (part.unflatten(-1, (self.heads, -1)) for part in self.Wqkv(x).chunk(3, -1))
        q, k = rotated(q + self.qk_bias[0], turn), rotated(k + self.qk_bias[1], turn)
        out = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=True)
        return self.proj(out.transpose(1, 2).flatten(-2))


class Feed(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.fc = nn.Linear(config.n_embd, 2 * config.intermediate_size, bias=False)
        self.proj = nn.Linear(config.intermediate_size, config.n_embd, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.fc(x).chunk(2, -1)
        return self.proj(F.silu(gate) * value)


class Block(nn.Module):
    """Norms before and after each part, the second one over the sum."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.norm_1, self.norm_2, self.norm_3, self.norm_4 = (Norm(config.n_embd, config.norm_eps) for _ in range(4))
        self.attn, self.mlp = Attention(config), Feed(config)

    def forward(self, x: Tensor, turn: Tensor) -> Tensor:
        x = self.norm_2(self.attn(self.norm_1(x), turn) + x)
        return self.norm_4(self.mlp(self.norm_3(x)) + x)


class Embedding(nn.Module):
    """A token's vector is the sum of those of what it says: whom it names, who sees, who is seen, who asks, how many looks."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.parts = nn.Parameter(torch.empty(len(SPECIALS) + 4 * len(NAMES) + HOPS, width))
        said = torch.zeros(len(VOCABULARY), len(self.parts))
        name, sees, seen, asks, looks = (len(SPECIALS) + i * len(NAMES) for i in range(5))
        said[range(len(SPECIALS)), range(len(SPECIALS))] = 1
        for a in range(len(NAMES)):
            said[FIRST_NAME + a, name + a] = 1
        for i, (a, b) in enumerate(SIGHTS):
            said[FIRST_SIGHT + i, [sees + a, seen + b]] = 1
        for i, (a, k) in enumerate(QUESTIONS):
            said[FIRST_QUESTION + i, [asks + a, looks + k - 1]] = 1
        self.register_buffer("said", said, persistent=False)

    @property
    def weight(self) -> Tensor:
        """[V,d]."""
        return self.said @ self.parts

    def forward(self, ids: Tensor) -> Tensor:
        return F.embedding(ids, self.weight)


class Reasoner(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        width = config.n_embd
        blocks = lambda count: nn.ModuleList([Block(config) for _ in range(count)])
        self.transformer = nn.ModuleDict(
            {
                "wte": Embedding(width),
                "prelude": blocks(config.n_layers_in_prelude),
                "adapter": nn.Linear(2 * width, width, bias=False),
                "core_block": blocks(config.n_layers_in_recurrent_block),
                "coda": blocks(config.n_layers_in_coda),
                "ln_f": Norm(width, config.norm_eps),
            }
        )
        self.lm_head = nn.Linear(width, config.vocab_size, bias=False)
        self.register_buffer("turn", rotation(config, config.block_size), persistent=False)
        depth = config.n_layers_in_prelude + config.n_layers_in_coda + config.n_layers_in_recurrent_block * config.mean_recurrence
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                last = name.endswith("proj.weight") or name.endswith("fc.weight")
                nn.init.trunc_normal_(parameter, std=config.std / (math.sqrt(2 * depth) if last else 1))

    def start(self, x: Tensor) -> Tensor:
        """s_0 [B,T,d]: normal, cut at three standard deviations."""
        std = self.config.std
        return nn.init.trunc_normal_(torch.empty_like(x), std=std, a=-3 * std, b=3 * std) * math.sqrt(self.config.n_embd)

    def prelude(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        turn = self.turn[:, : ids.shape[1]]
        x = self.transformer.wte(ids) * math.sqrt(self.config.n_embd)
        for block in self.transformer.prelude:
            x = block(x, turn)
        return x, turn

    def loop(self, state: Tensor, injected: Tensor, turn: Tensor) -> Tensor:
        state = self.transformer.adapter(torch.cat([state, injected], -1))
        for block in self.transformer.core_block:
            state = block(state, turn)
        return state

    def read(self, state: Tensor, turn: Tensor) -> Tensor:
        """Logits [B,T,V] of a state."""
        x = self.transformer.ln_f(state)
        for block in self.transformer.coda:
            x = block(x, turn)
        return self.lm_head(self.transformer.ln_f(x))

    def forward(self, ids: Tensor, loops: int) -> list[Tensor]:
        """The states [B,T,d] after each loop."""
        injected, turn = self.prelude(ids)
        states = [self.start(injected)]
        for _ in range(loops):
            states.append(self.loop(states[-1], injected, turn))
        return states[1:]

    def checkpoint(self) -> dict[str, Tensor]:
        """As the exporter reads one: the embedding is one table."""
        state = {name: value for name, value in self.state_dict().items() if not name.startswith("transformer.wte.")}
        return state | {"transformer.wte.weight": self.transformer.wte.weight.detach()}
