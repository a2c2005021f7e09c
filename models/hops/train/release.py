"""Makes the model folder of a checkpoint of train.py, measures the model and writes its card: `python release.py CHECKPOINT.safetensors`.

The graphs are made by the exporter for Huginn's checkpoints (models/tools/export.py), whose packages this needs too.
"""

import argparse
import contextlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

import onnx
import torch
from card import card
from evaluate import PROBLEMS, by_loops, halting
from problems import HOPS, SPECIALS, VOCABULARY, drawn, written
from reasoner import Config, Reasoner
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

FOLDER = Path(__file__).parents[1]
RESULTS = Path(__file__).with_name("results")
sys.path.insert(1, str(FOLDER.parent / "tools"))

import export  # noqa: E402

LOOPS = 16
# Bounds of the rule that are measured, and the one that the recipe has.
BOUNDS, BOUND = (0.3, 0.2, 0.1, 0.05, 0.02), 0.2
REFERENCE, REFERENCE_SEED = 120, 7_000_003


def tokenizer() -> Tokenizer:
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(VOCABULARY)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words.decoder = decoders.Fuse()
    words.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in SPECIALS])
    return words


def exported(model: Reasoner, config: Config, out: Path) -> dict:
    """The manifest as the exporter writes it, beside graphs that hold their weights."""
    with tempfile.TemporaryDirectory() as place:
        checkpoint, made = Path(place) / "hops", Path(place) / "model"
        checkpoint.mkdir()
        save_file({name: value.contiguous() for name, value in model.checkpoint().items()}, checkpoint / "model.safetensors")
        (checkpoint / "config.json").write_text(json.dumps(config.json() | {"eos_token_id": VOCABULARY.index("<eos>")}))
        tokenizer().save(str(checkpoint / "tokenizer.json"))
        (checkpoint / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}))
        sys.argv = ["export.py", str(checkpoint), "--family", "huginn", "--out", str(made)]
        with contextlib.redirect_stdout(sys.stderr):
            export.main()
        manifest = json.loads((made / "model.json").read_text())
        for name in ("body", "core", "coda", "head"):
            onnx.save(onnx.load(made / f"{name}.onnx"), out / f"{name}.onnx")
            manifest["files"][name] = export.entry(out / f"{name}.onnx")
        shutil.copyfile(made / "tokenizer.json", out / "tokenizer.json")
        manifest["files"]["tokenizer"] = export.entry(out / "tokenizer.json")
    del manifest["files"]["weights"]
    return manifest


def reference(out: Path) -> dict:
    random = torch.Generator().manual_seed(REFERENCE_SEED)
    hops = (torch.arange(REFERENCE) % HOPS + 1)[:, None]
    ids, marks = drawn(REFERENCE, hops, random)
    problems = [{"question": written(row[: marks[0] + 1].tolist()), "answer": VOCABULARY[row[marks[0] + 1]]} for row in ids]
    (out / "reference.json").write_text(json.dumps(problems, indent="\t") + "\n")
    return export.entry(out / "reference.json")


def release(checkpoint: Path) -> None:
    config = Config(len(VOCABULARY))
    model = Reasoner(config)
    model.load_state_dict(load_file(checkpoint))
    model.eval().requires_grad_(False)
    manifest = exported(model, config, FOLDER)
    depth = manifest["recipe"]["depth"] | {"count": LOOPS, "stop": [{"rule": "difference", "below": BOUND}]}
    manifest |= {
        "id": "hops",
        "name": "Who sees whom",
        "description": "Small decoder trained from scratch whose core of two blocks is looped over depth: it follows who sees whom for one to five looks.",
        "license": "MIT",
        "reference": reference(FOLDER),
        "recipe": {
            "version": 3,
            "trainedLatents": 0,
            "depth": depth,
            "arms": {"direct": [{"kind": "prompt"}, {"kind": "decode", "role": "answer", "stop": ["<eos>"], "limit": 1, "atLimit": "go-on"}]},
        },
    }
    (FOLDER / "model.json").write_text(json.dumps(manifest, indent="\t") + "\n")
    figures = {
        "problems": PROBLEMS,
        "parameters": sum(value.numel() for value in model.parameters()),
        "loops": by_loops(model, LOOPS),
        "halting": {str(bound): halting(model, LOOPS, bound) for bound in BOUNDS},
        "bound": BOUND,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "figures.json").write_text(json.dumps(figures, indent="\t") + "\n")
    log = checkpoint.with_suffix(".jsonl").read_text()
    (RESULTS / "log.jsonl").write_text(log)
    (FOLDER / "card.md").write_text(card(figures, [json.loads(line) for line in log.splitlines()]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint", type=Path)
    torch.set_num_threads(1)
    release(parser.parse_args().checkpoint)
