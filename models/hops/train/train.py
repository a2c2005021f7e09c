"""Trains the model on final answers alone, on one thread: `python train.py OUT.safetensors`.

The number of looks grows with what is learnt, and the number of loops is drawn for every batch, not below the looks that are asked for.
"""

import argparse
import json
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from problems import HOPS, VOCABULARY, drawn
from reasoner import Config, Reasoner
from safetensors.torch import save_file

BATCH, ASKED = 96, 6
LEARNT = 0.94  # share of right answers from which one look more is asked for
SPARE = 5  # loops beyond the looks, at most


def train(out: Path, minutes: float, seed: int, rate: float) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    model = Reasoner(Config(len(VOCABULARY)))
    optimiser = torch.optim.AdamW(model.parameters(), rate, (0.9, 0.97), weight_decay=0.01)
    level, right, begun, log = 1, 0.0, time.process_time(), []
    step = 0
    while (spent := (time.process_time() - begun) / 60) < minutes:
        # Half of the questions ask for as many looks as are being learnt.
        hops = torch.randint(1, level + 1, (BATCH, ASKED), generator=random)
        hops = torch.where(torch.rand(BATCH, ASKED, generator=random) < 0.5, level, hops)
        ids, marks = drawn(BATCH, hops, random)
        loops = level + 1 + int(torch.randint(SPARE, (), generator=random))
        states = model(ids, loops)
        logits = model.read(states[-1], model.turn[:, : ids.shape[1]])[:, marks]
        loss = F.cross_entropy(logits.flatten(0, 1), ids[:, marks + 1].flatten())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        left = 1 - spent / minutes
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 100) * min(1, 5 * left)
        optimiser.step()
        hit = logits.argmax(-1) == ids[:, marks + 1]
        right = 0.95 * right + 0.05 * hit[hops == level].float().mean().item()
        if right > LEARNT and level < HOPS:
            level, right = level + 1, 0.0
        if step % 50 == 0:
            log.append({"step": step, "minutes": round(spent, 2), "level": level, "right": round(right, 3), "loss": round(loss.item(), 4)})
            print(json.dumps(log[-1]), flush=True)
            save_file(model.state_dict(), out)
        step += 1
    save_file(model.state_dict(), out)
    out.with_suffix(".jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=2e-3)
    train(**vars(parser.parse_args()))
