"""The model cards: every number in a table is read from the results."""

import json
from collections.abc import Iterable

from card_text import MAIN, PAUSE, SHARP
from evaluate import MOVES, RESULTS, says_the_start
from folder import IDENTITIES
from neighbour import MODELS
from walker import LATENTS

NAMES = {"main": "seed {}", "sharp": "sharp", "sharp-scratch": "sharp from scratch", "pause": "pause twin"}
KEYS = ("room", "heading")


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def percent(share: dict) -> str:
    low, high = share["ci"]
    return f"{100 * share['value']:.1f} ({100 * low:.1f}–{100 * high:.1f})"


def number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def read(kind: str) -> list[dict]:
    """Results of every seed of a kind."""
    return [json.loads(path.read_text()) for path in sorted(RESULTS.glob(f"{kind}-[0-9].json"))]


def _accuracy(runs: list[dict], key: str) -> str:
    head = ["moves", *[NAMES[run["training"]["kind"]].format(run["training"]["seed"]) for run in runs], "saying the start"]
    rows = (
        [str(n), *[percent(run["steps"]["moves"][str(n)][key]) for run in runs], percent(says_the_start(n)[key])] for n in MOVES
    )
    return table(head, rows)


def _growth(runs: list[dict]) -> str:
    head = ["model", "latents", "wrong room, % of steps", "turn: mean error, °", "turn: rms error, °"]
    head += ["heading: rms error so far, °", "distance to the nearest code", "radius"]
    rows = (
        [
            NAMES[run["training"]["kind"]].format(run["training"]["seed"]),
            f"{row['from']}–{row['from'] + LATENTS // 4 - 1}",
            number(100 * row["room_step_error"], 3),
            number(row["heading_step_bias"], 3),
            number(row["heading_step_rms"], 3),
            number(row["heading_rms"]),
            number(row["distance_to_code"], 3),
            number(row["radius"], 3),
        ]
        for run in runs
        for row in run["steps"]["quarters"]
    )
    return table(head, rows)


def _condition(name: str, run: dict) -> list[str]:
    first, *_, last = run["quarters"]
    return [
        name,
        percent(run["room"]),
        percent(run["heading"]),
        " → ".join(number(100 * row["room_step_error"], 2) for row in (first, last)),
        " → ".join(number(row["heading_step_rms"]) for row in (first, last)),
        " → ".join(number(row["heading_rms"], 1) for row in (first, last)),
    ]


CONDITION = ["condition", "room, %", "heading, %", "wrong room, % of steps", "turn: rms error, °", "heading: rms error, °"]


def _stress(run: dict, snapped: bool) -> str:
    found = {name: one for name, one in run["stress"].items() if isinstance(one, dict)}
    return table(CONDITION, (_condition(name, one) for name, one in found.items() if ("snapped" in name) == snapped))


def _ablation(run: dict) -> str:
    rows = run["ablation"]["latents"]
    head = ["latent", "noise: room", "noise: heading", "another's: room", "another's: heading"]
    head += ["another's, run on: room", "another's, run on: heading"]
    shown = (
        [str(i), *[percent(row[what][key]) for what in ("noise", "other", "follows_other") for key in KEYS]]
        for i, row in enumerate(rows)
    )
    return table(head, shown)


def _range(run: dict, what: str, key: str) -> str:
    values = [row[what][key]["value"] for row in run["ablation"]["latents"]]
    return f"{100 * min(values):.0f}–{100 * max(values):.0f} %"


def _training(runs: list[dict]) -> str:
    head = ["run", "updates", "problems", "latents", "CPU minutes", "parameters in training"]
    rows = (
        [
            NAMES[one["kind"]].format(one["seed"]),
            f"{one['step']:,}",
            f"{one['problems']:,}",
            f"{one['positions']:,}",
            str(one["cpu_minutes"]),
            f"{one['parameters']:,}",
        ]
        for one in (run["training"] for run in runs)
    )
    return table(head, rows)


def _ladder(run: dict) -> str:
    history = [f"{moves} from update {update:,}" for update, moves in run["training"]["ladder"]["history"]]
    asked = ", ".join(["one move at first", *history])
    return f"After the help it is asked for chains that grow whenever the last move's room is right in 95 % of the problems: {asked}."


def write_cards() -> None:
    main, pause, sharp, scratch = (read(kind) for kind in ("main", "pause", "sharp", "sharp-scratch"))
    shipped = main[0]
    others = [*sharp, *scratch]
    parts = {
        "rooms": _accuracy([*main, *others, *pause], "room"),
        "headings": _accuracy([*main, *others, *pause], "heading"),
        "growth": _growth([*main, *others]),
        "stress": _stress(shipped, False),
        "snaps": _stress(shipped, True),
        "stressed": shipped["stress"]["noise 1"]["room"]["n"],
        "ablation": _ablation(shipped),
        "ablated": shipped["ablation"]["intact"]["room"]["n"],
        "intact_room": percent(shipped["ablation"]["intact"]["room"]),
        "intact_heading": percent(shipped["ablation"]["intact"]["heading"]),
        "noise_room": _range(shipped, "noise", "room"),
        "other_room": _range(shipped, "other", "room"),
        "follows_room": _range(shipped, "follows_other", "room"),
        "follows_heading": _range(shipped, "follows_other", "heading"),
        "closest": shipped["codes"]["mean_closest"],
        "training": _training([*main, *others, *pause]),
        "parity": f"{shipped['parity']['largest_difference']:.1e}",
    }
    _write("main", MAIN.format(**parts))
    parts = {
        "growth": _growth([shipped, *others]),
        "stress": _stress(sharp[0], False),
        "snaps": _stress(sharp[0], True),
        "scratch": _stress(scratch[0], False),
        "stressed": scratch[0]["stress"]["noise 1"]["room"]["n"],
        "parity": f"{sharp[0]['parity']['largest_difference']:.1e}",
    }
    _write("sharp", SHARP.format(**parts))
    parts = {key: _accuracy([shipped, *pause], key) for key in KEYS}
    parts |= {"updates": f"{pause[0]['training']['step']:,}", "ladder": _ladder(pause[0]), "training": _training([shipped, *pause])}
    _write("pause", PAUSE.format(**parts))


def _write(kind: str, text: str) -> None:
    (MODELS / IDENTITIES[kind].id / "card.md").write_text(text)
