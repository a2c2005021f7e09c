"""The text of card.md, from the figures that were measured."""


def share(one: dict) -> str:
    low, high = one["ci"]
    return f"{100 * one['right'] / one['n']:.1f} ({100 * low:.1f}–{100 * high:.1f})"


def table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


SHOWN = (1, 2, 3, 4, 5, 6, 7, 8, 12, 16)  # loops


def card(figures: dict, log: list[dict]) -> str:
    first, second = ([line for line in log if line["stage"] == name] for name in ("answers", "walk"))
    accuracy = table(
        ["looks", *map(str, SHOWN)],
        [[str(row["hops"]), *(share(row["loops"][loop - 1]) for loop in SHOWN)] for row in figures["loops"]],
    )
    chosen = figures["halting"][str(figures["bound"])]
    halts = table(
        ["looks", "right, %", "loops at the question, mean ± standard error", "quartiles", "loops at the sights, mean", "went through all"],
        [
            [str(row["hops"]), share(row), f"{row['mean']:.2f} ± {row['error']:.2f}", " / ".join(f"{q:.0f}" for q in row["quartiles"]), f"{row['sights']:.2f}", str(row["unhalted"])]
            for row in chosen
        ],
    )
    bounds = table(
        ["bound", *(f"{row['hops']} look{'s' if row['hops'] > 1 else ''}" for row in chosen)],
        [[bound, *(f"{100 * row['right'] / row['n']:.1f} after {row['mean']:.1f}" for row in rows)] for bound, rows in figures["halting"].items()],
    )
    return f"""# Who sees whom

A small decoder that **loops over depth**, made to show what such a model looks like: one block before the loops, two that are looped, one after them, laid out as
Huginn is (arXiv 2502.05171). {figures['parameters']:,} parameters, width 64. MIT licence.

```
Ann>Eve Bob>Ann Eve>Bob … Ann+2?     Ann sees Eve, Bob sees Ann, Eve sees Bob …: whom does one arrive at after two looks from Ann?
```

Eight people see each other in one cycle, in any order; one to five looks are asked for. Every loop was **trained** to be one look: after loop i the answer is that of
min(i, looks) looks. That its loops read as a walk is therefore no discovery about models that loop, and a check of the tool: the coda lens has to show it.

## Accuracy by the number of loops

Right answers in %, with 95 % Wilson intervals, {figures['problems']} problems a row that were not trained on; every position goes through all loops. It was trained with 6 to 10 loops.

{accuracy}

## When positions halt

Each position by itself, when a loop moves its state by less than {figures['bound']} of its norm (the recipe's rule), and after 16 loops at the latest. What has halted leaves its last keys and values.

{halts}

Other bounds: right answers in % after so many loops on average.

{bounds}

## Training

```sh
pip install -r requirements.txt
python train.py work/hops.safetensors && python release.py work/hops.safetensors
```

in `models/hops/train`. Problems in batches of 96 with six questions each, AdamW, rate 0.002, on one core; seed 0, one run. Two stages: {first[-1]['step']:,} steps on final answers alone ({first[-1]['minutes']:.1f} CPU minutes; up to {first[-1]['looks']}
looks, {100 * first[-1]['right']:.0f} % right at the last), then {second[-1]['step']:,} in which every loop is asked ({second[-1]['minutes']:.1f} CPU minutes). The log and the raw figures are in `train/results`.

**What the first stage alone becomes** is not what it was meant to: a loop then makes several looks at once (its core has two blocks, and prelude and coda look too), so that one loop answers 84 % of three looks
and two loops 98 %, and harder questions do not halt later (400 problems a row; bound 0.05: 6.9, 4.5, 4.4, 3.8 loops for one to four looks). Where depth is used, and how much of it, is not to be read off the number of loops. (Measured a little before its end.)
The first stage ran with the rate of a schedule of 14 minutes, and was stopped.
`--loops N` runs another number of loops, `--seed` draws other start states.
"""
