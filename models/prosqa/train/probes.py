"""Two linear probes on the thoughts of the latent arm, with held-out figures and controls, in the format of
models/README.md.

- `within-k-hops`: per concept of the vocabulary, "this entity is within k hops of the root", k = thought index + 1.
  Only concepts that the prompt mentions are examples.
- `first-option`: "the first option is the answer".

Problems are generated, so none is public and none was trained on (own seeds); training and held-out problems are
disjoint.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file
from torch import Tensor

from folder import THOUGHTS
from problems import PUBLISHED, Batch, Problems, batch, draw_layout, generate
from session import Session
from vocabulary import CONCEPTS, ENTITIES, LATENT, PAD, TOKEN_OF_NAME, TOKENS, Form

TRAINING_PROBLEMS = 6000
HELD_OUT_PROBLEMS = 1000
SEEDS = (71, 72)
CHUNK = 250
PENALTY = 3e-3  # of the squared weights, per example
ITERATIONS = 80
RESAMPLES = 400


@dataclass
class Examples:
    """What the probes see of G problems."""

    states: np.ndarray  # [G,S,L+1,d] where thought s is produced
    distance: np.ndarray  # [G,C] of each concept from the root
    present: np.ndarray  # [G,C] bool
    first: np.ndarray  # [G] bool: the first option is the answer


def _spell(ids: np.ndarray) -> str:
    return "".join(TOKENS[token] for token in ids if token != PAD)[1:]


def _states(session: Session, asked: Batch, pause: bool) -> np.ndarray:
    """[B,S,L+1,d]"""
    state = session.tokens(session.read([_spell(row) for row in asked.prompt]), LATENT)
    seen = [np.stack(state.sites, 2)[:, -1]]
    for _ in range(THOUGHTS - 1):
        state = session.tokens(state, LATENT) if pause else session.embedding(state, session.thought(state))
        seen.append(np.stack(state.sites, 2)[:, -1])
    return np.stack(seen, 1)


def collect(session: Session, problems: Problems, pause: bool, seed: int) -> Examples:
    rng = np.random.default_rng(seed)
    states, distance, present, first = [], [], [], []
    concept_of_token = np.full(len(TOKENS), -1)
    concept_of_token[TOKEN_OF_NAME[Form.OBJECT][len(ENTITIES) :]] = np.arange(len(CONCEPTS))
    for start in range(0, len(problems), CHUNK):
        index = np.arange(start, min(len(problems), start + CHUNK))
        asked = batch(problems, index, draw_layout(problems, index, rng))
        states.append(_states(session, asked, pause))
        rows, nodes = np.nonzero(asked.present)
        concepts = concept_of_token[asked.node_token[rows, nodes]]
        far = np.zeros((len(index), len(CONCEPTS)), np.int64)
        far[rows, concepts] = asked.distance[rows, nodes]
        here = np.zeros(far.shape, bool)
        here[rows, concepts] = True
        distance.append(far)
        present.append(here)
        first.append(asked.candidates[:, 0] == asked.target)
    return Examples(*(np.concatenate(parts) for parts in (states, distance, present, first)))


def fit(inputs: Tensor, labels: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """L2-penalised logistic regression for all classes at once. inputs [G,d] standardised; labels, mask [G,C]. Returns
    [C,d] and [C]."""
    weight = torch.zeros(labels.shape[1], inputs.shape[1], requires_grad=True)
    bias = torch.zeros(labels.shape[1], requires_grad=True)
    count = mask.sum(0).clamp(min=1)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=ITERATIONS, history_size=10, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        wrong = F.binary_cross_entropy_with_logits(inputs @ weight.t() + bias, labels, reduction="none") * mask
        total = (wrong.sum(0) / count).sum() + PENALTY / 2 * weight.square().sum()
        total.backward()
        return total

    optimiser.step(loss)
    return weight.detach(), bias.detach()


class Ranking:
    """AUROC of pooled (problem, class) pairs, over all problems or over a resample of them."""

    def __init__(self, scores: np.ndarray, labels: np.ndarray, mask: np.ndarray) -> None:
        self.problem, _ = np.nonzero(mask)
        self.label = labels[mask].astype(bool)
        _, self.rank = np.unique(scores[mask], return_inverse=True)

    def auroc(self, times: np.ndarray | None = None) -> float:
        """`times` [G]: how often each problem occurs."""
        weight = np.ones(len(self.rank)) if times is None else times[self.problem].astype(float)
        size = self.rank.max() + 1
        positive = np.bincount(self.rank, weight * self.label, size)
        negative = np.bincount(self.rank, weight * ~self.label, size)
        below = np.cumsum(negative) - negative
        pairs = positive.sum() * negative.sum()
        return float((positive * (below + negative / 2)).sum() / pairs) if pairs else 0.5

    def interval(self, problems: int, rng: np.random.Generator) -> tuple[float, float]:
        """95 % over resampled problems."""
        draws = [
            self.auroc(np.bincount(rng.integers(0, problems, problems), minlength=problems)) for _ in range(RESAMPLES)
        ]
        return float(np.quantile(draws, 0.025)), float(np.quantile(draws, 0.975))


@dataclass
class Task:
    """A claim about a problem at each thought."""

    name: str
    label: str
    classes: list[str] | None

    def labels(self, examples: Examples, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Labels and mask [G,C]."""
        if self.classes is None:
            column = examples.first[:, None]
            return column, np.ones_like(column)
        return examples.distance <= step + 1, examples.present


TASKS = [
    Task(
        "within-k-hops",
        "This entity is within k hops of the root, k being the thought's number counted from 1.",
        CONCEPTS,
    ),
    Task("first-option", "The first option of the question is the answer.", None),
]


def _cells(session: Session) -> Iterator[tuple[int, int]]:
    for step in range(THOUGHTS):
        for site in range(session.layers + 1):
            yield step, site


def train_probe(
    task: Task, session: Session, training: Examples, held_out: Examples
) -> tuple[dict[str, np.ndarray], list[dict]]:
    """The probe's tensors and its metrics."""
    rng = np.random.default_rng(0)
    sites, width, classes = session.layers + 1, session.width, len(task.classes or [None])
    tensors = {
        "weight": np.zeros((THOUGHTS, sites, classes, width), np.float32),
        "bias": np.zeros((THOUGHTS, sites, classes), np.float32),
        "mean": np.zeros((THOUGHTS, sites, width), np.float32),
        "scale": np.ones((THOUGHTS, sites, width), np.float32),
    }
    metrics = []
    for step, site in _cells(session):
        seen = training.states[:, step, site]
        mean, scale = seen.mean(0), np.maximum(seen.std(0), 1e-4)
        inputs = torch.from_numpy((seen - mean) / scale)
        tested = (held_out.states[:, step, site] - mean) / scale
        labels, mask = task.labels(training, step)
        truth, shown = task.labels(held_out, step)

        weight, bias = (
            part.numpy() for part in fit(inputs, torch.from_numpy(labels).float(), torch.from_numpy(mask).float())
        )
        order = rng.permutation(len(labels))
        shuffled = fit(inputs, torch.from_numpy(labels[order]).float(), torch.from_numpy(mask[order]).float())
        ranking = Ranking(tested @ weight.T + bias, truth, shown)
        noise = tuple(part.numpy() for part in shuffled)
        low, high = ranking.interval(len(truth), rng)
        metrics.append(
            {
                "step": step,
                "layer": site,
                "auroc": round(ranking.auroc(), 4),
                "ci": [round(low, 4), round(high, 4)],
                "shuffled": round(Ranking(tested @ noise[0].T + noise[1], truth, shown).auroc(), 4),
                "random": round(Ranking(tested @ rng.standard_normal(weight.shape).T, truth, shown).auroc(), 4),
            }
        )
        for name, value in (("weight", weight), ("bias", bias), ("mean", mean), ("scale", scale)):
            tensors[name][step, site] = value
    return tensors, metrics


def train_probes(folder: Path, pause: bool) -> dict[str, list[dict]]:
    """Writes `probes/*.safetensors` and returns the metrics by probe. The manifest must be written again after it."""
    session = Session(folder)
    counts = (TRAINING_PROBLEMS, HELD_OUT_PROBLEMS)
    training, held_out = (
        collect(session, generate(n, PUBLISHED, seed), pause, seed) for n, seed in zip(counts, SEEDS, strict=True)
    )
    (folder / "probes").mkdir(exist_ok=True)
    results = {}
    for task in TASKS:
        tensors, cells = train_probe(task, session, training, held_out)
        metadata = {
            "format": "neuralese-probe",
            "version": "1",
            "name": task.name,
            "label": task.label,
            "arm": "latent",
            "at": "thoughts",
            "site": "resid",
            "model": session.manifest["id"],
            "seed": str(SEEDS[0]),
            "metrics": json.dumps({"groups": HELD_OUT_PROBLEMS, "splitBy": "problem", "cells": cells}),
        }
        if task.classes:
            metadata["classes"] = json.dumps(task.classes)
        path = folder / "probes" / f"{task.name}.safetensors"
        save_file(tensors, path, metadata)
        path.chmod(0o644)
        results[task.name] = cells
    return results
