"""The figures of the card, from checkpoints: accuracy against the number of moves, how error grows along the chain under noise
and coarse heads, what snapping does, and what each latent is worth.

    python evaluate.py work/main-1.pt --parts steps stress ablation

All problems are drawn with seeds that no training run uses.
"""

import argparse
import copy
import json
import time
from pathlib import Path

import neighbour  # noqa: F401
import torch
from intervals import wilson
from reasoner import CODE, EULER, WIDTH, Kind, Reasoner
from rollout import Chain, Edit, noise_for, read_degrees, read_room, resume, roll, snap, unchanged, with_bits
from torch import Tensor
from walker import LATENTS, Problems, advance, draw, heading_of
from words import EOS

RESULTS = Path(__file__).parent / "results"
LESS_END = 6.0  # nats. Where the twin takes all 80 places for equally likely, to end at once is the likeliest single token
PROBLEMS = 512
COUNTS = {"steps": PROBLEMS, "stress": 256, "ablation": 100}  # problems of each part
SEED, NOISE_SEED, REPLACEMENT_SEED = 777, 778, 779
MOVES = (0, 1, 2, 3, 4, 6, 8, 16, 32, 64, 96, 128)
QUARTER = LATENTS // 4
SCALES = (0.0, 0.5, 1.0, 1.25, 1.5, 1.75, 2.0)
SNAPPED_AT = (1.0, 1.5)
PERIODS = (1, 4, 16)
BITS = (6, 4, 3)


def load(path: Path) -> tuple[Reasoner, dict]:
    saved = torch.load(path, weights_only=False)
    model = Reasoner(Kind(pause=saved["kind"] == "pause"))
    model.load_state_dict(saved["model"])
    if model.kind.pause:
        with torch.no_grad():
            model.answer_special.bias[EOS] -= LESS_END
    return round_weights(model).eval(), saved


def round_weights(model: Reasoner) -> Reasoner:
    """To half precision, as they are stored in the folder: what is measured is what is shipped."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half().float())
    return model


def share(right: Tensor) -> dict:
    count, of = int(right.sum()), right.numel()
    low, high = wilson(count, of)
    return {"value": round(count / of, 4) if of else None, "ci": [round(low, 4), round(high, 4)], "n": of}


def off(found: Tensor, true: Tensor) -> Tensor:
    """Signed difference of two headings, -180..180 degrees."""
    return (found - true + 180) % 360 - 180


def rms(values: Tensor) -> float | None:
    return round(values.pow(2).mean().sqrt().item(), 3) if values.numel() else None


def answers(chain: Chain, problems: Problems, moves: int) -> dict:
    room = chain.room[:, moves] == problems.room[:, moves]
    heading = chain.heading[:, moves] == problems.heading[:, moves]
    return {"room": share(room), "heading": share(heading), "both": share(room & heading)}


def says_the_start(moves: int) -> dict:
    """A control that needs no thought, on the same problems: a loop of eight moves often leads back to where it began."""
    problems = draw(PROBLEMS, LATENTS, torch.Generator().manual_seed(SEED))
    room = problems.room[:, moves] == problems.room[:, 0]
    heading = problems.heading[:, moves] == problems.heading[:, 0]
    return {"room": share(room), "heading": share(heading), "both": share(room & heading)}


def growth(model: Reasoner, chain: Chain, problems: Problems) -> dict:
    """How error arises and adds up, in quarters of the chain. A step is judged against the latent that was really fed
    before it, the chain against the truth."""
    fed_room, fed_degrees = read_room(model, chain.fed), read_degrees(chain.fed)
    room, degrees = read_room(model, chain.sampled), read_degrees(chain.sampled)
    due = [advance(problems, fed_room[:, i], fed_degrees[:, i], i) for i in range(LATENTS - 1)]
    wrong_step = room[:, 1:] != torch.stack([one for one, _ in due], 1)
    turned = off(degrees[:, 1:], torch.stack([one for _, one in due], 1))
    right_so_far = (room == problems.room[:, :-1]).cummin(1).values
    error = off(degrees, problems.degrees[:, :-1])
    nearest = torch.cdist(chain.sampled[..., :CODE], model.codes()).min(-1).values
    radius = chain.sampled[..., CODE:].norm(dim=-1)
    rows = []
    for start in range(0, LATENTS, QUARTER):
        here, steps = slice(start, start + QUARTER), slice(max(start - 1, 0), start + QUARTER - 1)
        steady = turned[:, steps][~wrong_step[:, steps]]  # a step to the wrong room also turns by another angle
        rows.append(
            {
                "from": start,
                "room_step_error": round(wrong_step[:, steps].float().mean().item(), 5),
                "heading_step_bias": round(steady.mean().item(), 3) if steady.numel() else None,
                "heading_step_rms": rms(steady),
                "heading_rms": rms(error[:, here][right_so_far[:, here]]),
                "right_so_far": round(right_so_far[:, here].float().mean().item(), 4),
                "distance_to_code": round(nearest[:, here].mean().item(), 3),
                "radius": round(radius[:, here].mean().item(), 3),
            }
        )
    last = right_so_far[:, -1]
    by_moves = {i: rms(error[:, i][right_so_far[:, i]]) for i in (1, 2, 4, 8, 16, 32, 64, 96, 127)}
    return {"quarters": rows, "heading_rms_after": by_moves, "chains_always_right": share(last)}


class Bench:
    """One model on held-out problems, with the same noise in every condition."""

    def __init__(self, model: Reasoner, count: int) -> None:
        self.model = model
        self.problems = draw(PROBLEMS, LATENTS, torch.Generator().manual_seed(SEED)).take(count)
        self.noise = None if model.kind.pause else noise_for(PROBLEMS, NOISE_SEED)[:count]

    def roll(self, scale: float = 1.0, edit: Edit = unchanged, euler: int = EULER, bits: int | None = None) -> Chain:
        model = self.model
        if bits is not None:
            model = copy.deepcopy(model)
            with_bits(model, bits)
        return roll(model, self.problems, None if self.noise is None else self.noise * scale, edit, euler)

    def measure(self, **condition) -> dict:
        chain = self.roll(**condition)
        return answers(chain, self.problems, LATENTS) | growth(self.model, chain, self.problems)

    def steps(self) -> dict:
        chain = self.roll()
        found = {"moves": {moves: answers(chain, self.problems, moves) for moves in MOVES}}
        return found if self.model.kind.pause else found | growth(self.model, chain, self.problems)

    def stress(self) -> dict:
        model, found = self.model, {}
        for scale in SCALES:
            found[f"noise {scale:g}"] = self.measure(scale=scale)
        for euler in (1, 2, 8):
            found[f"Euler steps {euler}"] = self.measure(euler=euler)
        for bits in BITS:
            found[f"head {bits} bits"] = self.measure(bits=bits)
        for scale in SNAPPED_AT:
            for part in ("room", "heading"):
                for every in PERIODS:
                    edit = snap(model, {part}, every)
                    found[f"noise {scale:g}, {part} snapped every {every}"] = self.measure(scale=scale, edit=edit)
            both = snap(model, {"room", "heading"}, 1)
            found[f"noise {scale:g}, both snapped every 1"] = self.measure(scale=scale, edit=both)
            for grid in (1.0, 5.0):
                edit = snap(model, {"heading"}, 1, grid)
                found[f"noise {scale:g}, heading snapped to {grid:g} degrees every 1"] = self.measure(scale=scale, edit=edit)
        for bits in BITS[1:]:
            found[f"head {bits} bits, room snapped every 1"] = self.measure(bits=bits, edit=snap(model, {"room"}, 1))
        return found

    def ablation(self) -> dict:
        """Each latent in turn replaced, by noise of its own spread or by another problem's; what follows is recomputed."""
        model, problems, noise = self.model, self.problems, self.noise
        chain = self.roll()
        spread = chain.fed.flatten(0, 1)
        seed = torch.Generator().manual_seed(REPLACEMENT_SEED)
        drawn = spread.mean(0) + spread.std(0) * torch.randn(len(problems), WIDTH, generator=seed)
        rows = []
        for index in range(LATENTS):
            other = chain.fed[:, index].roll(1, 0)
            by_noise = resume(model, chain, index, drawn, noise)
            by_other = resume(model, chain, index, other, noise)
            room, degrees = problems.room[:, index].roll(1, 0), problems.degrees[:, index].roll(1, 0)
            for made in range(index, LATENTS):
                room, degrees = advance(problems, room, degrees, made)
            rows.append(
                {
                    "noise": self._last(by_noise, problems),
                    "other": self._last(by_other, problems),
                    "follows_other": {
                        "room": share(by_other.room[:, -1] == room),
                        "heading": share(by_other.heading[:, -1] == heading_of(degrees)),
                    },
                }
            )
        return {"intact": answers(chain, problems, LATENTS), "latents": rows}

    @staticmethod
    def _last(chain: Chain, problems: Problems) -> dict:
        room, heading = chain.room[:, -1] == problems.room[:, -1], chain.heading[:, -1] == problems.heading[:, -1]
        return {"room": share(room), "heading": share(heading)}


def codes(model: Reasoner) -> dict:
    distance = torch.cdist(model.codes(), model.codes()).detach()
    distance.fill_diagonal_(torch.inf)
    return {"closest": round(distance.min().item(), 3), "mean_closest": round(distance.min(1).values.mean().item(), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--parts", nargs="+", choices=list(COUNTS), default=["steps"])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    model, saved = load(arguments.checkpoint)
    RESULTS.mkdir(exist_ok=True)
    out = RESULTS / f"{saved['kind']}-{saved['seed']}.json"
    results = json.loads(out.read_text()) if out.exists() else {}
    results["training"] = {name: saved[name] for name in ("kind", "seed", "step", "problems", "positions", "ladder")} | {
        "cpu_minutes": round(saved["seconds"] / 60, 1),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }
    if not model.kind.pause:
        results["codes"] = codes(model)
    for part in arguments.parts:
        began = time.process_time()
        results[part] = getattr(Bench(model, COUNTS[part]), part)()
        results[part]["cpu_seconds"] = round(time.process_time() - began)
        out.write_text(json.dumps(results, indent=1) + "\n")

if __name__ == "__main__":
    main()
