"""The reference set of the model folders: prompts of the model's own kind, for comparisons, shuffles and resampling in
the product. Generated with a seed of its own, so that none was trained on and none is public.

    python reference.py --out .. ../../prosqa-pause ../../prosqa-rl
"""

import argparse
import json
from pathlib import Path

import numpy as np

from folder import REFERENCE, describe
from problems import PUBLISHED, batch, draw_layout, generate
from vocabulary import PAD, TOKENS

COUNT = 150  # an interval over 100 prompts is the ladder's highest rung
SEED = 91


def problems() -> list[dict[str, str]]:
    """Question and answer as text."""
    drawn = generate(COUNT, PUBLISHED, SEED)
    index = np.arange(COUNT)
    asked = batch(drawn, index, draw_layout(drawn, index, np.random.default_rng(SEED)))
    spelled = []
    for prompt, target in zip(asked.prompt, asked.target, strict=True):
        question = "".join(TOKENS[token] for token in prompt if token != PAD)[1:]
        root = question.rsplit(" Is ", 1)[1].split(" ", 1)[0]
        spelled.append({"question": question, "answer": root + TOKENS[target]})
    return spelled


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, nargs="+", default=[Path("..")], help="the model folders to write into")
    arguments = parser.parse_args()
    text = json.dumps(problems(), indent=0) + "\n"
    for folder in arguments.out:
        (folder / REFERENCE).write_text(text)
        describe(folder)


if __name__ == "__main__":
    main()
