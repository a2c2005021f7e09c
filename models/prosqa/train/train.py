"""Trains, exports and measures a model folder, in one command (about half an hour of one CPU core):

    pip install -r requirements.txt
    python train.py --out .. --published PATH/TO/valid.json            # the model
    python train.py --out ../../prosqa-pause --pause --published …     # its twin without recurrence

`valid.json` is the published validation file of ProsQA (github.com/facebookresearch/coconut, data/prosqa_valid.json).
It is read for the figures in the card and for the parity check, never for training. Everything else is generated from
the seed. A run that was interrupted goes on from its last checkpoint.
"""

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
import torch

from arms import accuracy
from construction import sharpen, untrained
from curriculum import Stage, stages
from model import Shape
from objectives import losses
from problems import PUBLISHED, SMALL, Problems, batch, draw_layout, generate
from release import release

SHARPEN = 1.3
BUCKET = 4  # batches are drawn from windows of 4 batches of similar length
OFFSETS = 16  # half of the prompts start at a random position up to here
WEIGHT_DECAY = 0.01
CLIP = 1.0
SMOOTHING = 0.98


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(".."), help="the model folder to write")
    parser.add_argument("--published", type=Path, help="the published validation file; without it training only")
    parser.add_argument("--fixture", type=Path, help="where to write the parity fixture of the engine's tests")
    parser.add_argument("--work", type=Path, default=Path("work"), help="generated problems and checkpoints")
    parser.add_argument("--pause", action="store_true", help="the twin: dummy tokens instead of fed-back states")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument(
        "--steps", type=int, nargs=2, default=(1600, 13_000), help="steps on small and on published-size problems"
    )
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--problems", type=int, default=150_000, help="generated problems of published size")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=1000, help="steps between measurements and checkpoints")
    return parser.parse_args()


class Pool:
    """Generated problems, drawn in batches of similar length. `held_out` are never drawn."""

    def __init__(self, name: str, count: int, seed: int, work: Path, rng: np.random.Generator) -> None:
        size = {"published": PUBLISHED, "small": SMALL}[name]
        self.problems = self._cached(
            work / f"{name}-{count}-{seed}.npz", lambda: generate(count, size, 1000 * seed + 1)
        )
        self.held_out = generate(500, size, 1000 * seed + 2)
        self.order = np.argsort(self.problems.facts + rng.random(len(self.problems)))

    @staticmethod
    def _cached(path: Path, make) -> Problems:
        if not path.exists():
            partial = path.with_suffix(f".{os.getpid()}.npz")
            make().save(partial)
            partial.replace(path)
        return Problems.load(path)

    def draw(self, count: int, rng: np.random.Generator):
        start = int(rng.integers(0, len(self.order) - BUCKET * count))
        index = rng.choice(self.order[start : start + BUCKET * count], count, replace=False)
        return batch(self.problems, index, draw_layout(self.problems, index, rng))


class Run:
    """One training run: its model, its optimiser, its place in the curriculum, its log."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.name = "pause" if arguments.pause else "latent"
        arguments.work.mkdir(parents=True, exist_ok=True)
        self.checkpoint = arguments.work / f"{self.name}.pt"
        self.log = arguments.work / f"{self.name}.jsonl"
        self.rng = np.random.default_rng(arguments.seed)
        self.pools = {
            "small": Pool("small", 30_000, arguments.seed, arguments.work, self.rng),
            "published": Pool("published", arguments.problems, arguments.seed, arguments.work, self.rng),
        }
        self.decoder = untrained(Shape(layers=arguments.layers), arguments.seed)
        matrices = [p for p in self.decoder.parameters() if p.dim() >= 2]
        vectors = [p for p in self.decoder.parameters() if p.dim() < 2]
        groups = [{"params": matrices, "weight_decay": WEIGHT_DECAY}, {"params": vectors, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=arguments.rate, betas=(0.9, 0.98))
        self.step, self.seconds = 0, 0.0
        self.means: dict[str, float] = {}
        if self.checkpoint.exists():
            self._resume()
        else:
            self.log.write_text("")
            parameters = sum(p.numel() for p in self.decoder.parameters())
            settings = {k: v for k, v in vars(arguments).items() if not isinstance(v, Path)}
            self._write({"settings": settings, "parameters": parameters, "untrained": self._measure("published")})

    def _resume(self) -> None:
        saved = torch.load(self.checkpoint, weights_only=False)
        self.decoder.load_state_dict(saved["decoder"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.rng.bit_generator.state = saved["rng"]
        torch.set_rng_state(saved["torch_rng"])
        self.step, self.seconds, self.means = saved["step"], saved["seconds"], saved["means"]

    def _save(self) -> None:
        state = {
            "decoder": self.decoder.state_dict(),
            "shape": self.decoder.shape,
            "optimiser": self.optimiser.state_dict(),
            "rng": self.rng.bit_generator.state,
            "torch_rng": torch.get_rng_state(),
            "step": self.step,
            "seconds": self.seconds,
            "means": self.means,
        }
        partial = self.checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.checkpoint)

    def _write(self, record: dict) -> None:
        with self.log.open("a") as file:
            file.write(json.dumps(record) + "\n")
        print(json.dumps(record), flush=True)

    def _measure(self, pool: str) -> dict[str, float]:
        return accuracy(self.decoder, self.pools[pool].held_out, self.arguments.pause)

    def _train_step(self, stage: Stage, step: int) -> None:
        moment, rng, count = stage.moment(step), self.rng, self.arguments.batch
        for group in self.optimiser.param_groups:
            group["lr"] = moment.rate
        pool = "small" if stage.size is SMALL or rng.random() < stage.small else "published"
        problems = self.pools[pool].draw(count, rng)
        thoughts = moment.thoughts if rng.random() < 0.8 else int(rng.integers(1, moment.thoughts + 1))
        offset = torch.from_numpy(rng.integers(0, OFFSETS + 1, count) * (rng.random(count) < 0.5))
        with torch.autocast("cpu", torch.bfloat16, enabled=moment.mixed_precision):
            terms = losses(self.decoder, problems, thoughts, moment.frontier, self.arguments.pause, offset)
            loss = sum((moment.chain if name == "cot" else 1.0) * term for name, term in terms.items())
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.decoder.parameters(), CLIP)
        self.optimiser.step()
        for name, term in terms.items():
            value = float(term.detach())
            self.means[name] = SMOOTHING * self.means.get(name, value) + (1 - SMOOTHING) * value

    def train(self) -> None:
        plan = stages(*self.arguments.steps, self.arguments.rate)
        first = 0
        for stage in plan:
            if stage.name == "published" and self.step == first:
                sharpen(self.decoder, SHARPEN)
            for step in range(self.step - first, stage.steps):
                began = time.process_time()
                self._train_step(stage, step)
                self.seconds += time.process_time() - began
                self.step += 1
                if self.step % self.arguments.every == 0 or step + 1 == stage.steps:
                    self._save()
                    means = {name: round(value, 3) for name, value in self.means.items()}
                    record = {"step": self.step, "cpu_minutes": round(self.seconds / 60, 2), "stage": stage.name}
                    record |= {
                        "thoughts": stage.moment(step).thoughts,
                        "loss": means,
                        "accuracy": self._measure(stage.name),
                    }
                    self._write(record)
            first += stage.steps


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    run = Run(arguments)
    run.train()
    if arguments.published is not None:
        release(run.checkpoint, arguments.out, arguments.published, arguments.pause, arguments.fixture)


if __name__ == "__main__":
    main()
