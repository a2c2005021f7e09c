"""From a checkpoint of `reinforce.py` to a finished model folder: graphs, parity, the figures before and after, card.

    python pair.py --checkpoint work/rl.pt --published PATH/TO/valid.json [--pilots work/a.jsonl …]
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import torch

from chains import write
from dialect import LAYOUT_SEED, NAME, QUESTION, STEP, observe
from evaluate import Evaluation
from export import export
from folder import REINFORCED
from intervals import change, estimate
from model import Decoder
from objectives import read
from pair_card import write_card
from problems import PUBLISHED, Problems, batch, draw_layout, generate, read_published
from release import RESULTS, load
from restoration import restore
from session import Session
from vocabulary import NAMES, TOKENS

FRESH_PROBLEMS = 1000
FRESH_SEED = 8
EXAMPLES = 4


@torch.no_grad()
def _examples(base: Decoder, tuned: Decoder, problems: Problems) -> list[dict]:
    """The first problems whose greedy chain became another one."""
    index = np.arange(100)
    asked = batch(problems, index, draw_layout(problems, index, np.random.default_rng(LAYOUT_SEED)))
    prompt = torch.from_numpy(asked.prompt)

    def spell(decoder: Decoder) -> list[str]:
        table = decoder.table()
        chains = write(decoder, table, read(decoder, table, prompt))
        rows = zip(chains.tokens[:, 0], chains.steps[:, 0].tolist(), strict=True)
        return [
            " → ".join(NAMES[NAME[t]] if STEP[t] else f"`{TOKENS[t].strip()}`" for t in row[:steps].tolist())
            for row, steps in rows
        ]

    before, after = spell(base), spell(tuned)
    return [
        {
            "root": NAMES[NAME[asked.prompt[i, -QUESTION]]],
            "path": " → ".join(NAMES[NAME[token]] for token in asked.path[i, : asked.hops[i]]),
            "before": before[i],
            "after": after[i],
        }
        for i in index
        if before[i] != after[i]
    ][:EXAMPLES]


def release(checkpoint: Path, base_folder: Path, folder: Path, published: Path, pilots: list[Path]) -> dict:
    """Writes the folder and its results; returns the results."""
    tuned, base = load(checkpoint), restore(base_folder)
    asked = read_published(published)
    shutil.copyfile(checkpoint.with_suffix(".jsonl"), RESULTS / f"{REINFORCED.id}.log.jsonl")
    if pilots:
        (RESULTS / f"{REINFORCED.id}.pilots.jsonl").write_text("".join(path.read_text() for path in pilots))

    results: dict = {"parity": export(tuned, folder, asked.text, REINFORCED, None)}
    fresh = generate(FRESH_PROBLEMS, PUBLISHED, FRESH_SEED)
    before, after = observe(base, base, fresh), observe(tuned, base, fresh)
    results["fresh"] = {
        name: {
            "before": estimate(before[name]),
            "after": estimate(after[name]),
            "change": change(before[name], after[name]),
        }
        for name in before
    }
    results["examples"] = _examples(base, tuned, fresh)
    results["public"] = {
        name: Evaluation(Session(path), asked).arms() for name, path in (("before", base_folder), ("after", folder))
    }
    (RESULTS / f"{REINFORCED.id}.json").write_text(json.dumps(results, indent=1) + "\n")
    write_card(folder, RESULTS)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--base", type=Path, default=Path(".."))
    parser.add_argument("--out", type=Path, default=Path("../../prosqa-rl"))
    parser.add_argument("--published", type=Path, required=True)
    parser.add_argument("--pilots", type=Path, nargs="*", default=[], help="logs of other settings, for the card")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    release(arguments.checkpoint, arguments.base, arguments.out, arguments.published, arguments.pilots)


if __name__ == "__main__":
    main()
