"""A model folder run in onnxruntime, the way the engine runs it. All measurements in the card go through here."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from vocabulary import PAD


@dataclass
class State:
    """Sequences that have been read so far: caches, mask [B,P], next position [B], residual streams of the last call
    [sites][B,T,d]."""

    past: dict[str, np.ndarray]
    mask: np.ndarray
    position: np.ndarray
    sites: list[np.ndarray]

    @property
    def last(self) -> np.ndarray:
        """The final block's output at the last position, [B,1,d]."""
        return self.sites[-1][:, -1:]


class Session:
    def __init__(self, folder: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.manifest = json.loads((folder / "model.json").read_text())
        self.body, self.head = (
            onnxruntime.InferenceSession(
                folder / self.manifest["files"][part]["name"], options, providers=["CPUExecutionProvider"]
            )
            for part in ("body", "head")
        )
        self.tokenizer = Tokenizer.from_file(str(folder / self.manifest["files"]["tokenizer"]["name"]))
        shape = self.manifest["shape"]
        self.layers, self.width = shape["layers"], shape["width"]
        self._empty = np.zeros((1, shape["heads"], 0, shape["headWidth"]), np.float32)
        self._past = [f"past_key_values.{i}.{part}" for i in range(self.layers) for part in ("key", "value")]
        self._present = [name.replace("past_key_values", "present") for name in self._past]
        self._outputs = [f"resid.{i}" for i in range(self.layers + 1)] + self._present
        self._idle = {}
        for i in range(self.layers + 1):
            self._idle |= {
                f"patch.{i}.keep": np.ones((1, 1, 1), np.float32),
                f"patch.{i}.add": np.zeros((1, 1, 1), np.float32),
            }

    def _run(self, state: State, ids: np.ndarray, mask: np.ndarray, embeds: np.ndarray | None) -> State:
        """ids [B,T]; mask [B,T] 1 for a real position; embeds [B,T,d] replace the tokens where given."""
        positions = state.position[:, None] + np.maximum(mask.cumsum(1) - 1, 0)
        full = np.concatenate([state.mask, mask], 1)
        feeds = {
            "input_ids": ids,
            "attention_mask": full,
            "position_ids": positions,
            "inputs_embeds": np.zeros((1, 1, 1), np.float32) if embeds is None else embeds,
            "embeds_mask": np.full((1, 1, 1), embeds is not None),
            **state.past,
            **self._idle,
        }
        results = self.body.run(self._outputs, feeds)
        past = dict(zip(self._past, results[self.layers + 1 :], strict=True))
        return State(past, full, state.position + mask.sum(1), results[: self.layers + 1])

    def read(self, prompts: list[str]) -> State:
        """Prompts of unequal length are padded on the left."""
        encoded = [self.tokenizer.encode(prompt).ids for prompt in prompts]
        width = max(len(ids) for ids in encoded)
        ids = np.array([[PAD] * (width - len(row)) + row for row in encoded], np.int64)
        mask = np.array([[0] * (width - len(row)) + [1] * len(row) for row in encoded], np.int64)
        count = len(prompts)
        empty = np.repeat(self._empty, count, 0)
        fresh = State(
            {name: empty for name in self._past}, np.zeros((count, 0), np.int64), np.zeros(count, np.int64), []
        )
        return self._run(fresh, ids, mask, None)

    def tokens(self, state: State, *tokens: int | np.ndarray) -> State:
        """Feeds tokens, the same for all sequences or one [B] each."""
        count = len(state.position)
        ids = np.stack([np.broadcast_to(np.asarray(token, np.int64), count) for token in tokens], 1)
        return self._run(state, ids, np.ones_like(ids), None)

    def embedding(self, state: State, embeds: np.ndarray) -> State:
        """Feeds one vector [B,1,d] per sequence in place of a token."""
        count = len(state.position)
        return self._run(
            state, np.zeros((count, 1), np.int64), np.ones((count, 1), np.int64), embeds.astype(np.float32)
        )

    def table(self) -> np.ndarray:
        """The embedding of every token, [V,d]."""
        ids = np.arange(self.manifest["shape"]["vocabulary"])[None]
        feeds = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "position_ids": np.zeros_like(ids),
            "inputs_embeds": np.zeros((1, 1, 1), np.float32),
            "embeds_mask": np.zeros((1, 1, 1), bool),
            **{name: self._empty for name in self._past},
            **self._idle,
        }
        return self.body.run(["token_embeds"], feeds)[0][0]

    def readout(self, hidden: np.ndarray, *names: str) -> list[np.ndarray]:
        """Outputs of the head for hidden [N,M,d]."""
        feeds = {"hidden": hidden, "target": np.zeros(len(hidden), np.int64), "k": np.array([1], np.int64)}
        return self.head.run(list(names), feeds)

    def logits(self, state: State) -> np.ndarray:
        """[B,V] at the last position."""
        return self.readout(state.last, "logits")[0][:, 0]

    def best(self, state: State) -> np.ndarray:
        """The most likely next token, [B]."""
        return self.logits(state).argmax(-1)

    def thought(self, state: State) -> np.ndarray:
        """The state that is fed back, [B,1,d]: after the final norm."""
        return self.readout(state.last, "normed")[0]
