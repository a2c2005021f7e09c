"""A GPT-2 style decoder: pre-norm blocks, learned absolute positions, tied embedding. The state after the final norm is
what is fed back.

Shapes: B sequences, T new positions, P prompt positions, L blocks, width d, H heads of width c, vocabulary V.
"""

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vocabulary import FORM_OF_TOKEN, NAME_OF_TOKEN, NAMES, SPECIALS, Form

BLOCKED = -1e9


@dataclass(frozen=True)
class Shape:
    layers: int = 3
    width: int = 128
    heads: int = 3
    head_width: int = 64
    context: int = 160


@dataclass
class Cache:
    """Keys and values [B,H,P,c] of the prompt and of what came after it, per block. They are kept apart so that the
    long part is never copied."""

    prompt: list[tuple[Tensor, Tensor]]
    padding: Tensor  # [B,1,1,P] 0, or BLOCKED where a prompt slot is padding
    later: list[tuple[Tensor, Tensor]] = field(default_factory=list)


class Block(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width, inner = shape.width, shape.heads * shape.head_width
        self.heads, self.head_width = shape.heads, shape.head_width
        self.norm_attention = nn.LayerNorm(width)
        self.norm_mlp = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * inner)
        self.out = nn.Linear(inner, width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[B,T,d] to scaled queries, keys and values [B,H,T,c]."""
        batch, length, _ = x.shape
        heads = self.qkv(self.norm_attention(x)).view(batch, length, 3, self.heads, self.head_width)
        query, key, value = heads.permute(2, 0, 3, 1, 4).unbind(0)
        return query * (1 / math.sqrt(self.head_width)), key, value

    def keys_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values alone: all that a prompt needs of the last block."""
        batch, length, _ = x.shape
        inner = self.heads * self.head_width
        flat = F.linear(self.norm_attention(x), self.qkv.weight[inner:], self.qkv.bias[inner:])
        key, value = flat.view(batch, length, 2, self.heads, self.head_width).permute(2, 0, 3, 1, 4).unbind(0)
        return key.contiguous(), value.contiguous()

    def finish(self, x: Tensor, mixed: Tensor) -> Tensor:
        """Adds the attention's result [B,H,T,c] and the MLP to the residual stream."""
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.norm_mlp(x))))


class Decoder(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.name = nn.Parameter(torch.zeros(len(NAMES), shape.width))
        self.form = nn.Parameter(torch.zeros(len(Form), shape.width))
        self.special = nn.Parameter(torch.randn(len(SPECIALS), shape.width) * 0.08)
        self.position = nn.Parameter(torch.zeros(shape.context, shape.width))
        self.blocks = nn.ModuleList([Block(shape) for _ in range(shape.layers)])
        self.norm = nn.LayerNorm(shape.width)
        self.register_buffer("name_of_token", torch.tensor(NAME_OF_TOKEN), persistent=False)
        self.register_buffer("form_of_token", torch.tensor(FORM_OF_TOKEN), persistent=False)
        for label, parameter in self.blocks.named_parameters():
            if parameter.dim() == 2:
                depth = 1 / math.sqrt(2 * shape.layers) if (".out." in label or ".down." in label) else 1
                nn.init.normal_(parameter, 0, depth / math.sqrt(parameter.shape[1]))
            elif label.endswith("bias"):
                nn.init.zeros_(parameter)

    def table(self) -> Tensor:
        """The plain embedding [V,d]: a token is the sum of its name's and its form's vector."""
        return torch.cat([self.special, self.name[self.name_of_token] + self.form[self.form_of_token]])

    def prefill(self, x: Tensor, positions: Tensor, padding: Tensor) -> Cache:
        """Reads a prompt. x [B,P,d] embeddings without positions; positions [B,P]; padding [B,P] True where a slot is
        empty."""
        length = x.shape[1]
        x = x + F.embedding(positions, self.position)
        empty = padding.float()[:, None, None] * BLOCKED
        bias = torch.full((length, length), BLOCKED).triu(1) + empty
        cache = Cache([], empty)
        for block in self.blocks[:-1]:
            query, key, value = block.project(x)
            mixed = torch.softmax(query @ key.transpose(-1, -2) + bias, -1) @ value
            x = block.finish(x, mixed)
            cache.prompt.append((key.contiguous(), value.contiguous()))
        cache.prompt.append(self.blocks[-1].keys_values(x))
        return cache

    def extend(
        self, x: Tensor, positions: Tensor, cache: Cache, mask: Tensor | None = None, keep: int | None = None
    ) -> tuple[Tensor, Cache, list[Tensor]]:
        """Reads what comes after the prompt. x [B,T,d]; positions [B,T]; mask [T,T] 0 or BLOCKED among the new
        positions (causal if absent). Of the new positions only those from `keep` on stay in the cache (all if
        absent). Returns the normed states [B,T,d], the longer cache and the residual stream [B,T,d] at every site."""
        length = x.shape[1]
        x = x + F.embedding(positions, self.position)
        earlier = cache.later[0][0].shape[2] if cache.later else 0
        if mask is None:
            mask = torch.full((length, length), BLOCKED).triu(1)
        bias = F.pad(mask, (earlier, 0))
        longer = Cache(cache.prompt, cache.padding)
        sites = [x]
        for i, block in enumerate(self.blocks):
            query, key, value = block.project(x)
            kept = (key, value) if keep is None else (key[:, :, keep:], value[:, :, keep:])
            if cache.later:
                key = torch.cat([cache.later[i][0], key], 2)
                value = torch.cat([cache.later[i][1], value], 2)
                kept = (key, value)
            prompt_key, prompt_value = cache.prompt[i]
            scores = [query @ prompt_key.transpose(-1, -2) + cache.padding, query @ key.transpose(-1, -2) + bias]
            weights = torch.softmax(torch.cat(scores, -1), -1)
            split = prompt_key.shape[2]
            x = block.finish(x, weights[..., :split] @ prompt_value + weights[..., split:] @ value)
            longer.later.append(kept)
            sites.append(x)
        return self.norm(x), longer, sites
