"""How long the chains of one update are, and how noisy the latents that they are made of."""

import math
from dataclasses import dataclass, field

from torch import Generator, rand, randint
from walker import LATENTS
from words import PROMPT

TOKENS = 1300  # positions of one update
WARM_UP = 100
SHORT, LONG_FROM, LONG_AT = 16, 0.25, 0.6  # longest chain at first; it grows between these shares of the run
NOISE, SHARP_NOISE = 0.6, 0.05  # of the code part, whose mean square is 1
SHARP_AT = 0.5


def batch(moves: int) -> int:
    return max(8, TOKENS // (PROMPT + moves + 2))


def rate(peak: float, step: int, steps: int) -> float:
    return peak * min(1, step / WARM_UP) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps)))


def longest(progress: float) -> int:
    grown = (progress - LONG_FROM) / (LONG_AT - LONG_FROM)
    return int(SHORT + (LATENTS - SHORT) * min(1.0, max(0.0, grown)))


def up_to(most: int, generator: Generator) -> int:
    """Moves of one update: often the most, else any number."""
    return most if rand(1, generator=generator) < 0.4 else int(randint(1, most + 1, (1,), generator=generator))


def noise(kind: str, progress: float) -> float:
    """The sharp model starts from the main one's weights and noise, which falls by a constant factor per update."""
    if kind == "sharp-scratch":
        return SHARP_NOISE
    return NOISE * (SHARP_NOISE / NOISE) ** min(1.0, progress / SHARP_AT) if kind == "sharp" else NOISE


@dataclass
class Ladder:
    """The twin's curriculum. At first it is helped (`objective.loss`) on short chains; then it is asked for one move, and for
    one more whenever the last one is right often enough. In the last quarter of the run a quarter of the updates have chains of any
    length, because that is what it is asked in the end."""

    moves: int = 1
    right: float = 0.0  # smoothed share of right rooms after the last move, of updates with the most moves
    updates: int = 0  # with the present most
    history: list[tuple[int, int]] = field(default_factory=list)  # (update, most moves from there on)

    ENOUGH, SMOOTHING, AT_LEAST = 0.95, 0.95, 100
    HELPED, LONG_AFTER, LONG_SHARE = 0.45, 0.75, 0.25  # shares of the run; of its updates

    def helped(self, progress: float) -> bool:
        return progress < self.HELPED

    def draw(self, progress: float, generator: Generator) -> int:
        if self.helped(progress):
            return up_to(SHORT, generator)
        if progress > self.LONG_AFTER and rand(1, generator=generator) < self.LONG_SHARE:
            return int(randint(1, LATENTS + 1, (1,), generator=generator))
        return up_to(self.moves, generator)

    def learn(self, step: int, moves: int, right: float) -> None:
        if moves != self.moves:
            return
        self.updates += 1
        self.right = self.SMOOTHING * self.right + (1 - self.SMOOTHING) * right
        if self.right > self.ENOUGH and self.updates >= self.AT_LEAST and self.moves < LATENTS:
            self.moves, self.right, self.updates = self.moves + 1, 0.0, 0
            self.history.append((step, self.moves))
