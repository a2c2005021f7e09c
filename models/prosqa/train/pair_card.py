"""The card of the tuned model: every number in it is read from the results or from the logs.

    python pair_card.py --folder ../../prosqa-rl
"""

import argparse
import json
from pathlib import Path

from card import ARM_NAMES, interval, percent, table
from folder import CHAIN_LIMIT, REINFORCED
from pair_text import CARD

# Measures of one chain a problem: what the card calls them. In percent unless among `PLAIN`.
WRITING = {
    "right": "right",
    "distractor": "says the distractor",
    "unanswered": f"no answer within {CHAIN_LIMIT} steps",
    "steps": "steps a chain",
    "legal": "steps that are a fact of the prompt",
    "on path": "… and from which the answer can be reached",
    "between": "steps that name a word between the root and the answer",
    "repeated": "steps that the chain already had",
    "foreign": "tokens that are no word of the prompt, or in another form",
    "whole": "chains that are a whole path to the answer",
    "unproved": "right answers without such a chain",
    "jump": "chains that end in a jump",
    "jump right": "jumps to the answer",
    "jump as direct": "jumps to what the direct arm answers",
    "direct at jump": "direct arm right on problems with a jump",
    "says last": "the answer is the last word written",
    "KL": "KL(this model ‖ base) a token, nats",
    "KL at steps": "… where a step was written",
    "KL at <a>": "… where `<a>` was written",
    "KL at answer": "… where the answer was written",
    "surprisal": "surprisal under the base a token, nats",
}
LOAD = {
    "intact": "the model's own",
    "one step dropped": "one random step left out",
    "one of the earlier steps dropped": "one random step left out, but not the last",
    "last step dropped": "the last step left out",
    "another problem's chain": "the chain of another problem",
    "says the other chain's last": "… says that chain's last word",
    "no step": "none: `<cot> <a>`",
    "led astray": "a first step that leads nowhere, the rest written anew",
    "direct, led astray": "… the direct arm on the same problems",
}
ARMS = {"direct": "direct", "latent": "6 thoughts"}
PLAIN = {"steps", "KL", "KL at steps", "KL at <a>", "KL at answer", "surprisal"}
OVER_WRITING = {
    "greedy/right": "right, %",
    "sampled/right": "right, sampled, %",
    "greedy/steps": "steps",
    "greedy/legal": "steps that are facts, %",
    "greedy/on path": "… on a path, %",
    "greedy/repeated": "repeated, %",
    "greedy/whole": "whole paths, %",
    "greedy/unproved": "right without a whole path, %",
    "greedy/KL": "KL a token, nats",
    "sampled/KL": "KL a token, sampled, nats",
}
OVER_LOAD = {
    "load/one step dropped": "one step left out, right %",
    "load/last step dropped": "last left out, right %",
    "load/another problem's chain": "another problem's chain, right %",
    "load/led astray": "led astray, right %",
    "load/no step": "no step, right %",
    "greedy/says last": "answer is the last word, %",
    "arm/direct": "direct, right %",
    "arm/latent": "6 thoughts, right %",
}
PILOT_COLUMNS = {
    "greedy/right": "right, %",
    "sampled/right": "right, sampled, %",
    "greedy/steps": "steps",
    "greedy/legal": "steps that are facts, %",
    "greedy/unproved": "right without a whole path, %",
    "greedy/jump": "jumps, %",
    "greedy/jump as direct": "jumps as direct, %",
    "greedy/says last": "answer is the last word, %",
    "greedy/KL": "KL a token, nats",
    "load/led astray": "right, led astray, %",
    "load/one step dropped": "right, one step left out, %",
    "load/no step": "right, no step, %",
    "arm/direct": "direct, %",
    "arm/latent": "6 thoughts, %",
}


def _show(score: dict, name: str, signed: bool = False) -> str:
    """`84.8 (81.4–87.7)`, in percent unless the measure is plain."""
    if score["value"] is None:
        return "–"
    sign = "+" if signed else ""
    if name in PLAIN:
        value, low, high = (f"{number:{sign}.2f}" for number in (score["value"], *score["ci"]))
    else:
        value, low, high = (f"{100 * number:{sign}.1f}" for number in (score["value"], *score["ci"]))
    return f"{value} ({low} … {high})".replace("-", "−") if signed else f"{value} ({low}–{high})"


def _pairs(fresh: dict, group: str, names: dict[str, str], head: str) -> str:
    rows = (
        [
            label + ("" if name in PLAIN else ", %"),
            _show(fresh[f"{group}/{name}"]["before"], name),
            _show(fresh[f"{group}/{name}"]["after"], name),
            _show(fresh[f"{group}/{name}"]["change"], name, signed=True),
        ]
        for name, label in names.items()
    )
    return table([head, "prosqa", "prosqa-rl", "change"], rows)


def _public(public: dict[str, dict]) -> str:
    hops = sorted(public["before"]["cot"]["by_hops"], key=int)
    rows = (
        [
            ARM_NAMES[arm],
            model,
            interval(public[when][arm]),
            percent(public[when][arm]["distractor"]),
            *["{}/{}".format(*public[when][arm]["by_hops"][h]) for h in hops],
        ]
        for arm in ARM_NAMES
        for when, model in (("before", "prosqa"), ("after", "prosqa-rl"))
    )
    return table(["arm", "model", "right, %", "says the distractor, %", *[f"{h} hops" for h in hops]], rows)


def _over(records: list[dict], columns: dict[str, str]) -> str:
    """The start, and every record whose step is the first one's times a power of two."""
    every = records[0]["settings"]["every"]
    shown = [records[0], *[r for r in records[1:] if (r["step"] // every).bit_count() == 1]]
    rows = (
        [f"{record.get('step', 0):,}", *[_show(record["measured"][key], key.split("/")[1]) for key in columns]]
        for record in shown
    )
    return table(["step", *columns.values()], rows)


def _runs(lines: list[dict]) -> list[list[dict]]:
    """A file of logs, one after another: a run begins with its settings."""
    runs: list[list[dict]] = []
    for line in lines:
        if "settings" in line:
            runs.append([])
        runs[-1].append(line)
    return runs


def _settings(settings: dict) -> list[str]:
    rewards = "shuffled" if settings.get("shuffled") else "own"
    return [f"{settings['kl']:g}", f"{settings['length']:g}", f"{settings['rate']:g}", rewards]


def _pilots(runs: list[list[dict]]) -> str:
    rows = (
        [
            *_settings(run[0]["settings"]),
            *[_show(run[-1]["measured"][key], key.split("/")[1]) for key in PILOT_COLUMNS],
        ]
        for run in runs
    )
    return table(["KL", "length", "rate", "rewards", *PILOT_COLUMNS.values()], rows)


def _training(records: list[dict], parity: dict) -> str:
    settings, restored, last = records[0]["settings"], records[0]["restored"], records[-1]
    text = f"""The base is rebuilt from the graphs of `models/prosqa` (`restoration.py`; largest difference of a logit
{restored["logits"]:.1e}, of the residual stream {restored["sites"]:.1e} of its largest entry, every argmax equal).
{settings["steps"]:,} steps of {settings["prompts"]} fresh prompts with {settings["group"]} chains each, sampled at
temperature 1. Reward: 1 if the token after `<a>` is the answer, less {settings["length"]:g} a step. Advantage: reward
less the mean of the prompt's group, not divided by its deviation. Loss: −advantage · log-probability of the chain,
summed, plus {settings["kl"]:g} times the KL from the base, summed over the chain and exact at every position. Each
batch is used once. Adam, rate {settings["rate"]:g}, constant after the first steps; gradient norm at most 1. All
weights are tuned, the embedding too. Seed {settings["seed"]}, one run, {last["cpu_minutes"]:.0f} CPU minutes on one
core without the measurements. Parity of the graphs with PyTorch: largest difference
{parity["largest_difference"]:.1e} over {parity["positions"]} positions, every argmax equal."""
    return " ".join(text.split())


def write_card(folder: Path, results_folder: Path) -> None:
    """Writes `card.md` from what lies in the folder of results."""

    def lines(name: str) -> list[dict]:
        return [json.loads(line) for line in (results_folder / name).read_text().splitlines()]

    results = json.loads((results_folder / f"{REINFORCED.id}.json").read_text())
    records = lines(f"{REINFORCED.id}.log.jsonl")
    pilots = _runs(lines(f"{REINFORCED.id}.pilots.jsonl"))
    fresh = results["fresh"]
    (folder / "card.md").write_text(
        CARD.format(
            **{
                when: {
                    name: _show(scores[when], name.split("/")[1], signed=when == "change")
                    for name, scores in fresh.items()
                }
                for when in ("before", "after", "change")
            },
            steps=records[0]["settings"]["steps"],
            every=records[0]["settings"]["every"],
            n=results["public"]["before"]["cot"]["n"],
            public=_public(results["public"]),
            fresh=f"{fresh['greedy/right']['before']['n']:,}",
            greedy=_pairs(fresh, "greedy", WRITING, "greedy"),
            sampled=_pairs(fresh, "sampled", WRITING, "sampled"),
            load=_pairs(fresh, "load", LOAD, "chain before `<a>`"),
            astray=fresh["load/led astray"]["before"]["n"],
            arms=_pairs(fresh, "arm", ARMS, "arm"),
            held_out=records[0]["measured"]["greedy/right"]["n"],
            over_writing=_over(records, OVER_WRITING),
            over_load=_over(records, OVER_LOAD),
            examples=len(results["examples"]),
            chains=table(
                ["root", "path", "prosqa", "prosqa-rl"],
                ([e["root"], e["path"], e["before"], e["after"]] for e in results["examples"]),
            ),
            pilot_steps=pilots[0][0]["settings"]["steps"],
            pilots=_pilots(pilots),
            training=_training(records, results["parity"]),
        )
    )



def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("../../prosqa-rl"))
    arguments = parser.parse_args()
    write_card(arguments.folder, Path(__file__).parent / "results")


if __name__ == "__main__":
    main()
