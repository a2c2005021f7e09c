"""The model card: every number in it is read from the results or from the training log."""

from collections.abc import Iterable
from pathlib import Path

from curriculum import CHAIN
from folder import THOUGHTS
from vocabulary import CONCEPTS

ARM_NAMES = {"direct": "direct", "cot": "token chain of thought", "latent": f"{THOUGHTS} thoughts"}
PAUSE_ARM_NAMES = ARM_NAMES | {"latent": f"{THOUGHTS} dummy tokens"}


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def interval(score: dict) -> str:
    return f"{percent(score['share'])} ({percent(score['ci'][0])}–{percent(score['ci'][1])})"


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _arms(arms: dict[str, dict], names: dict[str, str]) -> str:
    hops = sorted(arms["direct"]["by_hops"], key=int)
    head = ["arm", "right, % (95 % Wilson)", "says the distractor, %", *[f"{h} hops" for h in hops]]
    rows = (
        [
            names[name],
            interval(score),
            percent(score["distractor"]),
            *["{}/{}".format(*score["by_hops"][h]) for h in hops],
        ]
        for name, score in arms.items()
    )
    return table(head, rows)


def _sweep(sweep: dict) -> str:
    return table(
        ["thoughts", *[str(k) for k in sweep]], [["right, %", *[percent(score["share"]) for score in sweep.values()]]]
    )


def _controls(controls: dict[str, dict]) -> str:
    rows = ([name, interval(s), percent(s["distractor"]), percent(s["two_way"])] for name, s in controls.items())
    return table(["every thought replaced by", "right, % (95 % Wilson)", "says the distractor, %", "two-way, %"], rows)


def _transplant(transplant: dict[str, dict]) -> str:
    return table(
        ["from the other root's question", "says the other candidate, % (95 % Wilson)"],
        ([n, interval(s)] for n, s in transplant.items()),
    )


def _superposition(rows: list[dict]) -> str:
    groups = ["frontier", "path", "earlier", "later", "unreachable"]
    head = ["thought", "n", "nodes in the frontier", "effective tokens", *[f"mass on {group}" for group in groups]]
    return table(
        head,
        (
            [
                str(r["thought"]),
                str(r["n"]),
                str(r["frontier_nodes"]),
                str(r["effective_tokens"]),
                *[f"{r[g]:.3f}" for g in groups],
            ]
            for r in rows
        ),
    )


def _probe(cells: list[dict]) -> str:
    steps = sorted({cell["step"] for cell in cells})
    sites = sorted({cell["layer"] for cell in cells})
    at = {(cell["step"], cell["layer"]): cell for cell in cells}

    def show(cell: dict) -> str:
        low, high = cell["ci"]
        return f"{cell['auroc']:.3f} ({low:.3f}–{high:.3f}); {cell['shuffled']:.3f}; {cell['random']:.3f}"

    return table(
        ["thought", *[f"site {site}" for site in sites]],
        ([str(step), *[show(at[step, site]) for site in sites]] for step in steps),
    )


def _probes(probes: dict[str, list[dict]]) -> str:
    parts = [
        "Held-out AUROC (95 % interval, bootstrap over problems); the same fit on shuffled labels; a random direction."
    ]
    for name, cells in probes.items():
        parts += [f"`{name}`", _probe(cells)]
    return "\n\n".join(parts)


def _statistics(statistics: dict[str, dict[str, list[float]]]) -> str:
    published, generated = statistics["published"], statistics["generated"]
    rows = (
        [
            name,
            f"{published[name][0]:.2f} ± {published[name][1]:.2f}",
            f"{generated[name][0]:.2f} ± {generated[name][1]:.2f}",
        ]
        for name in published
    )
    return table(["mean ± standard error", "published validation, n = 300", "generated"], rows)


def _shares(accuracy: dict[str, float], names: dict[str, str] = ARM_NAMES) -> str:
    return ", ".join(f"{names[arm]} {percent(share)} %" for arm, share in accuracy.items())


def _training(records: list[dict], names: dict[str, str]) -> str:
    settings, last = records[0]["settings"], records[-1]
    small, full = settings["steps"]
    text = f"""{records[0]["parameters"]:,} parameters in training (the forms of a name share a vector). {small:,} steps
on small problems with 1–4 thoughts, then {full:,} on problems of the published size (a tenth of the batches small) with
4–{THOUGHTS}; {settings["batch"]} problems a step, AdamW, rate {settings["rate"]:g}, cosine decay. The chain-of-thought
loss counts {CHAIN[0]:g} times, in the second half of the second stage {CHAIN[1]:g} times; matrix products are in
bfloat16 except in the last tenth. Seed {settings["seed"]}, one run, {last["cpu_minutes"]:.0f} CPU minutes on one core.
On 500 held-out generated problems at the end: {_shares(last["accuracy"], names)}."""
    return " ".join(text.split())


COMMAND = """```sh
pip install -r requirements.txt
python train.py --out {out}{flag} --published PATH/TO/prosqa_valid.json
```

in `models/prosqa/train`. The file is the published validation set
([facebookresearch/coconut](https://github.com/facebookresearch/coconut), MIT): it is read for the figures below and for
the parity check, never for training. The log and the raw results are in `models/prosqa/train/results`."""

LATENT_CARD = """# ProsQA reasoner

{layers} layers, d = {width}, {heads} heads of {headWidth}, {vocabulary} tokens, {context} positions, fp32. One set of
weights answers a ProsQA question at once, with a token chain of thought, or after {thoughts} continuous thoughts (the
state after the final norm is fed back: Coconut, arXiv 2412.06769). To a program it is an ordinary decoder: tokens as
they are typed, positions 0…T−1. Trained from scratch, MIT licence:

{command}

## Accuracy on the {n} published validation problems

None was trained on; the accuracy of short runs on them was looked at while settings were chosen. Measured on the exported graphs from raw text; right means that the most likely token of the whole
vocabulary is the answer's.

{arms}

Part of the answers can be guessed from surface cues (the asked root has the deeper and larger family), so hold every
control against the direct arm and not against 50 %.

## Are the thoughts used?

{controls}

The thoughts after a replaced one are recomputed from it, and replaced too. "Two-way" compares the two candidates only.
"Nearest token" is the snap test: a thought becomes the embedding of the token that it decodes to.

Number of thoughts (trained with {thoughts}):

{sweep}

Transplant: the same facts, the thoughts taken from the question about the other root; thoughts after a transplanted one
are recomputed from it.

{transplant}

## What the thoughts hold

Softmax mass of the nearest-token readout, mean over the problems whose answer the thought has not yet passed. Frontier:
all nodes at the thought's distance; path: the one of them on one shortest path to the answer; effective tokens: exp of
the readout's entropy. A thought beyond the answer is trained on nothing and drifts: read it as spare.

{superposition}

Small problems (8–18 nodes drawn, 1–4 hops), 500 generated and held out: {small}.

## Probes

{probes}

`within-k-hops` has the {concepts} concepts as classes and counts only those that the prompt mentions; its AUROC pools all pairs
of a problem and a concept. Shuffled labels and the random direction are one draw each.

## Training

{training}

Trained on: the answer in each arm, the chain of thought, and for each thought the next node. In the first half of the
second stage 60 % of a thought's loss asks for **all** nodes at its distance, after that the target is one random
shortest path: **the superposition is partly taught**. The initialisation follows the constructive proof of "Reasoning
by Superposition" (arXiv 2505.12514) and adds a look-ahead for the chain of thought (`construction.py`); all of it stays
trainable. Untrained, on the same problems: {untrained}.

Names, the order of the facts and the order of the candidates are drawn afresh in every batch. What the paper leaves
open about its problems was fitted to summary statistics of the published file (mean ± standard error):

{statistics}

## Limits

One seed and one run; hyperparameters were chosen by looking at generated problems and at the published validation
accuracy of short runs. Only the words of ProsQA are known, others are `<unk>`. Trained on prompts of up to 54 facts.
The chain of thought commits to one branch and cannot go back. Parity of the graphs with PyTorch: largest difference
{difference:.1e} over {positions} positions, every argmax equal.
"""

PAUSE_CARD = """# ProsQA reasoner, pause-token twin

The control of [`prosqa`](../prosqa/card.md): same size, same start, same data in the same order, same number of steps.
Where `prosqa` feeds back a state, this model reads a dummy `<latent>` token: positions without recurrence. MIT licence.

{command}

## Accuracy on the {n} published validation problems

{arms}

Number of dummy tokens (trained with {thoughts}):

{sweep}

## Probes

{probes}

## Training

{training} Parity of the graphs with PyTorch: largest difference {difference:.1e} over {positions} positions, every
argmax equal.
"""


def _untrained(arms: dict[str, dict]) -> str:
    parts = []
    for name, score in arms.items():
        two_way = f" (two-way {percent(score['two_way'])} %)" if "two_way" in score else ""
        parts.append(f"{ARM_NAMES[name]} {percent(score['share'])} %{two_way}")
    return "; ".join(parts)


def write_card(folder: Path, results: dict, shape: dict, records: list[dict], pause: bool) -> None:
    """Writes `card.md`. `shape` is the manifest's."""
    public = results["public"]
    names = PAUSE_ARM_NAMES if pause else ARM_NAMES
    common = {
        "n": public["n"],
        "thoughts": THOUGHTS,
        "command": COMMAND.format(out="../../prosqa-pause" if pause else "..", flag=" --pause" if pause else ""),
        "arms": _arms(public["arms"], names),
        "sweep": _sweep(public["sweep"]),
        "probes": _probes(results.get("probes", {})),
        "training": _training(records, names),
        "difference": results["parity"]["largest_difference"],
        "positions": results["parity"]["positions"],
        **shape,
    }
    if pause:
        text = PAUSE_CARD.format(**common)
    else:
        text = LATENT_CARD.format(
            controls=_controls(public["controls"]),
            transplant=_transplant(public["transplant"]),
            superposition=_superposition(public["superposition"]),
            statistics=_statistics(results["statistics"]),
            untrained=_untrained(results["untrained"]),
            concepts=len(CONCEPTS),
            small=_shares(results["small"]),
            **common,
        )
    (folder / "card.md").write_text(text)
