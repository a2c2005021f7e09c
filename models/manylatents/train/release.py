"""From checkpoints to finished model folders: graphs, codes, manifest, proof of parity, card.

    python release.py work/main-1.pt work/pause-1.pt work/sharp-1.pt

The figures of the card come from `evaluate.py`, which runs first.
"""

import argparse
import json
import shutil
from pathlib import Path

import torch
from card import write_cards
from evaluate import RESULTS, load
from folder import CODES, IDENTITIES, write_codes, write_manifest
from graphs import export
from neighbour import MODELS
from parity import check


def release(checkpoint: Path, fixture: Path | None) -> None:
    model, saved = load(checkpoint)
    kind = saved["kind"]
    folder = MODELS / IDENTITIES[kind].id
    folder.mkdir(exist_ok=True)
    export(model, folder)
    if not model.kind.pause:
        write_codes(model, folder / CODES)
    write_manifest(folder, kind)
    out = RESULTS / f"{kind}-{saved['seed']}.json"
    results = json.loads(out.read_text())
    results["parity"] = check(model, folder, fixture if kind == "main" else None)
    out.write_text(json.dumps(results, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.add_argument("--fixture", type=Path, help="where to write the main model's parity fixture of the engine's tests")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for checkpoint in arguments.checkpoints:
        release(checkpoint, arguments.fixture)
        log = checkpoint.with_suffix(".jsonl")
        shutil.copyfile(log, RESULTS / f"{log.stem}.log.jsonl")
    write_cards()


if __name__ == "__main__":
    main()
