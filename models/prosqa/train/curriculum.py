"""What is trained when: stages, each a number of steps with its problems, its thoughts and its learning rate."""

import math
from dataclasses import dataclass

from problems import PUBLISHED, SMALL, Size


@dataclass(frozen=True)
class Moment:
    """The settings of one step."""

    stage: str
    thoughts: int
    frontier: float  # share of the frontier target in a thought's loss; the rest is one random shortest path
    chain: float  # weight of the chain of thought's loss
    rate: float
    mixed_precision: bool


@dataclass(frozen=True)
class Stage:
    name: str
    size: Size
    steps: int
    thoughts: tuple[int, int]  # grows by one every `grow` steps
    grow: int
    frontier: float
    frontier_until: float  # share of the stage's steps
    chain: tuple[float, float]  # before and after `frontier_until`
    rate: float
    decay_from: float  # cosine from this share of the stage's steps to `FLOOR` of the rate
    warm_up: int = 200
    small: float = 0.0  # share of batches that are small problems instead
    exact_from: float = 1.0  # full precision from this share of the stage's steps

    def moment(self, step: int) -> Moment:
        done = step / self.steps
        thoughts = min(self.thoughts[1], self.thoughts[0] + step // self.grow)
        rate = self.rate * min(1.0, (step + 1) / self.warm_up)
        if done > self.decay_from:
            rate *= max(FLOOR, 0.5 * (1 + math.cos(math.pi * (done - self.decay_from) / (1 - self.decay_from))))
        early = done < self.frontier_until
        frontier, chain = (self.frontier, self.chain[0]) if early else (0.0, self.chain[1])
        return Moment(self.name, thoughts, frontier, chain, rate, done < self.exact_from)


FLOOR = 0.03
CHAIN = (2.5, 6.0)  # it is the slowest arm to learn


def stages(first: int, second: int, rate: float = 1e-3) -> list[Stage]:
    """Small problems first, then the published size."""
    return [
        Stage("small", SMALL, first, (1, 4), 200, 0.6, 1.0, CHAIN, rate, 0.6),
        Stage("published", PUBLISHED, second, (4, 6), 200, 0.6, 0.5, CHAIN, rate, 0.4, small=0.1, exact_from=0.9),
    ]
