"""The exported folder against PyTorch: whole rollouts from the text on, with the same noise; and the fixture with which the
engine's tests repeat them."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from reasoner import WIDTH, Reasoner
from rollout import noise_for, roll
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from walker import LATENTS, draw
from words import LATENT, PROMPT, prompts, spell

TOLERANCE = 1e-4
PROBLEMS, FIXTURE_PROBLEMS = 8, 2
SEED, NOISE_SEED = 4242, 4243


@dataclass
class Folder:
    """The graphs of one model folder."""

    body: onnxruntime.InferenceSession
    head: onnxruntime.InferenceSession
    thought: onnxruntime.InferenceSession
    # None of a pause twin.
    embed: onnxruntime.InferenceSession | None
    tokenizer: Tokenizer

    @classmethod
    def open(cls, folder: Path) -> "Folder":
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        graphs = [
            onnxruntime.InferenceSession(folder / f"{name}.onnx", options, providers=["CPUExecutionProvider"])
            for name in ("body", "head", "thought", "embed")
            if (folder / f"{name}.onnx").exists()
        ]
        embed = graphs[3] if len(graphs) > 3 else None
        return cls(*graphs[:3], embed, Tokenizer.from_file(str(folder / "tokenizer.json")))


class Reading:
    """One sequence that is being read. `hidden` [1,1,d] is the last residual stream."""

    def __init__(self, folder: Folder, model: Reasoner) -> None:
        self.folder, self.shape = folder, model.shape
        empty = np.zeros((1, self.shape.heads, 0, self.shape.head_width), np.float32)
        names = [(layer, part) for layer in range(self.shape.layers) for part in ("key", "value")]
        self.past = {f"past_key_values.{layer}.{part}": empty for layer, part in names}
        self.outputs = [f"resid.{self.shape.layers}", *(f"present.{layer}.{part}" for layer, part in names)]
        self.length = 0

    def feed(self, ids: list[int], embed: np.ndarray | None = None) -> None:
        self.length += len(ids)
        feeds = {
            "input_ids": np.array([ids], np.int64),
            "attention_mask": np.ones((1, self.length), np.int64),
            "position_ids": np.arange(self.length - len(ids), self.length, dtype=np.int64)[None],
            "inputs_embeds": np.zeros((1, 1, 1), np.float32) if embed is None else embed[:, None],
            "embeds_mask": np.full((1, 1, 1), embed is not None),
            **self.past,
        }
        for site in range(self.shape.layers + 1):
            feeds |= {f"patch.{site}.keep": np.ones((1, 1, 1), np.float32)}
            feeds |= {f"patch.{site}.add": np.zeros((1, 1, 1), np.float32)}
        hidden, *present = self.folder.body.run(self.outputs, feeds)
        self.hidden = hidden[:, -1:]
        self.past = dict(zip(self.past, present, strict=True))

    def read(self, *names: str) -> list[np.ndarray]:
        feeds = {"hidden": self.hidden, "target": np.zeros(1, np.int64), "k": np.array([1], np.int64)}
        return self.folder.head.run(list(names), feeds)


def replay(folder: Folder, model: Reasoner, prompt: str, noise: np.ndarray | None) -> tuple[list[int], np.ndarray]:
    """The most likely token after each number of latents, and the latents [N,w]."""
    reading = Reading(folder, model)
    reading.feed(folder.tokenizer.encode(prompt).ids)
    assert reading.length == PROMPT
    reading.feed([LATENT])
    tokens, latents = [], []
    for i in range(LATENTS):
        normed, best = reading.read("normed", "topk_ids")
        tokens.append(int(best[0, 0, 0]))
        feeds = {"hidden": normed[:, 0], "step": np.array([i], np.int64)}
        if noise is None:
            (embed,) = folder.thought.run(["embed"], feeds)
        else:
            embed, latent = folder.thought.run(["embed", "latent"], feeds | {"noise": noise[i : i + 1]})
            again = folder.embed.run(["embed"], {"latent": latent, "step": feeds["step"]})
            assert np.array_equal(embed, again[0]), "a latent that is given back is embedded otherwise"
            latents.append(latent[0])
        reading.feed([0], embed)
    tokens.append(int(reading.read("topk_ids")[0][0, 0, 0]))
    return tokens, np.stack(latents) if latents else np.zeros((0, WIDTH), np.float32)


def check(model: Reasoner, folder: Path, fixture: Path | None = None) -> dict:
    """Asserts that all latents agree within the tolerance and all answers exactly. The fixture holds, for the first problems,
    the noise and PyTorch's latents [N,w] and most likely tokens [N+1], after each number of latents."""
    problems = draw(PROBLEMS, LATENTS, torch.Generator().manual_seed(SEED))
    noise = None if model.kind.pause else noise_for(PROBLEMS, NOISE_SEED)
    chain = roll(model, problems, noise)
    opened, furthest, agreed = Folder.open(folder), 0.0, 0
    for i, tokens in enumerate(prompts(problems)):
        found, latents = replay(opened, model, spell(tokens), None if noise is None else noise[i].numpy())
        agreed += int((torch.tensor(found) == chain.token[i]).sum())
        if noise is not None:
            furthest = max(furthest, float(np.abs(latents - chain.fed[i].numpy()).max()))
    positions = chain.token.numel()
    assert furthest <= TOLERANCE, f"the latents differ by {furthest}"
    assert agreed == positions, f"{positions - agreed} of {positions} answers differ"
    if fixture is not None and noise is not None:
        tensors = {}
        for i in range(FIXTURE_PROBLEMS):
            parts = {"noise": noise[i], "latents": chain.fed[i], "tokens": chain.token[i].int()}
            tensors |= {f"p{i}.{name}": np.ascontiguousarray(part.numpy()) for name, part in parts.items()}
        texts = [spell(tokens) for tokens in prompts(problems)[:FIXTURE_PROBLEMS]]
        metadata = {"format": "neuralese-parity", "arm": "latent", "prompts": json.dumps(texts), "tolerance": str(TOLERANCE)}
        save_file(tensors, fixture, metadata)
        fixture.chmod(0o644)
    return {"problems": PROBLEMS, "latents": LATENTS, "largest_difference": furthest, "answers": f"{agreed}/{positions}"}
