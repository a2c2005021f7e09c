"""Checkpoint to model folder: graphs, tokenizer, manifest, and proof that they compute what PyTorch computes."""

from pathlib import Path

from folder import Identity, write_manifest
from graphs import export_body, export_head
from model import Decoder
from parity import check
from vocabulary import build_tokenizer


def export(decoder: Decoder, folder: Path, prompts: list[str], who: Identity, fixture: Path | None) -> dict:
    """Writes the folder and returns the result of the parity check."""
    folder.mkdir(parents=True, exist_ok=True)
    decoder.eval()
    export_body(decoder, folder / "body.onnx")
    export_head(decoder, folder / "head.onnx")
    build_tokenizer().save(str(folder / "tokenizer.json"))
    write_manifest(folder, decoder.shape, who)
    return check(decoder, folder, prompts, who.pause, fixture)
