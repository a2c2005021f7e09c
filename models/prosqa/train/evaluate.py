"""The figures of the card, measured on the shipped graphs with problems that were never trained on.

    python evaluate.py --folder .. --published PATH/TO/valid.json

An answer counts as right when the most likely token of the whole vocabulary is the answer's. An intervention replaces
every fed-back state; the states after it are recomputed from it.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from folder import CHAIN_LIMIT, THOUGHTS
from intervals import wilson
from problems import MAX_HOPS, UNREACHABLE, Batch, Published, batch, read_published
from session import Session, State
from vocabulary import ANSWER, COT, DIRECT, LATENT, TOKENS

LONGEST_SWEEP = 8
SEED = 0

Thought = Callable[[int, np.ndarray], np.ndarray]


def _share(hits: np.ndarray) -> dict:
    low, high = wilson(int(hits.sum()), len(hits))
    return {
        "right": int(hits.sum()),
        "n": len(hits),
        "share": round(float(hits.mean()), 4),
        "ci": [round(low, 4), round(high, 4)],
    }


class Evaluation:
    """One folder on one set of problems. `asked.candidates` and the like come from the graphs, the prompts from the
    published text."""

    def __init__(self, session: Session, published: Published) -> None:
        self.session = session
        self.text = published.text
        self.asked: Batch = batch(published.problems, np.arange(len(published.text)), published.layout)
        feedback = next(s for s in session.manifest["recipe"]["arms"]["latent"] if s["kind"] == "latent")["feedback"]
        self.pause = feedback["site"] == "token"
        self.rng = np.random.default_rng(SEED)
        self.prompt = session.read(self.text)
        self.begun = session.tokens(self.prompt, LATENT)
        self.table = session.table()

    def direct(self) -> np.ndarray:
        """The answer's logits [B,V]."""
        return self.session.logits(self.session.tokens(self.prompt, DIRECT, ANSWER))

    def chain(self) -> tuple[np.ndarray, np.ndarray]:
        """Greedy chain of thought: answers [B] (-1 where it never answers) and the chain's tokens [B,S]."""
        state = self.session.tokens(self.prompt, COT)
        answer = np.full(len(self.text), -1)
        asked = np.zeros(len(self.text), bool)
        spoken = []
        for _ in range(CHAIN_LIMIT):
            token = self.session.best(state)
            answer = np.where(asked & (answer < 0), token, answer)
            asked |= token == ANSWER
            spoken.append(token)
            if (answer >= 0).all():
                break
            state = self.session.tokens(state, token)
        return answer, np.stack(spoken, 1)

    def think(
        self, change: Thought | None = None, count: int = THOUGHTS, begun: State | None = None
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """The latent arm: the answer's logits [B,V] and what was fed back, count times [B,1,d]. `change` replaces a
        thought."""
        state = begun or self.begun
        fed = []
        for step in range(count):
            if self.pause:
                state = self.session.tokens(state, LATENT)
                continue
            thought = self.session.thought(state)
            if change is not None:
                thought = change(step, thought)
            fed.append(thought)
            state = self.session.embedding(state, thought)
        return self.session.logits(self.session.tokens(state, ANSWER)), fed

    def score(self, answer: np.ndarray) -> dict:
        """Answers [B] or logits [B,V]; by hops, and two-way where there are logits."""
        asked = self.asked
        token = answer.argmax(-1) if answer.ndim == 2 else answer
        right = token == asked.target
        result = _share(right) | {"distractor": round(float((token == asked.distractor).mean()), 4)}
        if answer.ndim == 2:
            pair = np.take_along_axis(answer, np.stack([asked.target, asked.distractor], 1), 1)
            result["two_way"] = round(float((pair[:, 0] > pair[:, 1]).mean()), 4)
        result["by_hops"] = {
            int(h): [int(right[asked.hops == h].sum()), int((asked.hops == h).sum())] for h in np.unique(asked.hops)
        }
        return result

    def arms(self) -> dict[str, dict]:
        return {
            "direct": self.score(self.direct()),
            "cot": self.score(self.chain()[0]),
            "latent": self.score(self.think()[0]),
        }

    def sweep(self) -> dict[int, dict]:
        return {count: self.score(self.think(count=count)[0]) for count in range(LONGEST_SWEEP + 1)}

    def _noise(self, thought: np.ndarray) -> np.ndarray:
        draw = self.rng.standard_normal(thought.shape)
        return draw * np.linalg.norm(thought, axis=-1, keepdims=True) / np.linalg.norm(draw, axis=-1, keepdims=True)

    def _nearest(self, thought: np.ndarray) -> np.ndarray:
        return self.table[(thought[:, 0] @ self.table.T).argmax(-1)][:, None]

    def controls(self) -> dict[str, dict]:
        """What the answer does when the thoughts are destroyed or replaced."""
        _, own = self.think()

        def rescaled(thought: np.ndarray) -> np.ndarray:
            snapped = self._nearest(thought)
            return (
                snapped
                * np.linalg.norm(thought, axis=-1, keepdims=True)
                / np.linalg.norm(snapped, axis=-1, keepdims=True)
            )

        changes: dict[str, Thought] = {
            "zero": lambda step, thought: np.zeros_like(thought),
            "noise of equal norm": lambda step, thought: self._noise(thought),
            "mean thought of the step": lambda step, thought: np.broadcast_to(
                own[step].mean(0, keepdims=True), thought.shape
            ),
            "thoughts of another problem": lambda step, thought: np.roll(own[step], 1, 0),
            "<latent> token": lambda step, thought: np.broadcast_to(self.table[LATENT], thought.shape),
            "nearest token": lambda step, thought: self._nearest(thought),
            "nearest token, rescaled": lambda step, thought: rescaled(thought),
        }
        return {name: self.score(self.think(change)[0]) for name, change in changes.items()}

    def transplant(self) -> dict[str, dict]:
        """Thoughts of the same facts with the question asked about the other root: how often the answer is the other
        candidate."""
        swapped = []
        for text, root in zip(self.text, self.asked.other_root, strict=True):
            facts, question = text.rsplit(" Is ", 1)
            swapped.append(f"{facts}{TOKENS[root]} {question.split(' ', 1)[1]}")
        begun = self.session.tokens(self.session.read(swapped), LATENT)
        logits, donor = self.think(begun=begun)

        def follows(answer: np.ndarray) -> dict:
            return _share(answer.argmax(-1) == self.asked.distractor)

        result = {"asked about the other root": follows(logits)}
        result["all thoughts"] = follows(self.think(lambda step, thought: donor[step])[0])

        def only(chosen: int) -> Thought:
            return lambda step, thought: donor[step] if step == chosen else thought

        for chosen in range(THOUGHTS):
            result[f"thought {chosen} only"] = follows(self.think(only(chosen))[0])
        return result

    def superposition(self) -> list[dict]:
        """Where the nearest-token mass of each thought lies, over problems whose answer is not yet passed; means of
        softmax mass."""
        _, fed = self.think()
        asked = self.asked
        rows = []
        for step in range(min(THOUGHTS, MAX_HOPS)):
            logits = fed[step][:, 0] @ self.table.T
            mass = np.exp(logits - logits.max(-1, keepdims=True))
            mass /= mass.sum(-1, keepdims=True)
            node = np.take_along_axis(mass, asked.node_token, 1) * asked.present
            open_ = asked.hops > step
            groups = {
                "frontier": asked.distance == step + 1,
                "earlier": asked.distance <= step,
                "later": (asked.distance > step + 1) & (asked.distance < UNREACHABLE),
                "unreachable": asked.present & (asked.distance == UNREACHABLE),
            }
            row = {"thought": step, "n": int(open_.sum())}
            for name, group in groups.items():
                row[name] = round(float((node * group)[open_].sum(1).mean()), 4)
            frontier = groups["frontier"][open_]
            row["frontier_nodes"] = round(float(frontier.sum(1).mean()), 2)
            entropy = -(mass * np.log(np.maximum(mass, 1e-30))).sum(-1)
            row["effective_tokens"] = round(float(np.exp(entropy[open_]).mean()), 2)
            on_path = np.take_along_axis(mass, asked.path[:, step : step + 1], 1)[:, 0]
            row["path"] = round(float(on_path[open_].mean()), 4)
            rows.append(row)
        return rows

    def everything(self) -> dict:
        result = {"n": len(self.text), "arms": self.arms(), "sweep": self.sweep()}
        if not self.pause:
            result |= {
                "controls": self.controls(),
                "transplant": self.transplant(),
                "superposition": self.superposition(),
            }
        return result


def evaluate(folder: Path, published: Path) -> dict:
    return Evaluation(Session(folder), read_published(published)).everything()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(".."))
    parser.add_argument("--published", type=Path, required=True)
    arguments = parser.parse_args()
    print(json.dumps(evaluate(arguments.folder, arguments.published), indent=1))


if __name__ == "__main__":
    main()
