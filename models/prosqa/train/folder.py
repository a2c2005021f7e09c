"""A model folder: the manifest and the files it names."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from model import Shape
from vocabulary import SIZE

ANSWER_SEGMENT = {"kind": "decode", "role": "answer", "stop": ["<eos>"], "limit": 4}
CHAIN_LIMIT = 12
THOUGHTS = 6
REFERENCE = "reference.json"


@dataclass(frozen=True)
class Identity:
    """What a folder calls itself, and what its latent arm feeds back."""

    id: str
    name: str
    description: str
    feedback: dict[str, str]
    relatives: dict[str, str] = field(default_factory=dict)  # ids of the folders beside this one

    @property
    def pause(self) -> bool:
        """Whether dummy tokens are fed in place of states."""
        return self.feedback["site"] == "token"


LATENT_MODEL = Identity(
    "prosqa",
    "ProsQA reasoner",
    "Two-layer decoder trained from scratch on ProsQA; one set of weights answers directly, with a token chain of "
    "thought, or after six continuous thoughts.",
    {"site": "normed"},
    {"twin": "prosqa-pause"},
)
PAUSE_TWIN = Identity(
    "prosqa-pause",
    "ProsQA reasoner, pause-token twin",
    "The control of prosqa: same size, start, data and steps, with dummy <latent> tokens in place of fed-back "
    "thoughts.",
    {"site": "token", "token": "<latent>"},
)
REINFORCED = Identity(
    "prosqa-rl",
    "ProsQA reasoner, chain of thought tuned by reinforcement",
    "prosqa with its written chain of thought tuned by reinforcement learning on the answer alone: the other half of a "
    "pair in which to look for drift.",
    LATENT_MODEL.feedback,
    {"twin": "prosqa-pause", "base": "prosqa"},
)


def identity(pause: bool) -> Identity:
    return PAUSE_TWIN if pause else LATENT_MODEL


IDENTITIES = {who.id: who for who in (LATENT_MODEL, PAUSE_TWIN, REINFORCED)}


def entry(path: Path) -> dict:
    content = path.read_bytes()
    return {"name": path.name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _recipe(feedback: dict[str, str]) -> dict:
    prompt = {"kind": "prompt"}
    return {
        "trainedLatents": THOUGHTS,
        "answer": r"is an? (.+?)\.?$",
        "arms": {
            "direct": [prompt, {"kind": "tokens", "tokens": ["<direct>", "<a>"]}, ANSWER_SEGMENT],
            "cot": [
                prompt,
                {"kind": "tokens", "tokens": ["<cot>"]},
                {"kind": "decode", "role": "thought", "stop": ["<a>"], "limit": CHAIN_LIMIT},
                ANSWER_SEGMENT,
            ],
            "latent": [
                prompt,
                {"kind": "tokens", "tokens": ["<latent>"]},
                {"kind": "latent", "count": THOUGHTS, "feedback": feedback},
                {"kind": "tokens", "tokens": ["<a>"]},
                ANSWER_SEGMENT,
            ],
        },
    }


def write_manifest(folder: Path, shape: Shape, who: Identity) -> None:
    """Hashes what lies in the folder and describes it in `model.json`."""
    reference = folder / REFERENCE
    manifest = {
        "format": "neuralese-model",
        "version": 1,
        "id": who.id,
        "name": who.name,
        "description": who.description,
        "license": "MIT",
        "shape": {
            "layers": shape.layers,
            "width": shape.width,
            "heads": shape.heads,
            "headWidth": shape.head_width,
            "vocabulary": SIZE,
            "context": shape.context,
        },
        "quantisation": "fp32",
        "files": {
            "body": entry(folder / "body.onnx"),
            "head": entry(folder / "head.onnx"),
            "tokenizer": entry(folder / "tokenizer.json"),
        },
        "probes": [entry(path) for path in sorted(folder.glob("probes/*.safetensors"))],
        **({"reference": entry(reference)} if reference.exists() else {}),
        **({"relatives": who.relatives} if who.relatives else {}),
        "recipe": _recipe(who.feedback),
    }
    (folder / "model.json").write_text(json.dumps(manifest, indent=2) + "\n")


def describe(folder: Path) -> None:
    """Writes `model.json` again after files were added."""
    manifest = json.loads((folder / "model.json").read_text())
    shape = manifest["shape"]
    write_manifest(
        folder,
        Shape(shape["layers"], shape["width"], shape["heads"], shape["headWidth"], shape["context"]),
        IDENTITIES[manifest["id"]],
    )
