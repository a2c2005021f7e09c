"""Trains the model on one thread: `python train.py OUT.safetensors`. Two stages:

Answers: asked for the answer after the last loop only; one look more is asked for when those before it are learnt. What comes of it takes several
looks in one loop, so that more loops change little.
Walk: after loop i it is asked for whom one arrives at after i looks, or after all that the question asks for where those are fewer. So every loop
becomes one look, and what is found stays.

The number of loops is drawn for every batch.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from problems import FIRST_NAME, HOPS, NAMES, VOCABULARY, drawn
from reasoner import Config, Reasoner
from safetensors.torch import load_file, save_file
from torch import Tensor

BATCH, ASKED = 96, 6
RATE = 2e-3
LEARNT = 0.97  # share of right answers from which one look more is asked for
SPARE = 5  # loops beyond the most looks, at most


def walked(ids: Tensor, marks: Tensor, hops: Tensor, loops: int) -> Tensor:
    """[loops,B,Q]: the name after min(i, looks) looks, for i = 1..loops."""
    count = len(NAMES)
    sees = torch.zeros(len(ids), count, dtype=torch.int64)
    sights = ids[:, : marks[0]] - FIRST_NAME - count
    who, rest = sights // (count - 1), sights % (count - 1)
    sees.scatter_(1, who, rest + (rest >= who).long())
    here = (ids[:, marks] - FIRST_NAME - count * count) // HOPS
    found = []
    for i in range(loops):
        here = torch.where(i < hops, sees.gather(1, here), here)
        found.append(FIRST_NAME + here)
    return torch.stack(found)


class Training:
    """The model, its optimiser, and how well it does."""

    def __init__(self, seed: int, start: Path | None) -> None:
        torch.manual_seed(seed)
        self.random = torch.Generator().manual_seed(seed)
        self.model = Reasoner(Config(len(VOCABULARY)))
        if start:
            self.model.load_state_dict(load_file(start))
        self.log: list[dict] = []
        self.level, self.right = 1, 0.0

    def answers(self) -> Tensor:
        """Half of the questions ask for as many looks as are being learnt."""
        hops = torch.randint(1, self.level + 1, (BATCH, ASKED), generator=self.random)
        hops = torch.where(torch.rand(BATCH, ASKED, generator=self.random) < 0.5, self.level, hops)
        ids, marks = drawn(BATCH, hops, self.random)
        states = self.model(ids, self.level + 1 + int(torch.randint(SPARE, (), generator=self.random)))
        logits = self.model.read(states[-1], self.model.turn[:, : ids.shape[1]])[:, marks]
        answer = ids[:, marks + 1]
        hit = (logits.argmax(-1) == answer)[hops == self.level].float().mean().item()
        self.right = 0.95 * self.right + 0.05 * hit
        if self.right > LEARNT and self.level < HOPS:
            self.level, self.right = self.level + 1, 0.0
        return F.cross_entropy(logits.flatten(0, 1), answer.flatten())

    def walk(self) -> Tensor:
        hops = torch.randint(1, HOPS + 1, (BATCH, ASKED), generator=self.random)
        ids, marks = drawn(BATCH, hops, self.random)
        loops = HOPS + 1 + int(torch.randint(SPARE, (), generator=self.random))
        targets = walked(ids, marks, hops, loops)
        turn = self.model.turn[:, : ids.shape[1]]
        logits = torch.stack([self.model.read(state, turn)[:, marks] for state in self.model(ids, loops)])
        self.right = 0.95 * self.right + 0.05 * (logits.argmax(-1) == targets).float().mean().item()
        return F.cross_entropy(logits.flatten(0, 2), targets.flatten())

    def stage(self, name: str, minutes: float) -> Iterator[dict]:
        """What is logged, every 25 steps."""
        optimiser = torch.optim.AdamW(self.model.parameters(), RATE, (0.9, 0.97), weight_decay=0.01)
        self.right, begun, step = 0.0, time.process_time(), 0
        while (spent := (time.process_time() - begun) / 60) < minutes:
            for group in optimiser.param_groups:
                group["lr"] = RATE * min(1, (step + 1) / 100) * min(1, 3 * (1 - spent / minutes))
            loss = self.answers() if name == "answers" else self.walk()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            optimiser.step()
            if step % 25 == 0:
                looks = {"looks": self.level} if name == "answers" else {}
                self.log.append({"stage": name, "step": step, "minutes": round(spent, 2), **looks, "right": round(self.right, 3), "loss": round(loss.item(), 4)})
                yield self.log[-1]
            step += 1


def train(out: Path, answers: float, walk: float, seed: int, start: Path | None) -> None:
    torch.set_num_threads(1)
    training = Training(seed, start)
    for name, minutes in (("answers", 0 if start else answers), ("walk", walk)):
        for line in training.stage(name, minutes):
            print(json.dumps(line), flush=True)
            save_file(training.model.state_dict(), out)
    save_file(training.model.state_dict(), out)
    out.with_suffix(".jsonl").write_text("".join(json.dumps(line) + "\n" for line in training.log))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--answers", type=float, default=5.8, help="CPU minutes")
    parser.add_argument("--walk", type=float, default=3.5, help="CPU minutes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=Path, help="a checkpoint that the first stage ended with")
    train(**vars(parser.parse_args()))
