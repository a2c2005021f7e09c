"""Trains the model on one thread: `python train.py OUT.safetensors`.

After loop i it is asked for whom one arrives at after as many looks, or after all that the question asks for where those are fewer: so every
loop is one look, and what is found stays. The number of loops is drawn for every batch.
"""

import argparse
import json
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from problems import FIRST_NAME, HOPS, NAMES, VOCABULARY, drawn
from reasoner import Config, Reasoner
from safetensors.torch import save_file
from torch import Tensor

BATCH, ASKED = 96, 6
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


def train(out: Path, minutes: float, seed: int, rate: float) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    model = Reasoner(Config(len(VOCABULARY)))
    optimiser = torch.optim.AdamW(model.parameters(), rate, (0.9, 0.97), weight_decay=0.01)
    right, begun, log = 0.0, time.process_time(), []
    step = 0
    while (spent := (time.process_time() - begun) / 60) < minutes:
        hops = torch.randint(1, HOPS + 1, (BATCH, ASKED), generator=random)
        ids, marks = drawn(BATCH, hops, random)
        loops = HOPS + 1 + int(torch.randint(SPARE, (), generator=random))
        targets = walked(ids, marks, hops, loops)
        turn = model.turn[:, : ids.shape[1]]
        logits = torch.stack([model.read(state, turn)[:, marks] for state in model(ids, loops)])
        loss = F.cross_entropy(logits.flatten(0, 2), targets.flatten())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 100) * min(1, 4 * (1 - spent / minutes))
        optimiser.step()
        right = 0.95 * right + 0.05 * (logits[-1].argmax(-1) == ids[:, marks + 1]).float().mean().item()
        if step % 25 == 0:
            log.append({"step": step, "minutes": round(spent, 2), "right": round(right, 3), "loss": round(loss.item(), 4)})
            print(json.dumps(log[-1]), flush=True)
            save_file(model.state_dict(), out)
        step += 1
    save_file(model.state_dict(), out)
    out.with_suffix(".jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=2e-3)
    train(**vars(parser.parse_args()))
