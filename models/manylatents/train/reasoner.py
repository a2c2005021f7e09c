"""The model: a small decoder that thinks in latents narrower than itself, one per move. Latent i is sampled from the hidden
state by a denoising head and fed back at the next position with that position's own token:

    input of latent i = latent_token[i] + W_in z[i-1]        z[i] = head(hidden state i, noise i)

A latent has two parts: a learnt code of the room, and the heading on a circle. What stands for the state after i moves is
read out at every latent with the unembedding of the answer, so the model may stop after any of them.

Shapes: B sequences, T positions, N latents, width d, latent width w, hidden state = after the final norm.
"""

import math
from dataclasses import dataclass

import neighbour  # noqa: F401
import torch
import torch.nn.functional as F
from model import Block, Shape
from torch import Tensor, nn
from walker import HEADINGS, LATENTS, MOVES, ROOMS, SLOTS, TURNS
from words import FIRST_PLACE, PLACES, PROGRAM, RULES, SPECIALS

CODE = 16  # the latent's first dimensions: the room
ANGLE = 2  # its last: the heading
WIDTH = CODE + ANGLE
RADIUS = 2.0  # of the circle
EULER = 4  # steps of the denoiser
SHAPE = Shape(layers=3, width=128, heads=4, head_width=32, context=192)


Cache = list[tuple[Tensor, Tensor]]  # keys and values [B,H,P,c] per block


@dataclass(frozen=True)
class Kind:
    """What distinguishes the models: the twin has no latents."""

    pause: bool = False


class Denoiser(nn.Module):
    """The velocity v(x_t, t | hidden) of a flow from noise (t = 0) to a latent (t = 1)."""

    FREQUENCIES = 8

    def __init__(self, width: int, inner: int = 192, blocks: int = 2) -> None:
        super().__init__()
        self.noisy, self.condition = nn.Linear(WIDTH, inner), nn.Linear(width, inner)
        self.time = nn.Linear(2 * self.FREQUENCIES, inner)
        self.norms = nn.ModuleList([nn.LayerNorm(inner) for _ in range(blocks)])
        self.ups = nn.ModuleList([nn.Linear(inner, 2 * inner) for _ in range(blocks)])
        self.downs = nn.ModuleList([nn.Linear(2 * inner, inner) for _ in range(blocks)])
        self.velocity = nn.Linear(inner, WIDTH)
        frequencies = 2.0 ** torch.arange(self.FREQUENCIES) * math.pi / 4
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, x: Tensor, time: Tensor, hidden: Tensor) -> Tensor:
        """x [...,w]; time [...,1] in 0..1; hidden [...,d]."""
        angle = time * self.frequencies
        y = self.noisy(x) + self.condition(hidden) + self.time(torch.cat([angle.sin(), angle.cos()], -1))
        for norm, up, down in zip(self.norms, self.ups, self.downs, strict=True):
            y = y + down(F.silu(up(norm(y))))
        return self.velocity(y)

    def sample(self, hidden: Tensor, noise: Tensor, steps: int = EULER) -> Tensor:
        """Noise [...,w] to a latent in `steps` equal Euler steps."""
        x = noise
        for step in range(steps):
            time = torch.full_like(x[..., :1], step / steps)
            x = x + self.forward(x, time, hidden) / steps
        return x


class Scaffold(nn.Module):
    """Readouts for the twin's training only: what a latent has in its input, read where a dummy could have it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        state = ROOMS + len(HEADINGS)
        self.start = nn.Linear(width, state)  # first block's output
        self.move_before = nn.Linear(width, MOVES)  # likewise: the move before the one that is due
        self.state_before = nn.Linear(width, state)  # second block's output: the state before the last move
        self.reached = nn.Linear(width, state)  # likewise: the state after it, where the one before was given


class Reasoner(nn.Module):
    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind, self.shape = kind, SHAPE
        width = SHAPE.width
        self.special = nn.Parameter(torch.zeros(len(SPECIALS), width))
        self.room, self.heading = nn.Parameter(torch.zeros(ROOMS, width)), nn.Parameter(torch.zeros(len(HEADINGS), width))
        self.source, self.target = nn.Parameter(torch.zeros(ROOMS, width)), nn.Parameter(torch.zeros(ROOMS, width))
        self.turn, self.move = nn.Parameter(torch.zeros(len(TURNS), width)), nn.Parameter(torch.zeros(MOVES, width))
        self.slot = nn.Parameter(torch.zeros(SLOTS, width))
        self.latent_token = nn.Parameter(torch.zeros(LATENTS + 1, width))  # [0] is the embedding of `<latent>`
        self.blocks = nn.ModuleList([Block(SHAPE) for _ in range(SHAPE.layers)])
        self.norm = nn.LayerNorm(width)
        self.answer_special = nn.Linear(width, len(SPECIALS))
        self.answer_room, self.answer_heading = nn.Linear(width, ROOMS), nn.Linear(width, len(HEADINGS))
        self.compass = nn.Linear(width, 2)  # training only: cosine and sine of the heading
        self.due = nn.Linear(width, MOVES)  # training only, on the first block's output: the move that the program asks for
        self.code = nn.Parameter(torch.randn(ROOMS, CODE))
        self.recover = nn.Linear(CODE, ROOMS)  # training only: the room from its noisy code
        self.latent_in = nn.Linear(WIDTH, width, bias=False)
        if kind.pause:  # which needs the three above for a part of its training only
            self.fetched = Scaffold(width)
        else:
            self.denoiser = Denoiser(width)
        self._start()

    @torch.no_grad()
    def _start(self) -> None:
        """A latent token starts as its program slot's vector."""
        width = SHAPE.width
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2 and name != "code":
                nn.init.normal_(parameter, 0, 0.05 if "denoiser" in name else 0.02)
            if name.startswith("blocks") and name.endswith((".out.weight", ".down.weight")):
                nn.init.normal_(parameter, 0, 0.02 / math.sqrt(2 * SHAPE.layers))
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)
        for table in (self.special, self.room, self.heading, self.source, self.target, self.turn, self.move, self.slot):
            nn.init.normal_(table, 0, 0.3)
        base = torch.randn(width) * 0.3
        for i in range(LATENTS + 1):
            self.latent_token[i] = base + 0.02 * torch.randn(width) + (self.slot[(i - 1) % SLOTS] if i else 0)
        nn.init.normal_(self.latent_in.weight, 0, 0.08)

    def table(self) -> Tensor:
        """The plain embedding [V,d]: a token is the sum of the vectors of what it mentions."""
        special = torch.cat([self.special[:2], self.latent_token[:1], self.special[3:]])
        place, rule, slot = torch.tensor(PLACES), torch.tensor(RULES), torch.tensor(PROGRAM)
        return torch.cat(
            [
                special,
                self.room[place[:, 0]] + self.heading[place[:, 1]],
                self.move[rule[:, 0]] + self.source[rule[:, 1]] + self.target[rule[:, 2]] + self.turn[rule[:, 3]],
                self.slot[slot[:, 0]] + self.move[slot[:, 1]],
            ]
        )

    def codes(self) -> Tensor:
        """[ROOMS,CODE], each of unit mean square."""
        return F.rms_norm(self.code, (CODE,), eps=1e-6)

    def encode(self, room: Tensor, radians: Tensor) -> Tensor:
        """The mean latent [...,w] of a state."""
        return torch.cat([self.codes()[room], RADIUS * torch.stack([radians.cos(), radians.sin()], -1)], -1)

    def feed(self, step: int, latent: Tensor | None) -> Tensor:
        """The input [B,1,d] or [1,1,d] of position `step`, from latent step-1 [B,w]."""
        token = self.latent_token[step][None, None]
        return token if latent is None else token + self.latent_in(latent)[:, None]

    def run(
        self, x: Tensor, past: Cache | None = None, late: Tensor | None = None
    ) -> tuple[Tensor, Cache, list[Tensor]]:
        """x [B,T,d] to hidden states [B,T,d], the cache, and the residual stream [B,T,d] at every site. T is 1 where there
        is a past. `late` [B,T,d] is added before the last block."""
        cache, sites = [], [x]
        for i, block in enumerate(self.blocks):
            if late is not None and i + 1 == len(self.blocks):
                x = x + late
            query, key, value = block.project(x)
            if past is not None:
                key, value = torch.cat([past[i][0], key], 2), torch.cat([past[i][1], value], 2)
            cache.append((key, value))
            x = block.finish(x, F.scaled_dot_product_attention(query, key, value, is_causal=past is None, scale=1.0))
            sites.append(x)
        return self.norm(x), cache, sites

    def answers(self, hidden: Tensor) -> Tensor:
        """Logits [...,FIRST_PLACE+PLACES] of the tokens that can be an answer: a place's is the sum of its room's and
        its heading's log-probabilities."""
        room = self.answer_room(hidden)
        heading = self.answer_heading(hidden)
        place = (room[..., :, None] + heading[..., None, :]).flatten(-2)
        assert place.shape[-1] == len(PLACES) and FIRST_PLACE == len(SPECIALS)
        return torch.cat([self.answer_special(hidden), place], -1)
