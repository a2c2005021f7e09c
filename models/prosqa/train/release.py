"""From a checkpoint to a finished model folder: graphs, parity, probes, figures, card.

python release.py --checkpoint work/latent.pt --out .. --published PATH/TO/valid.json
"""

import argparse
import json
import shutil
from pathlib import Path

import torch

from arms import accuracy
from card import write_card
from construction import untrained
from evaluate import evaluate
from export import export
from folder import identity, write_manifest
from model import Decoder
from probes import train_probes
from problems import PUBLISHED, SMALL, generate, read_published, statistics

RESULTS = Path(__file__).parent / "results"
STATISTICS_PROBLEMS = 5000
STATISTICS_SEED = 5
SMALL_PROBLEMS = 500
SMALL_SEED = 6


def load(checkpoint: Path) -> Decoder:
    saved = torch.load(checkpoint, weights_only=False)
    decoder = Decoder(saved["shape"])
    decoder.load_state_dict(saved["decoder"])
    return decoder.eval()


def release(
    checkpoint: Path, folder: Path, published: Path, pause: bool, fixture: Path | None, with_probes: bool = True
) -> dict:
    """Writes the folder and `results/<id>.json`; returns the results."""
    decoder, who = load(checkpoint), identity(pause)
    problems = read_published(published)
    log = checkpoint.with_suffix(".jsonl")
    records = [json.loads(line) for line in log.read_text().splitlines()]
    RESULTS.mkdir(exist_ok=True)
    shutil.copyfile(log, RESULTS / f"{who.id}.log.jsonl")

    results: dict = {"parity": export(decoder, folder, problems.text, who, fixture)}
    if with_probes:
        results["probes"] = train_probes(folder, pause)
        write_manifest(folder, decoder.shape, who)
    results["public"] = evaluate(folder, published)
    if not pause:
        results["small"] = accuracy(decoder, generate(SMALL_PROBLEMS, SMALL, SMALL_SEED), pause)
        start = checkpoint.parent / "untrained"
        export(untrained(decoder.shape, records[0]["settings"]["seed"]), start, problems.text, who, None)
        results["untrained"] = evaluate(start, published)["arms"]
        generated = generate(STATISTICS_PROBLEMS, PUBLISHED, STATISTICS_SEED)
        results["statistics"] = {"published": statistics(problems.problems), "generated": statistics(generated)}
    (RESULTS / f"{who.id}.json").write_text(json.dumps(results, indent=1) + "\n")
    shape = json.loads((folder / "model.json").read_text())["shape"]
    write_card(folder, results, shape, records, pause)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(".."))
    parser.add_argument("--published", type=Path, required=True)
    parser.add_argument("--pause", action="store_true")
    parser.add_argument("--fixture", type=Path)
    parser.add_argument("--no-probes", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    release(
        arguments.checkpoint,
        arguments.out,
        arguments.published,
        arguments.pause,
        arguments.fixture,
        not arguments.no_probes,
    )


if __name__ == "__main__":
    main()
