"""Latent thoughts in PyTorch with a cache of keys and values, for the bench: `python latents.py THREADS coconut CHECKPOINT` or
`python latents.py THREADS denoiser`, the second a random model of the shape of `models/manylatents`.

Each line of stdin is how many thoughts follow the prompt; each line of stdout the CPU seconds and wall seconds that they took.
"""

import json
import os
import sys
import time
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "models/manylatents/train"))

import torch

PROMPT, MOST = 16, 512


class Coconut:
    """The state after the final norm is the next input (arXiv 2412.06769). The vocabulary is never computed."""

    def __init__(self, checkpoint: str) -> None:
        from transformers import AutoModel

        self.model = AutoModel.from_pretrained(checkpoint, dtype=torch.float32).eval()
        self.static = False
        self.static = min((False, True), key=self.trial)
        self.model.set_attn_implementation(min(("sdpa", "eager"), key=lambda one: self.trial(self.static, one)))

    def trial(self, static: bool, attention: str = "sdpa") -> float:
        """Which way is the fastest here; the others are not used again."""
        self.static = static
        self.model.set_attn_implementation(attention)
        return min(self.run(32)[0] for _ in range(2))

    def run(self, count: int) -> tuple[float, float]:
        from transformers import DynamicCache, StaticCache

        cache = StaticCache(config=self.model.config, max_cache_len=PROMPT + count) if self.static else DynamicCache()
        positions = torch.arange(PROMPT + count)
        place = (lambda start, end: {"cache_position": positions[start:end]}) if self.static else (lambda *_: {})
        ids = torch.arange(PROMPT)[None] * 7
        state = self.model(ids, past_key_values=cache, use_cache=True, **place(0, PROMPT)).last_hidden_state[:, -1:]
        clock = Clock()
        for i in range(count):
            at = PROMPT + i
            state = self.model(inputs_embeds=state, past_key_values=cache, use_cache=True, **place(at, at + 1)).last_hidden_state
        return clock.read()


class Sampled:
    """Each latent is sampled from noise by the denoising head, in as many steps as in its own rollout, and fed with its token."""

    def __init__(self) -> None:
        from reasoner import SHAPE, WIDTH, Kind, Reasoner
        from words import SIZE

        torch.manual_seed(0)
        self.model, self.width, self.vocabulary, self.context = Reasoner(Kind()).eval(), WIDTH, SIZE, SHAPE.context

    def run(self, count: int) -> tuple[float, float]:
        model = self.model
        table, noise = model.table(), torch.randn(count, 1, self.width)
        ids = torch.arange(PROMPT)[None] * 7 % self.vocabulary
        hidden, cache, _ = model.run(table[ids])
        hidden = hidden[:, -1:]
        clock = Clock()
        for i in range(count):
            latent = model.denoiser.sample(hidden[:, 0], noise[i])
            hidden, cache, _ = model.run(model.feed(i + 1, latent), cache)
        return clock.read()


class Clock:
    def __init__(self) -> None:
        self.cpu, self.wall = time.process_time(), time.perf_counter()

    def read(self) -> tuple[float, float]:
        return time.process_time() - self.cpu, time.perf_counter() - self.wall


def main(threads: int, kind: str, *checkpoint: str) -> None:
    torch.set_num_threads(threads)
    with torch.inference_mode():
        model = Coconut(*checkpoint) if kind == "coconut" else Sampled()
        for line in sys.stdin:
            print(json.dumps(model.run(min(MOST, int(line)))), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
