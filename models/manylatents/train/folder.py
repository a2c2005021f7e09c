"""The model folders: what they call themselves, their manifest, their reference set and the codes that latents are read by."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import neighbour  # noqa: F401
import torch
from prosqa.train.folder import REFERENCE, entry
from reasoner import ANGLE, CODE, RADIUS, SHAPE, WIDTH, Reasoner
from safetensors.torch import save_file
from walker import HEADINGS, LATENTS, SECTOR, draw
from words import ROOM_NAMES, SIZE, build_tokenizer, place, prompts, spell

CODES = "codes.safetensors"
REFERENCE_COUNT = 150  # an interval over 100 prompts is the ladder's highest rung
REFERENCE_SEED = 91


@dataclass(frozen=True)
class Identity:
    id: str
    name: str
    description: str
    relatives: dict[str, str] = field(default_factory=dict)


IDENTITIES = {
    "main": Identity(
        "manylatents",
        "Walker, 128 latents",
        "Three-layer decoder trained from scratch to think in 128 continuous latents of width 18, one per move of a walker "
        "through a house; each is sampled through a denoising head.",
        {"twin": "manylatents-pause"},
    ),
    "pause": Identity(
        "manylatents-pause",
        "Walker, pause-token twin",
        "The control of manylatents: same decoder, start, task and updates, with dummy positions in place of latents.",
    ),
    "sharp": Identity(
        "manylatents-sharp",
        "Walker, 128 latents trained with little noise",
        "manylatents trained on with a twelfth of the noise on the latents' discrete part: one in which error may pile up.",
        {"twin": "manylatents-pause", "base": "manylatents"},
    ),
}


def write_codes(model: Reasoner, path: Path) -> None:
    """What each part of a latent is read by: a row per class, on the latent's columns `from` to `to` (exclusive)."""
    radians = torch.deg2rad(torch.arange(len(HEADINGS)) * float(SECTOR))
    circle = RADIUS * torch.stack([radians.cos(), radians.sin()], -1)
    parts = [
        {"name": "room", "from": 0, "to": CODE, "classes": list(ROOM_NAMES), "state": "discrete"},
        {"name": "heading", "from": CODE, "to": CODE + ANGLE, "classes": list(HEADINGS), "state": "continuous"},
    ]
    tensors = {"room": model.codes().detach().contiguous(), "heading": circle.contiguous()}
    metadata = {"format": "neuralese-codes", "version": "1", "width": str(WIDTH), "parts": json.dumps(parts)}
    save_file(tensors, path, metadata)
    path.chmod(0o644)


def reference() -> list[dict[str, str]]:
    """Question and answer after all moves, as text; drawn with a seed of their own."""
    problems = draw(REFERENCE_COUNT, LATENTS, torch.Generator().manual_seed(REFERENCE_SEED))
    answers = place(problems.room[:, -1], problems.heading[:, -1])
    return [
        {"question": spell(tokens), "answer": spell(answer[None])}
        for tokens, answer in zip(prompts(problems), answers, strict=True)
    ]


def _recipe(pause: bool) -> dict:
    answer = {"kind": "decode", "role": "answer", "stop": ["<eos>"], "limit": 2}
    start = [{"kind": "prompt"}, {"kind": "tokens", "tokens": ["<latent>"]}]
    latent = {"kind": "latent", "count": LATENTS, "feedback": {"site": "normed"}, "through": "thought"}
    noise = {} if pause else {"noise": {"shape": [WIDTH]}}
    return {
        "version": 2,
        "trainedLatents": LATENTS,
        "answer": r"at ([a-j] facing [NESW]+)",
        "arms": {
            "direct": [*start, answer],
            "latent": [*start, latent | noise, answer],
        },
    }


def write_manifest(folder: Path, kind: str) -> None:
    """Writes tokenizer and reference set, hashes what lies in the folder, and describes it in `model.json`."""
    who = IDENTITIES[kind]
    build_tokenizer().save(str(folder / "tokenizer.json"))
    (folder / REFERENCE).write_text(json.dumps(reference(), indent=0) + "\n")
    files = ("body.onnx", "head.onnx", "thought.onnx", "embed.onnx", CODES, "tokenizer.json")
    manifest = {
        "format": "neuralese-model",
        "version": 1,
        "id": who.id,
        "name": who.name,
        "description": who.description,
        "license": "MIT",
        "shape": {
            "layers": SHAPE.layers,
            "width": SHAPE.width,
            "heads": SHAPE.heads,
            "headWidth": SHAPE.head_width,
            "vocabulary": SIZE,
            "context": SHAPE.context,
            **({} if kind == "pause" else {"latentWidth": WIDTH}),
        },
        "quantisation": "fp16",
        "files": {name.partition(".")[0]: entry(folder / name) for name in files if (folder / name).exists()},
        "reference": entry(folder / REFERENCE),
        **({"relatives": who.relatives} if who.relatives else {}),
        "recipe": _recipe(kind == "pause"),
    }
    (folder / "model.json").write_text(json.dumps(manifest, indent=2) + "\n")
