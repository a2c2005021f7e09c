"""Tunes the `cot` arm of a model folder by reinforcement learning on the answer alone, and measures the dialect.

    python reinforce.py --base .. --out ../../prosqa-rl --published PATH/TO/valid.json

For each prompt a group of chains is sampled at temperature 1. A chain's reward is 1 if the token after `<a>` is the
answer, less `--length` for every step: nothing looks at what the steps say. Its advantage is the reward less the
group's mean (GRPO without the division by the group's deviation, which would make the length term as large as the
answer wherever a whole group is right). Each batch is used once, so there is no ratio to clip. `--kl` times the KL
divergence from the frozen base, summed over the chain, is added to the loss; it is exact at every position, not
estimated from the token. Prompts are generated, fresh ones in every step; a run that was interrupted goes on from its
last checkpoint.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from chains import Chains, read_again, write
from dialect import observe
from intervals import estimate
from objectives import read
from pair import release
from problems import PUBLISHED, batch, draw_layout, generate
from restoration import prove, restore
from session import Session

CLIP = 1.0
SMOOTHING = 0.98
WARM_UP = 50
HELD_OUT = 500


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, default=Path(".."), help="the model folder to start from")
    parser.add_argument("--out", type=Path, default=Path("../../prosqa-rl"), help="the model folder to write")
    parser.add_argument("--published", type=Path, help="the published validation file; without it training only")
    parser.add_argument("--work", type=Path, default=Path("work"), help="checkpoints")
    parser.add_argument("--name", default="rl", help="of the checkpoint and the log")
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--prompts", type=int, default=16, help="prompts a step")
    parser.add_argument("--group", type=int, default=8, help="chains a prompt")
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--kl", type=float, default=0.02, help="of a nat of KL to the base, a chain")
    parser.add_argument("--length", type=float, default=0.02, help="of a step")
    parser.add_argument("--shuffled", action="store_true", help="the control: rewards change places within a group")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=500, help="steps between measurements and checkpoints")
    return parser.parse_args()


class Run:
    """One run: the tuned decoder, its frozen base, its optimiser, its log."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        arguments.work.mkdir(parents=True, exist_ok=True)
        self.checkpoint = arguments.work / f"{arguments.name}.pt"
        self.log = arguments.work / f"{arguments.name}.jsonl"
        self.rng = np.random.default_rng(arguments.seed)
        self.sampler = torch.Generator().manual_seed(arguments.seed)
        self.held_out = generate(HELD_OUT, PUBLISHED, 1000 * arguments.seed + 2)
        self.base = restore(arguments.base).requires_grad_(False)
        self.decoder = restore(arguments.base)
        self.optimiser = torch.optim.Adam(self.decoder.parameters(), lr=arguments.rate, betas=(0.9, 0.98))
        self.step, self.seconds = 0, 0.0
        self.means: dict[str, float] = {}
        if self.checkpoint.exists():
            self._resume()
        else:
            self.log.write_text("")
            settings = {k: v for k, v in vars(arguments).items() if not isinstance(v, Path)}
            restored = prove(self.decoder, Session(arguments.base))
            self._write({"settings": settings, "restored": restored, "measured": self._measure()})

    def _resume(self) -> None:
        saved = torch.load(self.checkpoint, weights_only=False)
        self.decoder.load_state_dict(saved["decoder"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.rng.bit_generator.state = saved["rng"]
        self.sampler.set_state(saved["sampler"])
        self.step, self.seconds, self.means = saved["step"], saved["seconds"], saved["means"]

    def _save(self) -> None:
        state = {
            "decoder": self.decoder.state_dict(),
            "shape": self.decoder.shape,
            "optimiser": self.optimiser.state_dict(),
            "rng": self.rng.bit_generator.state,
            "sampler": self.sampler.get_state(),
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

    def _measure(self) -> dict[str, dict]:
        return {name: estimate(count) for name, count in observe(self.decoder, self.base, self.held_out).items()}

    def _reward(self, chains: Chains, target: Tensor) -> Tensor:
        """[B,G]"""
        reward = (chains.answer == target[:, None]).float() - self.arguments.length * chains.steps
        if self.arguments.shuffled:
            reward = reward.gather(1, torch.rand(reward.shape, generator=self.sampler).argsort(1))
        return reward

    def _train_step(self) -> None:
        arguments = self.arguments
        for group in self.optimiser.param_groups:
            group["lr"] = arguments.rate * min(1.0, (self.step + 1) / WARM_UP)
        problems = generate(arguments.prompts, PUBLISHED, int(self.rng.integers(2**62)))
        asked = batch(problems, np.arange(len(problems)), draw_layout(problems, np.arange(len(problems)), self.rng))
        prompt, target = torch.from_numpy(asked.prompt), torch.from_numpy(asked.target)

        table = self.decoder.table()
        reading = read(self.decoder, table, prompt)
        chains = write(self.decoder, table, reading, arguments.group, self.sampler)
        reward = self._reward(chains, target)
        advantage = reward - reward.mean(1, keepdim=True)

        own = torch.log_softmax(read_again(self.decoder, table, reading, chains.tokens), -1)
        with torch.no_grad():
            base_table = self.base.table()
            base = read_again(self.base, base_table, read(self.base, base_table, prompt), chains.tokens)
            base = torch.log_softmax(base, -1)
        used = chains.within(chains.length)
        logp = (own.gather(-1, chains.tokens[..., None])[..., 0] * used).sum(-1)
        kl = ((own.exp() * (own - base)).sum(-1) * used).sum(-1)
        loss = (arguments.kl * kl - advantage * logp).mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.decoder.parameters(), CLIP)
        self.optimiser.step()
        seen = {
            "right": (chains.answer == target[:, None]).float().mean(),
            "steps": chains.steps.float().mean(),
            "kl": kl.detach().mean(),
        }
        for name, value in seen.items():
            self.means[name] = SMOOTHING * self.means.get(name, float(value)) + (1 - SMOOTHING) * float(value)

    def train(self) -> None:
        while self.step < self.arguments.steps:
            began = time.process_time()
            self._train_step()
            self.seconds += time.process_time() - began
            self.step += 1
            if self.step % self.arguments.every == 0 or self.step == self.arguments.steps:
                self._save()
                means = {name: round(value, 4) for name, value in self.means.items()}
                record = {"step": self.step, "cpu_minutes": round(self.seconds / 60, 2), "sampled": means}
                self._write(record | {"measured": self._measure()})


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    run = Run(arguments)
    run.train()
    if arguments.published is not None:
        release(run.checkpoint, arguments.base, arguments.out, arguments.published, [])


if __name__ == "__main__":
    main()
