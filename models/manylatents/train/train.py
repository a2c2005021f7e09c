"""Trains one model (about 11 minutes of one CPU core for 5,000 updates):

    pip install -r requirements.txt
    python train.py main --seed 1
    python train.py pause --seed 1 --steps 6500
    python train.py sharp --seed 1 --from work/main-1.pt --steps 2000

Every problem is drawn from the seed. A run that was interrupted goes on from its last checkpoint; `release.py` makes the
model folders from the checkpoints.
"""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

import torch
from curriculum import Ladder, batch, longest, noise, rate, up_to
from objective import loss
from reasoner import Kind, Reasoner
from walker import draw

WEIGHT_DECAY = 0.02
CLIP = 1.0
SMOOTHING = 0.97
EVERY = 100  # updates between records and checkpoints
DRAW_SEED = 1000  # + the run's: evaluation uses others


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["main", "pause", "sharp", "sharp-scratch"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--from", dest="start", type=Path, help="the checkpoint whose weights it starts from")
    parser.add_argument("--work", type=Path, default=Path("work"))
    return parser.parse_args()


class Run:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        arguments.work.mkdir(parents=True, exist_ok=True)
        name = f"{arguments.kind}-{arguments.seed}"
        self.checkpoint, self.log = arguments.work / f"{name}.pt", arguments.work / f"{name}.jsonl"
        torch.manual_seed(arguments.seed)
        self.generator = torch.Generator().manual_seed(DRAW_SEED + arguments.seed)
        self.model = Reasoner(Kind(pause=arguments.kind == "pause"))
        if arguments.start is not None:
            self.model.load_state_dict(torch.load(arguments.start, weights_only=False)["model"])
        matrices = [p for p in self.model.parameters() if p.dim() > 1]
        vectors = [p for p in self.model.parameters() if p.dim() <= 1]
        groups = [{"params": matrices, "weight_decay": WEIGHT_DECAY}, {"params": vectors, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=arguments.rate, betas=(0.9, 0.98), fused=True)
        self.ladder = Ladder()
        self.step, self.seconds, self.problems, self.positions = 0, 0.0, 0, 0
        self.means: dict[str, float] = {}
        if self.checkpoint.exists():
            self._resume()
        else:
            settings = {k: v for k, v in vars(arguments).items() if not isinstance(v, Path)}
            self.log.write_text("")
            self._write({"settings": settings, "parameters": sum(p.numel() for p in self.model.parameters())})

    def _resume(self) -> None:
        saved = torch.load(self.checkpoint, weights_only=False)
        self.model.load_state_dict(saved["model"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.generator.set_state(saved["generator"])
        torch.set_rng_state(saved["torch_rng"])
        self.ladder = Ladder(**saved["ladder"])
        self.step, self.seconds, self.means = saved["step"], saved["seconds"], saved["means"]
        self.problems, self.positions = saved["problems"], saved["positions"]

    def _save(self) -> None:
        state = {
            "kind": self.arguments.kind,
            "seed": self.arguments.seed,
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
            "torch_rng": torch.get_rng_state(),
            "ladder": asdict(self.ladder),
            "step": self.step,
            "seconds": self.seconds,
            "means": self.means,
            "problems": self.problems,
            "positions": self.positions,
        }
        partial = self.checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.checkpoint)

    def _write(self, record: dict) -> None:
        with self.log.open("a") as file:
            file.write(json.dumps(record) + "\n")

    def _moves(self, progress: float) -> int:
        if self.arguments.kind == "pause":
            return self.ladder.draw(progress, self.generator)
        return up_to(longest(1.0 if self.arguments.kind == "sharp" else progress), self.generator)

    def _update(self) -> None:
        arguments, progress = self.arguments, self.step / self.arguments.steps
        moves = self._moves(progress)
        problems = draw(batch(moves), moves, self.generator)
        for group in self.optimiser.param_groups:
            group["lr"] = rate(arguments.rate, self.step, arguments.steps)
        pause = arguments.kind == "pause"
        helped = pause and self.ladder.helped(progress)
        total, figures = loss(self.model, problems, noise(arguments.kind, progress), helped)
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.optimiser.step()
        self.step += 1
        self.problems += len(problems)
        self.positions += len(problems) * moves
        if pause and not helped:
            self.ladder.learn(self.step, moves, figures["last_right"])
        for name, value in figures.items():
            self.means[name] = SMOOTHING * self.means.get(name, value) + (1 - SMOOTHING) * value

    def train(self) -> None:
        while self.step < self.arguments.steps:
            began = time.process_time()
            self._update()
            self.seconds += time.process_time() - began
            if self.step % EVERY == 0 or self.step == self.arguments.steps:
                self._save()
                record = {"step": self.step, "cpu_minutes": round(self.seconds / 60, 2)}
                record |= {"ladder": self.ladder.moves} if self.arguments.kind == "pause" else {}
                self._write(record | {name: round(value, 4) for name, value in self.means.items()})


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    Run(arguments).train()


if __name__ == "__main__":
    main()
