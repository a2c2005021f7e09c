"""Reads and writes traces (`*.trace.safetensors`), and records a run of a Hugging Face model as one, for the panel.

    python trace.py show FILE
    python trace.py record MODEL PROMPT --out X.trace.safetensors --latents 6

    with trace.Trace.open("X.trace.safetensors") as found:
        entropy = found["cot/lens.entropy"][10:20]        # [10, L + 1], nats
    trace.record(model, tokenizer, "Is Tom a hilpus?", "X.trace.safetensors", latents=6)

Needs numpy and safetensors; `record` also torch and transformers. It is one file, so that it can be copied to where the model is.

The parts, from top to bottom: the container, the planes, the shape of a trace's document, `Trace`, `write`, the parts of a model
(`Decoder`), its tokens (`Words`), how it thinks (its recipe), the run of an arm (`Run`), `record`, and the command. The format's law is
src/trace/*.ts: what its reader refuses is refused here.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import errno
import functools
import hashlib
import json
import math
import os
import platform
import re
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import safe_open

if TYPE_CHECKING:
    from torch import Tensor, nn

PRODUCER = "neuralese trace.py 1"


class TraceError(Exception):
    """One sentence that says what is wrong and what to do."""


# ── The container ────────────────────────────────────────────────────────────────────────────────────────────────────────────

FORMAT = "neuralese-trace"
DOCUMENT = "trace.json"
# In bytes: ten thousand tensors need about 1 MiB.
MAX_HEADER = 8 * 2**20
MAX_TENSORS = 10_000
# No plane has more than four axes.
MAX_RANK = 8
# A shape or a pair of offsets.
MAX_LIST = 16
# The largest integer that every reader has exactly.
MAX_SAFE = 2**53 - 1
# In bytes: a document of a million steps has about 60 MB.
MAX_DOCUMENT = 128 * 2**20
# Levels: a document nests six, and a recipe a few more.
MAX_DEPTH = 64
# Bytes a value of each type that has whole bytes.
SIZES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3"), 1),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 2),
    **dict.fromkeys(("I32", "U32", "F32"), 4),
    **dict.fromkeys(("I64", "U64", "F64"), 8),
}


@dataclass(frozen=True)
class Entry:
    """A tensor of the file. `start`: offset in the file, in bytes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    length: int


def not_safetensors(what: str) -> TraceError:
    return TraceError(f"This is not a valid safetensors file ({what}): write or download it again.")


class Damaged(TraceError):
    def __init__(self, what: str) -> None:
        super().__init__(f"The trace is damaged ({what}): save or download it again.")
        self.what = what


def quote(text: str) -> str:
    """Names come from the file: shortened, and with control characters escaped."""
    return json.dumps(f"{text[:60]}…" if len(text) > 60 else text, ensure_ascii=False)


def parse_header(header: bytes, size: int) -> tuple[dict[str, str], dict[str, Entry]]:
    """Metadata, and the tensors in the header's order, which lie in the file's `size` bytes without overlap or gap."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(found := dict(items)) != len(items):
            raise not_safetensors("its header names something twice")
        return found

    def integer(digits: str) -> int:
        if re.fullmatch(r"0|[1-9][0-9]{0,15}", digits) is None or int(digits) > MAX_SAFE:
            raise ValueError(digits)
        return int(digits)

    def refused(text: str) -> None:
        raise ValueError(text)

    try:
        text = header.decode("utf-8")
        if not text.startswith("{"):
            raise ValueError(text[:1])
        parsed = json.loads(text, object_pairs_hook=pairs, parse_int=integer, parse_float=refused, parse_constant=refused)
        metadata = parsed.pop("__metadata__", {})
        if len(parsed) > MAX_TENSORS:
            raise not_safetensors(f"it has more than {MAX_TENSORS} tensors")
        found = [tensor_of(name, value) for name, value in parsed.items()]
        texts = [part for pair in metadata.items() for part in pair]
        if not isinstance(metadata, dict) or not all(isinstance(part, str) for part in texts):
            raise ValueError("metadata")
        # Half a surrogate pair has no UTF-8, so that two names that differ here could be one elsewhere.
        "".join([*texts, *parsed]).encode("utf-8")
    except (ValueError, AttributeError, RecursionError) as error:
        raise not_safetensors("its header is damaged") from error
    data, end = 8 + len(header), 0
    for name, _, _, offsets, length in sorted(found, key=lambda one: one[3]):
        if offsets[0] != end or offsets[1] < end:
            raise not_safetensors(f"tensor {quote(name)} does not begin where the one before it ends")
        if length != offsets[1] - offsets[0]:
            raise not_safetensors(f"the shape of tensor {quote(name)} does not match its length")
        end = offsets[1]
    if data + end != size:
        raise not_safetensors(f"its tensors need {data + end} bytes, the file has {size}")
    return metadata, {name: Entry(name, dtype, shape, data + offsets[0], length) for name, dtype, shape, offsets, length in found}


def tensor_of(name: str, value: Any) -> tuple[str, str, tuple[int, ...], tuple[int, int], int]:
    """Name, type, shape, offsets, and the bytes that they ask for. Fails with ValueError where the value is no tensor's."""
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"} or not isinstance(value["dtype"], str):
        raise ValueError(name)
    shape, offsets = value["shape"], value["data_offsets"]
    for numbers in (shape, offsets):
        if not isinstance(numbers, list) or len(numbers) > MAX_LIST or not all(type(one) is int for one in numbers):
            raise ValueError(name)
    if len(offsets) != 2:
        raise ValueError(name)
    if value["dtype"] not in SIZES:
        raise not_safetensors(f"tensor {quote(name)} has the unknown type {quote(value['dtype'])}")
    if len(shape) > MAX_RANK:
        raise not_safetensors(f"tensor {quote(name)} has {len(shape)} axes, the limit is {MAX_RANK}")
    length = SIZES[value["dtype"]]
    for extent in shape:
        length *= extent
        if length > MAX_SAFE:
            raise not_safetensors(f"tensor {quote(name)} is larger than any file")
    return name, value["dtype"], tuple(shape), (offsets[0], offsets[1]), length


def encode_header(tensors: Sequence[tuple[str, str, tuple[int, ...]]], metadata: Mapping[str, str]) -> bytes:
    """The first bytes of a file: length and header, padded with spaces so that the data begins at a multiple of 8."""
    header, end = {"__metadata__": dict(metadata)}, 0
    for name, dtype, shape in tensors:
        start, end = end, end + math.prod(shape) * SIZES[dtype]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}
    text = padded(to_json(header))
    if len(text) > MAX_HEADER or len(tensors) > MAX_TENSORS:
        raise TraceError(f"The trace has {len(tensors)} tensors, which is more than a trace can hold: record fewer arms.")
    return len(text).to_bytes(8, "little") + text


def padded(text: bytes) -> bytes:
    """With spaces, to a multiple of 8."""
    return text + b" " * (-len(text) % 8)


def to_json(value: object) -> bytes:
    """As JSON.stringify writes it, so that what is read and written again is the same file. Half a surrogate pair is escaped."""

    def shortest(found: re.Match) -> str:
        if found[0][0] == '"':
            return found[0]
        exponent = int(found[2])
        return f"{Decimal(found[0]):f}" if -7 < exponent < 21 else f"{found[1]}e{exponent:+d}"

    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text = re.sub(r'"[^"\\]*(?:\\.[^"\\]*)*"|(-?\d[\d.]*)e([+-]\d+)', shortest, text)
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text).encode("utf-8")


# ── The planes ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

# `<arm>/<plane>`: type, and axes after the first. That one is T positions, or K thoughts where the plane is in `PER_THOUGHT`.
# What each says, and its unit, is in src/trace/planes.ts.
PLANES: dict[str, tuple[str, tuple[str, ...]]] = {
    "tokens.id": ("I32", ()),
    "tokens.logprob": ("F32", ()),
    "tokens.topk_id": ("I32", ("top",)),
    "tokens.topk_logprob": ("F32", ("top",)),
    "hidden.resid": ("F16", ("site", "width")),
    "lens.topk_id": ("I32", ("site", "top")),
    "lens.topk_logit": ("F32", ("site", "top")),
    "lens.lse": ("F32", ("site",)),
    "lens.entropy": ("F32", ("site",)),
    "lens.kl_final": ("F32", ("site",)),
    "loops.difference": ("F32", ("site",)),
    "loops.gate": ("F32", ("site",)),
    "latent.vec": ("F32", ("latent",)),
    "latent.embed": ("F32", ("width",)),
    "latent.topk_id": ("I32", ("top",)),
    "latent.topk_logit": ("F32", ("top",)),
    "latent.lse": ("F32", ()),
    "latent.entropy": ("F32", ()),
    "neighbour.topk_id": ("I32", ("top",)),
    "neighbour.topk_cosine": ("F32", ("top",)),
    "legibility.surprisal": ("F32", ()),
    "legibility.kl": ("F32", ()),
}
# Names that hold the name of a probe, a measure or a test: the first pattern that matches.
NAMED_PLANES: list[tuple[str, tuple[str, tuple[str, ...]]]] = [
    (r"probe\..+\.score", ("F32", ("site",))),
    (r"ood\..+", ("F32", ("percentile",))),
    (r"code\..+\.id", ("I32", ("code",))),
    (r"code\..+\.distance", ("F32", ("code",))),
    (r"causal\.patch(-.+)?\.effect", ("F32", ("site",))),
    (r"causal\..+\.effect", ("F32", ())),
]
PER_THOUGHT = ("latent.", "neighbour.", "ood.", "code.", "causal.")
# More top tokens than any vocabulary is worth.
MAX_TOP = 1_000
# A measure and its two percentiles.
PERCENTILES = 3
# Rows of one level of mips become one row of the next; planes with no more rows than this are drawn from themselves.
MIP_FACTOR, MIP_THRESHOLD = 4, 4096
# Types that traces are written in, and numpy's.
DTYPES = {"F32": np.dtype("<f4"), "I32": np.dtype("<i4"), "F16": np.dtype("<f2"), "U8": np.dtype("u1")}


def plane_spec(plane: str) -> tuple[str, tuple[str, ...]] | None:
    named = (spec for pattern, spec in NAMED_PLANES if re.fullmatch(pattern, plane, re.DOTALL))
    return PLANES.get(plane) or next(named, None)


@dataclass(frozen=True)
class Meaning:
    """What a tensor's name says; `level` 0 is the plane itself."""

    arm: dict
    plane: str
    level: int
    dtype: str
    axes: tuple[str, ...]


def meaning_of(name: str, document: dict) -> Meaning | None:
    """None for planes of later versions, which are skipped."""
    arm_name, _, rest = name.partition("/") if "/" in name else ("", "", "")
    arm = next((arm for arm in document["arms"] if arm["name"] == arm_name), None)
    mip = re.fullmatch(r"(.+)\.mip([1-9][0-9]?)", rest, re.DOTALL)
    plane = mip[1] if mip else rest
    spec = plane_spec(plane)
    return Meaning(arm, plane, int(mip[2]) if mip else 0, *spec) if arm and spec else None


def check_tensor(dtype: str, shape: tuple[int, ...], meaning: Meaning, document: dict) -> None:
    arm, model = meaning.arm, document["model"]
    rows = len(arm["thoughts" if meaning.plane.startswith(PER_THOUGHT) else "steps"])
    extents = {"site": model["layers"] + 1, "width": model["width"], "latent": arm.get("latentWidth", model["width"]), "percentile": PERCENTILES}
    fits = dtype == meaning.dtype and len(shape) == 1 + len(meaning.axes) and shape[0] == -(-rows // MIP_FACTOR**meaning.level)
    bounded = lambda axis, extent: extent == extents[axis] if axis in extents else extent <= MAX_TOP
    if not fits or not all(map(bounded, meaning.axes, shape[1:])):
        raise Damaged(f"plane {meaning.plane} of arm {arm['name']} has not the shape that its steps and model ask for")


def mip_levels(rows: int) -> int:
    levels = 0
    while rows > MIP_THRESHOLD:
        rows, levels = -(-rows // MIP_FACTOR), levels + 1
    return levels


def make_mip(data: np.ndarray, diverging: bool) -> np.ndarray:
    """
    Maxima over groups of rows, column by column [rows, sites]; of effects, which have either sign, the one farthest from 0. NaN (not measured) only
    where the whole group is.
    """
    size = np.abs if diverging else np.asarray
    rows = -(-len(data) // MIP_FACTOR)
    most = np.full((rows, *data.shape[1:]), np.nan, data.dtype)
    for i in range(MIP_FACTOR):
        value = data[i::MIP_FACTOR]
        highest = most[: len(value)]
        np.copyto(highest, value, where=(size(value) > size(highest)) | np.isnan(highest))
    return most


# ── The shape of a document ──────────────────────────────────────────────────────────────────────────────────────────────────

# A check returns where something is wrong and what was expected there, or None. Every list and text is bounded: a trace may come from anybody.
Check = Callable[[Any], "str | None"]


def units(text: str) -> int:
    """UTF-16 units: what lengths and ranges of texts are counted in."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def text_of(limit: int, pattern: str = r".*") -> Check:
    rule = re.compile(pattern, re.DOTALL)
    fits = lambda value: isinstance(value, str) and units(value) <= limit and rule.fullmatch(value)
    return lambda value: None if fits(value) else f": expected a text of at most {limit} characters"


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value)


def is_whole(value: Any) -> bool:
    return is_number(value) and (isinstance(value, int) or value.is_integer())


def number_of(least: float = -math.inf, most: float = math.inf, whole: bool = False, finite: bool = False) -> Check:
    def check(value: Any) -> str | None:
        fits = is_number(value) and least <= value <= most
        fits = fits and not (whole and not is_whole(value)) and not (finite and math.isinf(value))
        return None if fits else f": expected {'a whole' if whole else 'a'} number from {least} to {most}"

    return check


def one_of(*values: Any) -> Check:
    fits = lambda value: any(type(value) is type(one) and value == one for one in values)
    return lambda value: None if fits(value) else f": expected one of {', '.join(map(str, values))}"


def either(*checks: Check) -> Check:
    return lambda value: None if any(check(value) is None for check in checks) else checks[0](value)


def list_of(item: Check, limit: float = math.inf, exactly: int | None = None) -> Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, list) or len(value) > limit or (exactly is not None and len(value) != exactly):
            return f": expected a list of {exactly if exactly is not None else f'at most {limit}'}"
        return next((f".{i}{wrong}" for i, one in enumerate(value) if (wrong := item(one))), None)

    return check


def record_of(**fields: Check) -> Check:
    """Unknown fields are let pass. A field whose name here ends with `_` may be absent."""
    wanted = [(name.rstrip("_"), name.endswith("_"), check) for name, check in fields.items()]

    def check(value: Any) -> str | None:
        if not isinstance(value, dict):
            return ": expected an object"
        for name, optional, one in wanted:
            if name not in value:
                if not optional:
                    return f".{name}: expected it"
            elif wrong := one(value[name]):
                return f".{name}{wrong}"
        return None

    return check


MAX_STEPS, MAX_THOUGHTS, MAX_ARMS = 1_000_000, 100_000, 64
# Names, hashes, labels, reasons; and a million tokens of prompt. In UTF-16 units.
MAX_LINE, MAX_TEXT, MAX_NOTE = 2_000, 8_000_000, 20_000
COUNT, NUMBER, FINITE = number_of(0, MAX_SAFE, whole=True), number_of(), number_of(finite=True)
LINE, TEXT, SHARE = text_of(MAX_LINE), text_of(MAX_TEXT), number_of(0, 1)
NAME = text_of(MAX_LINE, r".+")
# Names of arms become parts of tensors' names, where `/` separates them.
ARM_NAME = text_of(2 * 64, r"[^/\x00-\x1f\x7f-\x9f]{1,64}")
TRUE, BOOLEAN = one_of(True), one_of(True, False)


def range_check(value: Any) -> str | None:
    wrong = record_of(start=COUNT, end=COUNT)(value)
    return wrong or (None if value["start"] <= value["end"] else ": it ends before it starts")


def interval(value: Any) -> str | None:
    return list_of(NUMBER)(value[:2] if isinstance(value, list) and len(value) > 1 else None)


def evidence_shape() -> Check:
    answer, among = text_of(100_000), record_of(n=COUNT, of=COUNT)
    model = {"id": LINE, "sha256": LINE}
    estimates = {"value": FINITE, "ci": list_of(FINITE, exactly=2), "n": COUNT}
    estimate, nullable = record_of(**estimates), either(FINITE, lambda value: None if value is None else "")
    effect = {"answer_": answer, "changed": BOOLEAN, "deltaLogOdds": nullable, "kl": nullable, "draws_": estimate}
    snap = record_of(kl=estimate, changed=estimate)
    noise = list_of(record_of(ratio=FINITE, unchanged=estimate), 100)
    test = record_of(
        arm=LINE, test=LINE, form_=LINE, step=either(COUNT, one_of("all")), site_=COUNT, later=one_of("recomputed", "frozen", "none"),
        trained_=BOOLEAN, follows_=BOOLEAN, by=LINE, control_=record_of(**effect), **effect,
    )
    ood = record_of(arm=LINE, feedback=LINE, site=one_of("normed", "resid"), neighbour=COUNT, tokens=among, text=among)
    groups = one_of("path", "frontier", "earlier", "later", "unreachable", "candidate")
    candidate = record_of(label=LINE, group=groups, mass=SHARE, rank=number_of(1, MAX_SAFE, whole=True))
    reading = record_of(
        arm=LINE, thought=COUNT, candidates=list_of(candidate, 1_000), live=SHARE, shuffled_=record_of(**estimates, p=SHARE), twin_=SHARE, random_=SHARE
    )
    rung = record_of(level=number_of(1, 4, whole=True), state=one_of("reached", "not reached", "not measured"), why=LINE)
    claim = record_of(arm=LINE, thought=COUNT, claim=LINE, level=number_of(0, 4, whole=True), rungs=list_of(rung, 4))
    each = {name: estimate for name in ("live_", "shuffled_", "resample_", "resampleChanged_", "snapKl_", "snapChanged_")}
    cohort = record_of(
        role=one_of("model", "twin", "random weights"), model=record_of(**model), arm=LINE, prompts=COUNT,
        thoughts=list_of(record_of(thought=COUNT, dimension=FINITE, bits_=FINITE, **each), MAX_THOUGHTS), snap_=snap, noise=noise,
    )
    meter = record_of(
        arm=LINE,
        distance_=record_of(tokens=FINITE, text=FINITE, twinTokens_=FINITE),
        effect_=record_of(kl=FINITE, changed=BOOLEAN, cohort_=snap, twin_=snap),
        capacity_=record_of(dimension=FINITE, width=COUNT, bits_=FINITE, noise_=FINITE, twinBits_=FINITE, unchanged=noise),
    )
    legibility = record_of(
        arm=LINE, tokens=COUNT, reference_=record_of(**model, surprisalBits=FINITE), base_=record_of(**model, kl=FINITE), repetition_=SHARE,
        repeatedSentences_=record_of(repeated=COUNT, sentences=COUNT), rareWords_=record_of(share=SHARE, words=COUNT, of=COUNT),
        legalSteps_=record_of(legal=COUNT, steps=COUNT),
    )
    return record_of(
        reference=record_of(name=LINE, sha256=LINE, prompts=COUNT), twin_=record_of(**model), seed=FINITE, tests=list_of(test, 200_000),
        singles_=list_of(record_of(arm=LINE, of=COUNT, thoughts=list_of(COUNT, MAX_THOUGHTS), cohort=list_of(COUNT, MAX_THOUGHTS)), MAX_ARMS),
        ood=list_of(ood, MAX_ARMS), readings=list_of(reading, MAX_THOUGHTS), claims=list_of(claim, MAX_THOUGHTS), meter=list_of(meter, MAX_ARMS),
        legibility=list_of(legibility, MAX_ARMS), cohorts=list_of(cohort, MAX_ARMS), skipped=list_of(LINE, 1_000),
    )


def document_shape() -> Check:
    extent = number_of(0, 1_000_000, whole=True)
    code = record_of(**{"name": NAME, "from": COUNT, "to": COUNT, "classes": list_of(LINE, 10_000), "state": one_of("discrete", "continuous")})
    model = record_of(
        id=LINE, name=LINE, sha256=LINE, tokenizerSha256=LINE, layers=number_of(0, 10_000, whole=True), width=extent, vocabulary=COUNT,
        quantisation=LINE, trainedLatents=COUNT, recipe=lambda _: None, codes_=list_of(code, 64), depth_=record_of(prelude=COUNT, loops=COUNT, coda=COUNT),
    )
    step = record_of(
        kind=one_of("prompt", "token", "latent", "answer"), id=number_of(-1, whole=True), forced_=TRUE, span_=range_check, thought_=COUNT,
        part_=one_of("summary", "redacted", "call", "markup"),
        halted_=record_of(rule=one_of("difference", "kl", "entropy", "gate"), loop=number_of(1, MAX_SAFE, whole=True)),
    )
    thought = record_of(index=COUNT, producedAt=COUNT, fedAt=COUNT, spare_=LINE, gate_=NUMBER, readout_=LINE)
    arm = record_of(
        name=ARM_NAME, state=one_of("running", "done", "limit", "cancelled"), steps=list_of(step, MAX_STEPS),
        thoughts=list_of(thought, MAX_THOUGHTS), text=TEXT, answer_=TEXT, feedback_=LINE, latentWidth_=number_of(1, 1_000_000, whole=True),
        stopped_=record_of(rule=one_of("token", "entropy", "difference", "kl", "gate", "limit"), at=COUNT), milliseconds=NUMBER,
    )
    figures = {name: NUMBER for name in ("auroc", "shuffled", "random", "control_", "selectivity_", "ece_", "recallAt1Fpr_")}
    metric = record_of(step=COUNT, layer=COUNT, ci=interval, selectivityCi_=interval, recallCi_=interval, n_=COUNT, **figures)
    probe = record_of(name=NAME, label=LINE, arm=ARM_NAME, at_=one_of("thoughts", "tokens"), sha256=LINE, metrics=list_of(metric, 100_000))
    origin = record_of(
        format=LINE, file=LINE, sample=LINE, producer_=LINE, reasoning=one_of("full", "summary", "redacted", "none"),
        steps=one_of("tokens", "sentences"), target_=TEXT, reference_=TEXT, scores=list_of(record_of(name=LINE, value=LINE), 1_000),
        sampling=record_of(temperature_=NUMBER, topP_=NUMBER, seed_=NUMBER, maxTokens_=NUMBER), normed_=TRUE,
    )
    return record_of(
        version=COUNT, producer=LINE, created=LINE,
        prompt=record_of(name=LINE, format=LINE, text=TEXT, sha256=LINE, pieces=list_of(record_of(text=range_check, file=range_check), MAX_STEPS)),
        model=model,
        options=record_of(latents_=COUNT, loops_=COUNT, seed=NUMBER, temperature=NUMBER, noise_=NUMBER, maxTokens_=COUNT, topK=number_of(0, MAX_TOP, whole=True)),
        runtime=record_of(engine=LINE, platform=LINE), arms=list_of(arm, MAX_ARMS), probes=list_of(probe, 4_000), origin_=origin,
        evidence_=evidence_shape(), tokens=list_of(record_of(id=COUNT, text=LINE, bytes_=text_of(MAX_LINE, r"(?:[0-9a-f]{2})+")), 500_000),
        notes=list_of(text_of(MAX_NOTE), 1_000),
    )


SHAPE = document_shape()


def check_document(document: dict) -> None:
    """What its shape cannot say: that the parts fit each other."""
    if wrong := SHAPE(document):
        raise Damaged(wrong.lstrip("."))
    prompt, arms = document["prompt"], document["arms"]
    length, end = units(prompt["text"]), 0
    for text, file in ((piece["text"], piece["file"]) for piece in prompt["pieces"]):
        if text["start"] < end or text["end"] > length or text["end"] - text["start"] != file["end"] - file["start"]:
            raise Damaged("the prompt's pieces do not fit its text")
        end = text["end"]
    if any(len({one["name"] for one in document[kind]}) != len(document[kind]) for kind in ("arms", "probes")):
        raise Damaged("two arms or probes have the same name")
    for arm in arms:
        if any(step["span"]["end"] > length for step in arm["steps"] if "span" in step):
            raise Damaged(f"a token of arm {arm['name']} lies outside the prompt")
        for i, thought in enumerate(arm["thoughts"]):
            if thought["index"] != i or thought["producedAt"] >= len(arm["steps"]) or thought["fedAt"] != thought["producedAt"] + 1:
                raise Damaged(f"a thought of arm {arm['name']} lies outside its steps")
    if evidence := document.get("evidence"):
        check_evidence(evidence, {arm["name"]: len(arm["thoughts"]) for arm in arms}, document["model"]["layers"])


def check_evidence(evidence: dict, thoughts: Mapping[str, int], layers: int) -> None:
    parts = ("tests", "ood", "readings", "claims", "meter", "legibility", "cohorts")
    if any(one["arm"] not in thoughts for part in parts for one in evidence[part]):
        raise Damaged("its evidence is about an arm that it does not have")
    if any(one["thought"] >= thoughts[one["arm"]] for part in ("readings", "claims") for one in evidence[part]):
        raise Damaged("its evidence is about a thought that it does not have")
    if any(test.get("site", 0) > layers for test in evidence["tests"]):
        raise Damaged("its evidence is about a layer that the model does not have")


VERSION = 1
# Entry i turns a document of version i + 1 into one of version i + 2.
MIGRATIONS: list[Callable[[dict], dict]] = []


def migrate(parsed: Any) -> dict:
    """A parsed document in the current version; it has not been checked."""
    if not isinstance(parsed, dict):
        raise TraceError("The trace holds no document: save it again.")
    version = parsed.get("version")
    if not is_whole(version) or version < 1:
        raise TraceError("The trace does not say which version of the format it has: save it again.")
    if version > VERSION:
        raise TraceError(f"The trace has format version {version} and this trace.py reads up to {VERSION}: update it.")
    for i in range(int(version), VERSION):
        parsed = {**MIGRATIONS[i - 1](parsed), "version": i + 1}
    return parsed


def parse_document(utf8: bytes) -> dict:
    def real(text: str) -> float | int:
        value = float(text)
        return int(value) if value.is_integer() and abs(value) <= MAX_SAFE else value

    def constant(text: str) -> None:
        raise ValueError(text)

    try:
        # Longer integers than any count; no more digits than Python turns into one.
        whole = lambda digits: int(digits) if len(digits) <= 20 else float(digits)
        parsed = json.loads(utf8.decode("utf-8-sig"), parse_int=whole, parse_float=real, parse_constant=constant)
        deep = depth(parsed) > MAX_DEPTH
    except (ValueError, OverflowError) as error:
        raise Damaged("its document is not JSON") from error
    except RecursionError:
        deep = True
    if deep:
        raise Damaged(f"its document nests deeper than {MAX_DEPTH} levels")
    document = migrate(parsed)
    check_document(document)
    return document


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Plane:
    """A tensor that is read by rows, when they are asked for: `plane[3]`, `plane[10:20]`, `plane[10:20, -1]`."""

    def __init__(self, trace: Trace, entry: Entry) -> None:
        self.trace, self.dtype, self.shape, self.name = trace, DTYPES[entry.dtype], entry.shape, entry.name

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        rows, *rest = index if isinstance(index, tuple) else (index,)
        if isinstance(rows, slice):
            start, stop, step = rows.indices(self.shape[0])
            if step != 1:
                raise TraceError("Rows are read in order: slice them without a step.")
            return self._rows(start, stop)[(slice(None), *rest)]
        at = range(self.shape[0])[rows]
        return self._rows(at, at + 1)[(0, *rest)]

    def _rows(self, start: int, stop: int) -> np.ndarray:
        if stop <= start or 0 in self.shape:
            return np.empty((max(0, stop - start), *self.shape[1:]), self.dtype)
        return self.trace.rows(self.name, start, stop)


class Trace:
    """A trace in a file. Its planes are named `<arm>/<plane>`: `trace["cot/lens.entropy"][10:20]`."""

    def __init__(self, path: Path, document: dict, metadata: dict[str, str], tensors: dict[str, Entry], state: tuple) -> None:
        self.path, self.document, self.metadata, self.tensors, self._state = path, document, metadata, tensors, state
        self._file = safe_open(path, framework="np")

    @classmethod
    def open(cls, path: str | os.PathLike) -> Trace:
        """Reads the header and the document; planes are read when they are asked for."""
        path = Path(path)
        try:
            with path.open("rb") as file:
                state = state_of(file.fileno())
                size = state[0]
                length = int.from_bytes(file.read(8), "little")
                if size < 8:
                    raise not_safetensors(f"its {size} bytes cannot hold a header")
                if length > MAX_HEADER:
                    raise not_safetensors(f"its header would have {length} bytes, the limit is {MAX_HEADER}")
                if 8 + length > size:
                    raise not_safetensors(f"it ends inside its header, after {size} of {8 + length} bytes")
                metadata, tensors = parse_header(file.read(length), size)
                entry = tensors.get(DOCUMENT)
                if metadata.get("format") != FORMAT or entry is None or entry.dtype != "U8":
                    raise TraceError("This safetensors file is not a trace: open one that Neuralese Inspector or trace.py saved.")
                if entry.length > MAX_DOCUMENT:
                    raise Damaged(f"its document has {entry.length} bytes, the limit is {MAX_DOCUMENT}")
                file.seek(entry.start)
                document = parse_document(file.read(entry.length))
        except OSError as error:
            raise TraceError(f"The file cannot be opened ({error.strerror}): check that it exists and may be read.") from error
        for tensor in tensors.values():
            if meaning := meaning_of(tensor.name, document):
                check_tensor(tensor.dtype, tensor.shape, meaning, document)
        return cls(path, document, metadata, tensors, state)

    @property
    def arms(self) -> dict[str, dict]:
        """The arms' records by name, as the document has them: `steps`, `thoughts`, `text`, `answer`, …"""
        return {arm["name"]: arm for arm in self.document["arms"]}

    @functools.cached_property
    def texts(self) -> dict[int, str]:
        """Of every token id that occurs."""
        return {token["id"]: token["text"] for token in self.document["tokens"]}

    @property
    def planes(self) -> list[str]:
        """Names of what can be read, without the document and the mips."""
        return [name for name in self if not ((meaning := meaning_of(name, self.document)) and meaning.level)]

    def __iter__(self) -> Iterator[str]:
        return (name for name, entry in self.tensors.items() if name != DOCUMENT and entry.dtype in DTYPES and entry.shape)

    def __contains__(self, name: object) -> bool:
        return any(name == one for one in self)

    def __getitem__(self, name: str) -> Plane:
        if name not in self:
            raise TraceError(f"The trace has no plane {quote(name)}: Trace.planes has their names.")
        return Plane(self, self.tensors[name])

    def rows(self, name: str, start: int, stop: int) -> np.ndarray:
        """Rows [start, stop) of a plane. A file that was replaced or written to meanwhile is an error, never a mixture of two files."""
        try:
            unchanged = state_of(self.path) == self._state
        except OSError:
            unchanged = False
        if not unchanged:
            raise TraceError("The file has changed since it was opened: close it and open it again.")
        return self._file.get_slice(name)[start:stop]

    def close(self) -> None:
        self._file.__exit__(None, None, None)

    def __enter__(self) -> Trace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def state_of(file: int | Path) -> tuple[int, int, int]:
    found = os.stat(file)
    return found.st_size, found.st_mtime_ns, found.st_ino


# ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

# Bytes that are written at a time.
PIECE = 2**20
ADVICE = {
    errno.ENOSPC: "the disk is full, free some space and write again",
    errno.EDQUOT: "your disk quota is used up, free some space and write again",
    errno.ENOENT: "the folder does not exist, choose another one",
    errno.ENOTDIR: "the folder does not exist, choose another one",
    errno.EACCES: "you may not write there, choose another folder",
    errno.EPERM: "you may not write there, choose another folder",
    errno.EROFS: "the folder is read-only, choose another one",
    errno.EISDIR: "it is a folder, choose a file name",
    errno.ENAMETOOLONG: "the name is too long, choose a shorter one",
}


def write(path: str | os.PathLike, document: dict, planes: Mapping[str, np.ndarray]) -> None:
    """
    Writes a trace so that the target is at any moment either what it was or the whole new file. `planes`: by `<arm>/<plane>`, of the types
    and shapes in `PLANES`; those that a heatmap draws get their mips. They may be memory maps: a piece at a time is read. What a reader
    would refuse is not written.
    """
    tensors = {name: array_of(name, plane) for name, plane in planes.items()}
    try:
        document = parse_document(to_json(document))
        for name, (dtype, array) in tensors.items():
            if meaning := meaning_of(name, document):
                check_tensor(dtype, array.shape, meaning, document)
    except (Damaged, ValueError, TypeError, RecursionError) as error:
        what = error.what if isinstance(error, Damaged) else "its document is not JSON"
        raise TraceError(f"The trace was not written because nobody could read it ({what}): correct that.") from error
    all_tensors = [(DOCUMENT, "U8", np.frombuffer(padded(to_json(document)), np.uint8))]
    # Wide types first, so that every tensor begins at a multiple of its value's size.
    for name, (dtype, array) in sorted(tensors.items(), key=lambda one: -one[1][1].itemsize):
        all_tensors += with_mips(name, dtype, array, document)
    header = encode_header([(name, dtype, array.shape) for name, dtype, array in all_tensors], metadata_of(document))
    with replaced(Path(path)) as file:
        file.write(header)
        for _, _, array in all_tensors:
            flat = array.reshape(-1)
            for start in range(0, len(flat), PIECE // array.itemsize):
                file.write(flat[start : start + PIECE // array.itemsize].tobytes())


def array_of(name: str, plane: np.ndarray) -> tuple[str, np.ndarray]:
    array = np.ascontiguousarray(plane)
    dtype = next((dtype for dtype, one in DTYPES.items() if array.dtype == one), None)
    if dtype is None:
        raise TraceError(f"Plane {quote(name)} has the type {array.dtype}: give it as float32, int32, float16 or uint8.")
    return dtype, array


def with_mips(name: str, dtype: str, array: np.ndarray, document: dict) -> list[tuple[str, str, np.ndarray]]:
    """Heatmaps draw planes of one number a site: those are followed by their mips, each made from the level before it."""
    meaning = meaning_of(name, document)
    out = [(name, dtype, array)]
    if meaning and meaning.level == 0 and dtype == "F32" and meaning.axes == ("site",):
        for level in range(mip_levels(len(array))):
            out.append((f"{name}.mip{level + 1}", dtype, make_mip(out[-1][2], meaning.plane.startswith("causal."))))
    return out


def metadata_of(document: dict) -> dict[str, str]:
    """Enough to tell what a file is without its document."""
    prompt, model, options, runtime = (document[part] for part in ("prompt", "model", "options", "runtime"))
    return {
        "format": FORMAT,
        "schema_version": str(document["version"]),
        "producer": document["producer"],
        "created": document["created"],
        "model_id": model["id"],
        "model_sha256": model["sha256"],
        "tokenizer_sha256": model["tokenizerSha256"],
        "prompt_sha256": prompt["sha256"],
        "recipe": to_json(model["recipe"]).decode(),
        "seed": to_json(options["seed"]).decode(),
        "sampling": to_json(options).decode(),
        "runtime": f"{runtime['engine']}, {runtime['platform']}",
    }


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Any]:
    """What is written becomes the file at `path` all at once, or not at all: to a temporary file beside it, synced, renamed."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4()}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        raise TraceError(f"The trace was not written to {path}: {ADVICE.get(error.errno, error.strerror)}.") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Makes the rename last. Some platforms cannot open a folder; there the rename is as durable as the file system makes it."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


# ── The parts of a model ─────────────────────────────────────────────────────────────────────────────────────────────────────

# Logits that are held at once, in bytes of float32; readouts need several times as much.
LENS_BYTES = 64 * 2**20
# Positions of the prompt that are run at once.
CHUNK = 128
# Rows of the embedding that are compared with a thought at once.
TABLE_ROWS = 8192
DECODERS = "give a causal decoder such as Llama, Qwen or GPT-2"


def first_line(error: Exception) -> str:
    """A library's message within a sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200].rstrip(".")


def torch_of() -> Any:
    try:
        import torch
        import transformers  # noqa: F401  what runs models
    except ImportError as error:
        raise TraceError(f'The Python package "{error.name}" is missing: run "pip install torch transformers".') from error
    return torch


class Decoder:
    """
    A causal language model of transformers, taken apart where all of them have the same parts: embedding, a list of layers, unembedding.
    Streams are taken by hooks and not from `output_hidden_states`, whose last one has been through the final norm already.
    """

    def __init__(self, model: nn.Module) -> None:
        self.torch = torch_of()
        self.model = model.eval()
        config = model.config.get_text_config()
        self.layers = getattr(config, "num_hidden_layers", 0)
        lists = [(name, found) for name, found in model.named_modules() if isinstance(found, self.torch.nn.ModuleList) and len(found) == self.layers]
        # Experts inside a layer may be as many as there are layers.
        outer = [found for name, found in lists if not any(name.startswith(f"{other}.") for other, _ in lists)]
        self.head, self.embedding = model.get_output_embeddings(), model.get_input_embeddings()
        if len(outer) != 1 or self.head is None:
            raise TraceError(f'The layers of "{config.model_type}" are not one list with an unembedding behind it: {DECODERS}.')
        [self.blocks] = outer
        # Where embeddings are fed, and where logits come out: they differ where a model lies on several devices.
        self.entry, self.exit = self.embedding.weight.device, self.head.weight.device
        self.dtype = self.embedding.weight.dtype
        self.context = getattr(config, "max_position_embeddings", None) or math.inf
        self.reset()
        self.width = self.embed([0]).shape[-1]
        self.tuples = True
        try:
            self.vocabulary = self.read(self.forward(self.embed([0])))[1].shape[-1]
        except (RuntimeError, TypeError, AttributeError, IndexError) as error:
            raise TraceError(f'"{config.model_type}" does not run with a cache of keys and values ({first_line(error)}): {DECODERS}.') from error
        self.reset()

    def reset(self) -> None:
        """Forgets what was fed."""
        self.cache: Any = None

    def embed(self, ids: Sequence[int]) -> Tensor:
        """[n, d]"""
        return self.embedding(self.torch.tensor(ids, device=self.entry))

    def forward(self, embeds: Tensor) -> Tensor:
        """Feeds [n, d]; the residual stream at every site [n, L+1, d], site 0 before the first block, site l after block l, before the final norm."""
        sites: list[Tensor] = []

        def enter(_module: nn.Module, args: tuple, kwargs: dict) -> None:
            sites.append(args[0] if args else kwargs["hidden_states"])

        def leave(_module: nn.Module, _args: tuple, out: Any) -> None:
            self.tuples = isinstance(out, tuple)
            sites.append(out[0] if self.tuples else out)

        hooks = [self.blocks[0].register_forward_pre_hook(enter, with_kwargs=True)]
        hooks += [block.register_forward_hook(leave) for block in self.blocks]
        try:
            out = self.model.base_model(inputs_embeds=embeds[None], past_key_values=self.cache, use_cache=True)
        finally:
            for hook in hooks:
                hook.remove()
        self.cache = out.past_key_values
        return self.torch.stack([site[0].to(self.exit) for site in sites], 1)

    def read(self, streams: Tensor) -> tuple[Tensor, Tensor]:
        """
        Of streams [..., d]: after the final norm [..., d], and float32 logits [..., V]. The model itself is run, with its layers left out and the
        streams in the place of what the last one gives, so that whatever the model does behind its layers is done here.
        """
        rows, last = streams.reshape(-1, 1, self.width), len(self.blocks) - 1
        normed: list[Tensor] = []

        def instead(layer: int) -> Callable:
            def forward(hidden_states: Tensor, *_args: object, **_kwargs: object) -> Any:
                out = rows if layer == last else hidden_states
                return (out,) if self.tuples else out

            return forward

        hook = self.head.register_forward_pre_hook(lambda _module, args: normed.append(args[0]))
        kept = [vars(block).get("forward") for block in self.blocks]
        try:
            for i, block in enumerate(self.blocks):
                block.forward = instead(i)
            logits = self.model(inputs_embeds=rows.to(self.entry), use_cache=False).logits
        finally:
            hook.remove()
            for block, forward in zip(self.blocks, kept):
                del block.forward
                if forward is not None:
                    block.forward = forward
        return normed[0].reshape(streams.shape), logits.float().reshape(*streams.shape[:-1], -1)

    def nearest(self, vector: Tensor, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k tokens whose input embeddings have the highest cosine with a vector [d], lower ids first among equals; cosine 0 where one is null."""
        wanted = vector.float().to(self.entry)
        cosines = []
        for start in range(0, self.embedding.weight.shape[0], TABLE_ROWS):
            table = self.embed(range(start, min(start + TABLE_ROWS, self.embedding.weight.shape[0]))).float()
            scale = table.norm(dim=-1) * wanted.norm()
            cosines.append(self.torch.where(scale > 0, table @ wanted / scale, 0))
        values, ids = self.torch.cat(cosines).sort(descending=True, stable=True)
        return ids[:k].cpu().numpy().astype(np.int32), values[:k].cpu().numpy()


# ── Its tokens ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Words:
    """A tokenizer of transformers: texts, tokens by the names that recipes call them, and what tokens stand for."""

    def __init__(self, tokenizer: Any) -> None:
        if not getattr(tokenizer, "is_fast", False):
            raise TraceError("The tokenizer cannot be written as tokenizer.json: load it with use_fast=True.")
        self.tokenizer, self.backend = tokenizer, tokenizer.backend_tokenizer
        self.added = self.backend.get_added_tokens_decoder()
        decoder = self.backend.decoder
        kinds = set(re.findall(r'"type":"(\w+)"', decoder.__getstate__().decode())) if decoder else set()
        self.bytelevel, self.metaspace, self.pieces = "ByteLevel" in kinds, bool(kinds & {"Metaspace", "ByteFallback"}), "WordPiece" in kinds

    @property
    def sha256(self) -> str:
        """Of `tokenizer.json` as the library writes it."""
        return hashlib.sha256(self.backend.to_str(pretty=True).encode("utf-8")).hexdigest()

    def tokens(self, text: str) -> list[str]:
        return self.backend.encode(text, add_special_tokens=False).tokens

    def id(self, token: str) -> int:
        found = self.backend.token_to_id(token)
        if found is None:
            raise TraceError(f"The recipe uses {quote(token)}, which the tokenizer does not have: correct one of the two.")
        return found

    @property
    def lead(self) -> list[str]:
        """What the tokenizer puts before every text."""
        encoded = self.backend.encode("A")
        return encoded.tokens[: encoded.special_tokens_mask.index(0)] if 0 in encoded.special_tokens_mask else []

    def encode(self, text: str) -> tuple[list[int], list[dict[str, int]]]:
        """Ids, and where each stands in the text: half-open ranges of UTF-16 units."""
        encoded = self.backend.encode(text, add_special_tokens=False)
        at = [0]
        for character in text:
            at.append(at[-1] + 1 + (character > "\uffff"))
        return encoded.ids, [{"start": at[start], "end": at[end]} for start, end in encoded.offsets]

    def raw(self, id: int) -> bytes:
        """What a token stands for."""
        token = self.backend.id_to_token(id)
        if token is None:
            return f"<{id}>".encode()
        if id in self.added:
            return token.encode("utf-8")
        if self.bytelevel:
            return b"".join(bytes([BYTES[one]]) if one in BYTES else one.encode("utf-8") for one in token)
        if self.metaspace:
            byte = re.fullmatch("<0x([0-9A-F]{2})>", token)
            return bytes.fromhex(byte[1]) if byte else token.replace("▁", " ").encode("utf-8")
        return token.removeprefix("##" if self.pieces else "").encode("utf-8")

    def record(self, id: int) -> dict:
        """As traces keep it: `bytes` only of a token that is no whole characters."""
        raw = self.raw(id)
        odd = any(signs for _, signs in stretches(raw))
        return {"id": id, "text": legible(raw), **({"bytes": raw.hex()} if odd else {})}

    def decode(self, ids: Sequence[int]) -> str:
        """Without special tokens. Bytes that never become a character are written out."""
        text = self.backend.decode(list(ids), skip_special_tokens=True)
        shown = [id for id in ids if not (id in self.added and self.added[id].special)]
        signs = iter(signs_of(b"".join(map(self.raw, shown))))
        return re.sub("\ufffd", lambda found: next(signs, found[0]), text)


def stretches(raw: bytes) -> list[tuple[bytes, int]]:
    """Stretches of UTF-8, and of bytes that are no whole character with how many U+FFFD the usual decoding has for them (0: text)."""
    out: list[tuple[bytes, int]] = []
    while raw:
        try:
            raw.decode("utf-8")
            good = bad = len(raw)
        except UnicodeDecodeError as error:
            good, bad = error.start, error.end
        if good:
            out.append((raw[:good], 0))
        if bad > good:
            before, signs = out.pop() if out and out[-1][1] else (b"", 0)
            out.append((before + raw[good:bad], signs + 1))
        raw = raw[bad:]
    return out


def legible(raw: bytes) -> str:
    """UTF-8 as text; bytes that are no whole character are written out as `⟨E2 80⟩`."""
    return "".join(f"⟨{part.hex(' ').upper()}⟩" if signs else part.decode("utf-8") for part, signs in stretches(raw))


def signs_of(raw: bytes) -> list[str]:
    """What stands in `legible` for each U+FFFD of the usual decoding. Several in a row are one stretch; the others are empty."""
    out: list[str] = []
    for part, signs in stretches(raw):
        out += [legible(part), *[""] * (signs - 1)] if signs else ["\ufffd"] * part.decode("utf-8").count("\ufffd")
    return out


def byte_letters() -> dict[str, int]:
    """GPT-2's mapping of bytes to printable characters: printable Latin-1 stays, the others are moved up by 256 in order."""
    stays = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    moved = iter(range(256, 512))
    return {chr(byte if byte in stays else next(moved)): byte for byte in range(256)}


BYTES = byte_letters()


# ── How it thinks ────────────────────────────────────────────────────────────────────────────────────────────────────────────

# Tokens around latent thoughts, and around written ones, as published models call them.
BRACKETS = [("<|start-latent|>", "<|end-latent|>"), ("<bot>", "<eot>"), ("<|bot|>", "<|eot|>"), ("<|bocot|>", "<|eocot|>")]
THINK = ("<think>", "</think>")
# What begins a written chain of thought (arXiv 2205.11916), and what ends it; in a chat the chain is the model's own turn.
CHAIN_CUE, ANSWER_CUE = "\nLet's think step by step.", "\nThe answer is"
QUESTION = "So what is the answer? Give only the answer."
# Group 1: the rest of the first line behind the cue, without what it is set in.
ANSWER = r"""^[:\s]*["'*]*([^\n]+?)["'*]*[.!]?["'*]*\s*(?:\n|$)"""
# Tokens.
THINK_LIMIT, CHAIN_LIMIT, CHAT_CHAIN_LIMIT, ANSWER_LIMIT = 1_024, 128, 256, 32
# Arms by what they feed back.
LATENT_ARMS = {"normed": "coconut", "resid": "resid", "mixture": "soft"}


def default_recipe(words: Words, ends: Sequence[int], prompt: str, chat: bool, latents: int, feedback: dict) -> dict:
    """
    Arms as src/engine/adding/recipe.ts and models/tools/export.py make them: `cot` writes its thoughts, `direct` answers at once, and with
    `latents` one thinks in vectors (`latent` between the tokens that a model trained so has, else named by what is fed back).
    """
    vocabulary = {token for token in [*sum(BRACKETS, ()), *THINK] if words.backend.token_to_id(token) is not None}
    tokens = lambda names: [{"kind": "tokens", "tokens": names}] if names else []
    cue = lambda text: tokens(words.tokens(text))
    stop = [token for token in map(words.backend.id_to_token, ends) if token]
    turn = turn_of(words, QUESTION) if chat else []
    if turn and turn[0] in {token.content for token in words.added.values() if token.special}:
        stop = [*dict.fromkeys([turn[0], *stop])]
    start = [*tokens(words.lead), {"kind": "prompt"}]
    decode = lambda role, ends, limit: {"kind": "decode", "role": role, "stop": ends, "limit": limit, "atLimit": "go-on"}
    answer = [decode("answer", stop, ANSWER_LIMIT)]
    asked, direct, pattern = answer, answer, {}
    if vocabulary.issuperset(THINK):
        opened = prompt.rstrip().endswith(THINK[0])
        cot = [*tokens([] if opened else [THINK[0]]), decode("thought", [THINK[1]], THINK_LIMIT), *answer]
        direct = asked = [*tokens([THINK[1]] if opened else []), *answer]
    elif turn and turn[0] in stop:
        ending = [*cue(ANSWER_CUE.strip()), *answer]
        cot = [*cue(CHAIN_CUE.strip()), decode("thought", stop, CHAT_CHAIN_LIMIT), *tokens(turn[1:]), *ending]
        direct, asked, pattern = ending, [*tokens(turn), *ending], {"answer": ANSWER}
    else:
        cot = [*cue(CHAIN_CUE), decode("thought", stop, CHAIN_LIMIT), *cue(ANSWER_CUE), *answer]
    arms = {"direct": [*start, *direct], "cot": [*start, *cot]}
    brackets = next((pair for pair in BRACKETS if vocabulary.issuperset(pair)), None) if feedback["site"] == "normed" else None
    if latents and brackets:
        arms["latent"] = [*start, *tokens([brackets[0]]), {"kind": "latent", "count": latents, "feedback": feedback}, *tokens([brackets[1]]), *answer]
    elif latents:
        arms[LATENT_ARMS[feedback["site"]]] = [*start, {"kind": "latent", "count": latents, "feedback": feedback}, *asked]
    return {"trainedLatents": 0, **pattern, "arms": arms}


def turn_of(words: Words, question: str) -> list[str]:
    """What follows the assistant's words where the user asks on, up to where the assistant speaks again; empty where that cannot be told."""
    said = "\ue000"
    messages = [{"role": "user", "content": "A"}, {"role": "assistant", "content": said}, {"role": "user", "content": question}]
    try:
        text = words.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    except Exception:  # a template is a program of anybody's, and may refuse
        return []
    return words.tokens(text.partition(said)[2])


class Rules:
    """When a latent segment stops before its count, looked at before each thought: the likeliest token, and Soft Thinking's cold stop (arXiv 2505.15778)."""

    def __init__(self, rules: Sequence[dict], words: Words) -> None:
        self.rules = rules
        self.ends = [{words.id(token) for token in rule.get("tokens", [])} for rule in rules]
        self.low = [0] * len(rules)

    def before(self, likeliest: int, entropy: float) -> str | None:
        """The first rule that holds. All are asked, because some count. `entropy` of the next token, in nats."""
        held = None
        for i, rule in enumerate(self.rules):
            if rule["rule"] == "token":
                holds = likeliest in self.ends[i]
            else:
                self.low[i] = self.low[i] + 1 if entropy < rule["below"] else 0
                holds = self.low[i] >= rule.get("for", 1)
            held = held or (rule["rule"] if holds else None)
        return held


def recipe_shape() -> Check:
    """The part of the grammar (models/README.md) that needs no graphs beside the model: with plain feedback, and with rules that look at the next token."""
    names, whole = list_of(LINE), number_of(1, MAX_SAFE, whole=True)
    above = number_of(math.ulp(0), finite=True)
    feedback = variant(
        "site",
        normed=record_of(),
        resid=record_of(),
        token=record_of(token=LINE),
        mixture=record_of(top=number_of(1, MAX_TOP, whole=True), temperature_=above, gumbel_=NOTHING, dirichlet_=NOTHING),
    )
    rule = variant("rule", token=record_of(tokens=names), entropy=record_of(below=above, for_=whole))
    segment = variant(
        "kind",
        prompt=record_of(),
        tokens=record_of(tokens=names),
        decode=record_of(role=one_of("thought", "answer"), stop=names, limit=whole, atLimit_=one_of("go-on")),
        latent=record_of(
            count=whole, feedback=feedback, stop_=list_of(rule), through_=one_of("identity"), noise_=NOTHING, state_=NOTHING, decode_=list_of(one_of("resid"))
        ),
    )

    def arm(value: Any) -> str | None:
        if wrong := list_of(segment)(value):
            return wrong
        kinds = [one["kind"] for one in value]
        fits = kinds.count("prompt") == 1 and set(kinds[: kinds.index("prompt")]) <= {"tokens"}
        return None if fits else ": expected one prompt, before what is decoded"

    return arm


def NOTHING(_: Any) -> str:
    return ": expected nothing"


def variant(field: str, **checks: Check) -> Check:
    kinds = one_of(*checks)
    return lambda value: record_of(**{field: kinds})(value) or checks[value[field]](value)


def check_recipe(recipe: Any, wanted: Sequence[str] | None) -> list[str]:
    """The names of the arms that are wanted, all where None. Fails where one of them cannot be run here."""
    wrong = record_of(trainedLatents=COUNT, answer_=text_of(MAX_LINE), arms=record_of())(recipe)
    if not wrong:
        arms = list(recipe["arms"]) if wanted is None else list(wanted)
        if missing := next((arm for arm in arms if arm not in recipe["arms"]), None):
            raise TraceError(f"The recipe has no arm {quote(missing)}: choose from {', '.join(recipe['arms'])}.")
        check = recipe_shape()
        wrong = next((f".arms.{arm}{wrong}" for arm in arms if (wrong := check(recipe["arms"][arm]))), None)
        with contextlib.suppress(re.error):
            re.compile(recipe.get("answer", ""))
            if not wrong:
                return arms
        wrong = wrong or ".answer: expected a pattern that Python knows"
    raise TraceError(f"The recipe cannot be run here ({wrong.lstrip('.')}): correct it, or analyse with an export of the model.")


# ── The run of an arm ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Spool:
    """Planes that grow on disk, so that a run of any length needs little memory. The files have no names and end with the process."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.files, self.rows = folder, {}, {}

    def append(self, name: str, rows: np.ndarray) -> None:
        if name not in self.files:
            self.files[name] = tempfile.TemporaryFile(dir=self.folder), rows.dtype, rows.shape[1:]
            self.rows[name] = 0
        self.files[name][0].write(np.ascontiguousarray(rows).tobytes())
        self.rows[name] += len(rows)

    def planes(self) -> dict[str, np.ndarray]:
        out = {}
        for name, (file, dtype, extents) in self.files.items():
            file.flush()
            out[name] = np.memmap(file, dtype, "r", shape=(self.rows[name], *extents))
        return out

    def close(self) -> None:
        for file, _, _ in self.files.values():
            file.close()


class Cut(Exception):
    """Why an arm ends early, as the end of a sentence; it is kept up to there."""


@dataclass
class Last:
    """What the last position that was fed says: logits of the next token [V], the stream before and after the final norm [d]."""

    logits: Tensor
    resid: Tensor
    normed: Tensor
    # Of the logits: log-sum-exp, entropy in nats, and the likeliest token.
    lse: float
    entropy: float
    id: int


def feeds_states(segments: Sequence[dict]) -> bool:
    return any(segment["kind"] == "latent" and segment["feedback"]["site"] in ("normed", "resid") for segment in segments)


class Run:
    """Runs one arm as src/engine/run/run.ts does, and reads every position out at every site into the spool."""

    def __init__(self, decoder: Decoder, words: Words, spool: Spool, name: str, sampling: Sampling) -> None:
        self.decoder, self.words, self.spool, self.name, self.sampling = decoder, words, spool, name, sampling
        self.torch = decoder.torch
        self.steps: list[dict] = []
        self.thoughts: list[dict] = []
        self.written: list[tuple[str, int]] = []
        self.seen: set[int] = set()
        self.last: Last | None = None
        self.stopped: dict | None = None
        self.feedback: str | None = None
        # Values of the residual stream that half precision cannot hold.
        self.too_large = 0
        self.uniforms = uniforms(sampling.seed, name)

    def run(self, segments: Sequence[dict], prompt: Sequence[int], spans: Sequence[dict], trained: int) -> str | None:
        """Feeds and decodes what the recipe says. Returns why it was cut, if it was."""
        self.decoder.reset()
        kinds = [segment["kind"] for segment in segments]
        at = kinds.index("prompt")
        lead = [self.words.id(token) for segment in segments[:at] for token in segment["tokens"]]
        # One that a chat template has written begins so itself.
        lead = [] if list(prompt[: len(lead)]) == lead else lead
        steps = [{"kind": "token", "id": id, "forced": True} for id in lead]
        steps += [{"kind": "prompt", "id": id, "span": span} for id, span in zip(prompt, spans)]
        if len(steps) + ("decode" in kinds) > self.decoder.context:
            raise TraceError(f"The prompt has {len(steps)} tokens and the model's context {self.decoder.context} positions: shorten the prompt.")
        try:
            for start in range(0, len(steps), CHUNK):
                chunk = steps[start : start + CHUNK]
                self.feed(self.decoder.embed([step["id"] for step in chunk]), chunk)
            for segment in segments[at + 1 :]:
                self.segment(segment, trained)
        except Cut as cut:
            return str(cut)
        return None

    def segment(self, segment: dict, trained: int) -> None:
        if segment["kind"] == "tokens":
            ids = [self.words.id(token) for token in segment["tokens"]]
            if ids:
                self.feed(self.decoder.embed(ids), [{"kind": "token", "id": id, "forced": True} for id in ids])
        elif segment["kind"] == "decode":
            self.decode(segment)
        else:
            self.think(segment, trained)

    def decode(self, segment: dict) -> None:
        role, stop = segment["role"], {self.words.id(token) for token in segment["stop"]}
        limit = segment["limit"] if self.sampling.max_tokens is None else self.sampling.max_tokens
        count = 0
        while True:
            id = self.sample()
            if id not in stop and count == limit:
                if segment.get("atLimit") == "go-on":
                    return
                raise Cut(f"the {'answer' if role == 'answer' else 'chain of thought'} did not end within {limit} tokens")
            if id not in stop:
                self.written.append((role, id))
            self.feed(self.decoder.embed([id]), [{"kind": "answer" if role == "answer" else "token", "id": id}])
            count += 1
            if id in stop:
                return

    def sample(self) -> int:
        """The likeliest token, or one drawn from softmax(logits / temperature) by the inverse of its distribution in order of id."""
        if self.sampling.temperature == 0:
            return self.last.id
        logits = self.last.logits.double().cpu().numpy()
        sums = np.exp((logits - logits.max()) / self.sampling.temperature).cumsum()
        drawn = np.searchsorted(sums, next(self.uniforms) * sums[-1], side="right")
        # Where rounding leaves a rest: the last token that can be drawn at all.
        return int(min(drawn, np.searchsorted(sums, sums[-1])))

    def think(self, segment: dict, trained: int) -> None:
        count = segment["count"] if self.sampling.latents is None else self.sampling.latents
        rules, feedback = Rules(segment.get("stop", []), self.words), segment["feedback"]
        source, in_words = SITES[feedback["site"]]
        self.feedback = in_words(feedback)
        # A mixture of tokens asks for no training.
        trained = 0 if feedback["site"] == "mixture" else trained
        for _ in range(count):
            if held := rules.before(self.last.id, self.last.entropy):
                self.stopped = {"rule": held, "at": len(self.thoughts)}
                return
            index, at = len(self.thoughts), len(self.steps)
            vector, token = source(self, feedback)
            # As it is fed: in the model's own precision.
            vector = vector.to(self.decoder.dtype)
            if not vector.isfinite().all():
                raise Cut(f"thought {index} is not finite, so the model is broken from there on")
            # Where none was trained there is none to be spare beside.
            spare = {} if index < trained or trained == 0 else {"spare": f"beyond the {trained} thoughts that the model was trained with"}
            self.thoughts.append({"index": index, "producedAt": at - 1, "fedAt": at, **spare})
            ids, cosines = self.decoder.nearest(vector, self.sampling.top_k)
            self.put("latent.vec", vector[None].float().cpu().numpy())
            self.put("neighbour.topk_id", ids[None])
            self.put("neighbour.topk_cosine", cosines[None])
            self.seen.update(ids.tolist())
            self.feed(vector[None].to(self.decoder.entry), [{"kind": "latent", "id": -1 if token is None else token, "thought": index}])
        if rules.rules:
            self.stopped = {"rule": "limit", "at": len(self.thoughts)}

    def feed(self, embeds: Tensor, steps: list[dict]) -> None:
        """Feeds [n, d], and reads out what its positions say."""
        torch, decoder, first = self.torch, self.decoder, self.last
        if len(self.steps) + len(steps) > decoder.context:
            raise Cut(f"the model's context of {decoder.context} positions is full")
        streams = decoder.forward(embeds)
        ids = [-1 if step["kind"] == "latent" else step["id"] for step in steps]
        logprobs = np.full(len(steps), np.nan, np.float32)
        if first is not None and ids[0] >= 0:
            logprobs[0] = float(first.logits[ids[0]]) - first.lse
        rows = max(1, LENS_BYTES // (4 * decoder.vocabulary * (decoder.layers + 1)))
        for start in range(0, len(steps), rows):
            some = streams[start : start + rows]
            normed, logits = decoder.read(some)
            lse = logits.logsumexp(-1)
            logp = logits - lse[..., None]
            p = logp.exp()
            top = logits.topk(self.sampling.top_k, -1)
            kl = torch.where(p[:, -1:] > 0, p[:, -1:] * (logp[:, -1:] - logp), 0).sum(-1)
            entropy = torch.where(p > 0, -p * logp, 0).sum(-1)
            numbers = {"topk_id": top.indices.int(), "topk_logit": top.values, "lse": lse, "entropy": entropy, "kl_final": kl}
            for name, values in numbers.items():
                self.put(f"lens.{name}", values.cpu().numpy())
            self.seen.update(top.indices.unique().tolist())
            halves = some.half()
            self.too_large += int((halves.isinf() & ~some.isinf()).sum())
            self.put("hidden.resid", halves.cpu().numpy())
            for i in range(start, min(start + rows, len(steps) - 1)):
                if ids[i + 1] >= 0:
                    logprobs[i + 1] = float(logp[i - start, -1, ids[i + 1]])
            # Copies, so that the rest of the chunk is free again.
            states = (one[-1, -1].clone() for one in (logits, some, normed))
            self.last = Last(*states, float(lse[-1, -1]), float(entropy[-1, -1]), int(top.indices[-1, -1, 0]))
        self.put("tokens.id", np.array(ids, np.int32))
        self.put("tokens.logprob", logprobs)
        self.steps += steps
        self.seen.update(step["id"] for step in steps if step["id"] >= 0)
        if not math.isfinite(self.last.lse) or not streams[-1, -1].isfinite().all():
            raise Cut(f"the logits at position {len(self.steps) - 1} are not finite, so the model is broken from there on")

    def put(self, plane: str, rows: np.ndarray) -> None:
        if self.sampling.states or plane != "hidden.resid":
            self.spool.append(f"{self.name}/{plane}", rows)

    def record(self, state: str, milliseconds: float, pattern: str | None) -> dict:
        words = self.words.decode
        said = words([id for role, id in self.written if role == "answer"])[:MAX_ANSWER].strip()
        found = None if pattern is None else re.search(pattern, said)
        answer = said if pattern is None else ((found.groups() or ("",))[0] or "").strip() if found else ""
        return {
            "name": self.name,
            "state": state,
            "steps": self.steps,
            "thoughts": self.thoughts,
            "text": words([id for _, id in self.written]),
            **({"answer": answer} if answer else {}),
            **({"feedback": self.feedback} if self.feedback else {}),
            **({"stopped": self.stopped} if self.stopped else {}),
            "milliseconds": milliseconds,
        }


# Only this much of what was said is searched for an answer.
MAX_ANSWER = 10_000

Source = Callable[[Run, dict], "tuple[Tensor, int | None]"]


def mixture(run: Run, feedback: dict) -> tuple[Tensor, None]:
    """Soft Thinking (arXiv 2505.15778): embeddings of the likeliest tokens, weighted by p = softmax(logits / temperature) among these."""
    top = run.last.logits.double().topk(min(feedback["top"], run.decoder.vocabulary))
    weights = (top.values / feedback.get("temperature", 1)).softmax(-1).to(run.decoder.entry)
    return weights @ run.decoder.embed(top.indices.tolist()).double(), None


def dummy(run: Run, feedback: dict) -> tuple[Tensor, int]:
    id = run.words.id(feedback["token"])
    return run.decoder.embed([id])[0], id


# What is fed back, by its name in recipes: a vector [d], and the token whose embedding it is, where it is one; and in words.
SITES: dict[str, tuple[Source, Callable[[dict], str]]] = {
    # Coconut (arXiv 2412.06769).
    "normed": (lambda run, _: (run.last.normed, None), lambda _: "state after the final norm"),
    "resid": (lambda run, _: (run.last.resid, None), lambda _: "state before the final norm"),
    "mixture": (mixture, lambda feedback: f"mixture of the {feedback['top']} likeliest tokens' embeddings"),
    "token": (dummy, lambda feedback: f"the token {feedback['token']}"),
}


def uniforms(seed: int, name: str) -> Iterator[float]:
    """Uniform numbers in [0, 1), the engine's own (src/shared/random.ts): xoshiro128** (Blackman and Vigna, 2018), seeded by SplitMix32 from a seed and the FNV-1a of a name."""
    word = 2**32
    mixed = seed % word
    for character in name:
        mixed = (mixed ^ ord(character)) * 0x01000193 % word
    state = []
    for _ in range(4):
        mixed = (mixed + 0x9E3779B9) % word
        one = (mixed ^ (mixed >> 16)) * 0x21F0AAAD % word
        one = (one ^ (one >> 15)) * 0x735A2D97 % word
        state.append(one ^ (one >> 15))
    rotated = lambda value, by: ((value << by) | (value >> (32 - by))) % word
    a, b, c, d = state
    while True:
        yield rotated(b * 5 % word, 7) * 9 % word / word
        a, b, c, d = a ^ d ^ b, b ^ c ^ a, c ^ a ^ (b << 9) % word, rotated(d ^ b, 11)


# ── Recording ────────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Sampling:
    seed: int
    # 0 is greedy.
    temperature: float
    # In the place of the recipe's counts and limits, where they are given.
    latents: int | None
    max_tokens: int | None
    top_k: int
    # Whether the residual stream is kept.
    states: bool


def record(
    model: Any,
    tokenizer: Any,
    prompt: str | Sequence[Mapping[str, str]],
    out: str | os.PathLike,
    *,
    latents: int | None = None,
    feedback: str = "normed",
    top: int = 10,
    trained_latents: int = 0,
    recipe: dict | None = None,
    arms: Sequence[str] | None = None,
    seed: int = 0,
    temperature: float = 0.0,
    max_tokens: int | None = None,
    top_k: int = 10,
    chat: bool = True,
    states: bool = True,
    hashes: bool = True,
    name: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Trace:
    """
    Runs a prompt's arms and writes what every position says as the trace `out`, which is opened and returned.

    `prompt`: a text, or messages with `role` and `content`; a text becomes the user's message where the tokenizer has a chat template, unless
    `chat` is False. `latents`: how many thoughts; `feedback`: what is fed back as one, `normed` (Coconut: the state after the final norm),
    `resid`, or `mixture` (Soft Thinking, of the `top` likeliest tokens); `trained_latents`: how many of them the model was trained with, the
    others are marked. `recipe`: that of a model.json in the place of all this. `arms`: by default all but `direct`, or all of a given recipe.
    `temperature`: 0 is greedy, else tokens are drawn with `seed`. `states=False` leaves out the residual streams, most of a trace's bytes.
    `hashes=False`: the weights are not hashed, which takes a second for each GB or two. `name`: what the model is called.

    Logits are those of the model's own precision. Planes go to temporary files beside `out` as they are made.
    """
    torch, out, begun = torch_of(), Path(out), datetime.datetime.now(datetime.timezone.utc)
    words = Words(tokenizer)
    notes: list[str] = []
    text, pieces = prompt_of(words, prompt, chat, notes)
    if not text.strip():
        raise TraceError("The prompt is empty: write a question first.")
    if feedback not in LATENT_ARMS:
        raise TraceError(f"There is no feedback {quote(feedback)}: use {', '.join(LATENT_ARMS)}.")
    if not (1 <= top <= MAX_TOP and 1 <= top_k <= MAX_TOP) or min(latents or 0, trained_latents, max_tokens or 0, temperature) < 0:
        raise TraceError(f"A number is out of range: top and top_k are from 1 to {MAX_TOP}, the others 0 or more.")
    with torch.inference_mode():
        progress("Looking at the model")
        decoder = Decoder(model)
        own = recipe is None
        if own:
            site = {"site": feedback, **({"top": top} if feedback == "mixture" else {})}
            recipe = {**default_recipe(words, ends_of(model, tokenizer), text, chat and bool(tokenizer.chat_template), latents or 0, site), "trainedLatents": trained_latents}
        # By default what thinks.
        chosen = check_recipe(recipe, arms if arms is not None or not own else [arm for arm in recipe["arms"] if arm != "direct"])
        sampling = Sampling(seed, temperature, latents, max_tokens, min(top_k, decoder.vocabulary), states)
        ids, spans = words.encode(text)
        spool = Spool(out.parent)
        try:
            records, seen = [], set()
            for arm in chosen:
                progress(f"Running arm {arm}")
                start = time.perf_counter()
                run = Run(decoder, words, spool, arm, sampling)
                cut = run.run(recipe["arms"][arm], ids, spans, recipe["trainedLatents"])
                records.append(run.record("done" if cut is None else "limit", 1e3 * (time.perf_counter() - start), recipe.get("answer")))
                seen |= run.seen
                notes += [f"Arm {arm} was cut: {cut}."] if cut else []
                if recipe["trainedLatents"] == 0 and feeds_states(recipe["arms"][arm]):
                    notes.append(f"Arm {arm} feeds states back to a model that was not trained on them: what its thoughts read as is no evidence of reasoning.")
                if run.too_large:
                    notes.append(f"In arm {arm} {run.too_large} values of the residual stream are above 65504, and infinite in the half precision of traces.")
            decoder.reset()
            progress("Hashing the weights" if hashes else "Writing the trace")
            document = {
                "version": VERSION,
                "producer": PRODUCER,
                "created": begun.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "prompt": {"name": "prompt", "format": "plain", "text": text, "sha256": hashlib.sha256(text.encode("utf-8")).hexdigest(), "pieces": pieces},
                "model": model_record(decoder, words, recipe, name, hashes),
                "options": {
                    **({} if latents is None else {"latents": latents}),
                    "seed": seed,
                    "temperature": temperature,
                    **({} if max_tokens is None else {"maxTokens": max_tokens}),
                    "topK": sampling.top_k,
                },
                "runtime": runtime_of(decoder),
                "arms": records,
                "probes": [],
                "tokens": [words.record(id) for id in sorted(seen)],
                "notes": notes,
            }
            write(out, document, spool.planes())
        except OSError as error:
            raise TraceError(f"The trace was not written to {out}: {ADVICE.get(error.errno, error.strerror)}.") from error
        except torch.cuda.OutOfMemoryError as error:
            raise TraceError("The device's memory is full: shorten the prompt, or load the model on more devices.") from error
        finally:
            spool.close()
    return Trace.open(out)


def prompt_of(words: Words, prompt: str | Sequence[Mapping[str, str]], chat: bool, notes: list[str]) -> tuple[str, list[dict]]:
    """What the model is given, and where the prompt's own words stand in it."""
    template = words.tokenizer.chat_template
    if template and chat:
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(prompt)
        notes.append("The messages were written as the model’s chat template does.")
        text = words.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    else:
        if not isinstance(prompt, str):
            raise TraceError("Messages need a chat template, which this tokenizer has not or which was turned off: give a text.")
        if template:
            notes.append("The model’s chat template was left out, as was asked: the text was given as it is.")
        text = prompt
    words_of_user = prompt.strip() if isinstance(prompt, str) else ""
    before, found, _ = text.partition(words_of_user) if words_of_user else ("", "", "")
    if not found:
        return text, []
    start, length, skipped = units(before), units(found), units(prompt[: len(prompt) - len(prompt.lstrip())])
    return text, [{"text": {"start": start, "end": start + length}, "file": {"start": skipped, "end": skipped + length}}]


def ends_of(model: Any, tokenizer: Any) -> list[int]:
    """Ids that end a text."""
    config = getattr(model, "generation_config", None) or model.config
    ends = config.eos_token_id if config.eos_token_id is not None else []
    return sorted({*(ends if isinstance(ends, list) else [ends]), tokenizer.eos_token_id} - {None})


def model_record(decoder: Decoder, words: Words, recipe: dict, name: str | None, hashes: bool) -> dict:
    given = name or str(getattr(decoder.model, "name_or_path", "") or type(decoder.model).__name__)
    # A hub's name stays; of a path only the last part.
    named = given if re.fullmatch(r"[\w.-]+/[\w.-]+", given) and not Path(given).exists() else re.split(r"[/\\]", given.rstrip("/\\"))[-1]
    quantised = getattr(decoder.model.config, "quantization_config", None)
    method = getattr(quantised, "quant_method", None) or (quantised or {}).get("quant_method") if quantised else None
    precision = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}
    dtype = str(decoder.dtype).removeprefix("torch.")
    return {
        "id": re.sub(r"[^A-Za-z0-9._/-]+", "-", named)[:100] or "model",
        "name": named[:100],
        "sha256": model_sha256(decoder) if hashes else "",
        "tokenizerSha256": words.sha256,
        "layers": decoder.layers,
        "width": decoder.width,
        "vocabulary": decoder.vocabulary,
        "quantisation": str(getattr(method, "value", method)) if method else precision.get(dtype, dtype),
        "trainedLatents": recipe["trainedLatents"],
        "recipe": recipe,
    }


def model_sha256(decoder: Decoder) -> str:
    """SHA-256 of lines `name dtype shape sha256-of-the-values`, by name: the same for the same weights, however they are stored."""
    torch, total = decoder.torch, hashlib.sha256()
    for name, tensor in sorted(decoder.model.state_dict().items()):
        if tensor.is_meta:
            raise TraceError("Some weights are not in memory, so that they cannot be hashed: record with hashes=False.")
        flat, one = tensor.detach().reshape(-1), hashlib.sha256()
        for start in range(0, flat.numel(), PIECE):
            one.update(flat[start : start + PIECE].contiguous().view(torch.uint8).cpu().numpy())
        total.update(f"{name} {tensor.dtype} {list(tensor.shape)} {one.hexdigest()}\n".encode())
    return total.hexdigest()


def runtime_of(decoder: Decoder) -> dict[str, str]:
    import transformers

    device = decoder.exit
    where = f"cuda ({decoder.torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type
    engine = f"transformers {transformers.__version__}, torch {decoder.torch.__version__}, {where}"
    return {"engine": engine, "platform": f"{sys.platform}-{platform.machine()}"}


# ── The command ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def printable(text: str) -> str:
    """Control and format characters named, so that a text can neither hide nor move what stands beside it."""
    return "".join(one if one.isprintable() else "↵" if one == "\n" else f"⟨U+{ord(one):04X}⟩" for one in text)


def show(path: str) -> list[str]:
    with Trace.open(path) as trace:
        document = trace.document
        prompt, model, runtime = document["prompt"], document["model"], document["runtime"]
        lines = [
            f"{document['producer']}, {document['created']}",
            f"Prompt: {prompt['name']}, {units(prompt['text'])} characters",
            f"Model: {model['name']}, {model['layers']} layers × {model['width']}, {model['quantisation']}, {runtime['engine']}",
        ]
        for arm in document["arms"]:
            lines.append(f"Arm {arm['name']}: {arm['state']}, {len(arm['steps'])} positions, {len(arm['thoughts'])} thoughts: {arm.get('answer', 'no answer')}")
            lines += [thought_line(trace, arm, thought) for thought in arm["thoughts"]]
        lines += [f"Note: {note}" for note in document["notes"]]
        lines += [f"{name}  {trace.tensors[name].dtype} {list(trace.tensors[name].shape)}" for name in trace.planes]
    return [printable(line) for line in lines]


def thought_line(trace: Trace, arm: dict, thought: dict) -> str:
    """What the thought reads as at the last site, where it is produced."""
    ids, logits, lse = (f"{arm['name']}/lens.{part}" for part in ("topk_id", "topk_logit", "lse"))
    if not all(name in trace for name in (ids, logits, lse)):
        return f"  thought {thought['index']}"
    at = thought["producedAt"]
    tokens, chances = trace[ids][at, -1][:5], np.exp(trace[logits][at, -1][:5] - trace[lse][at, -1])
    words = ", ".join(f"{trace.texts.get(int(id), '?')!r} {chance:.2f}" for id, chance in zip(tokens, chances))
    return f"  thought {thought['index']}: {words}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="trace.py", description="Shows traces, and records runs of Hugging Face models as traces.")
    commands = parser.add_subparsers(dest="command", required=True)
    shown = commands.add_parser("show", help="what a trace holds")
    shown.add_argument("file")
    one = commands.add_parser("record", help="runs a prompt and writes its trace")
    one.add_argument("model", help="a folder that save_pretrained wrote, or a hub id")
    one.add_argument("prompt", help="a text, or @FILE for what a file holds")
    one.add_argument("--out", required=True, help="X.trace.safetensors")
    one.add_argument("--latents", type=int, help="how many latent thoughts; none where absent")
    one.add_argument("--feedback", choices=LATENT_ARMS, default="normed", help="what is fed back: normed is Coconut, mixture is Soft Thinking")
    one.add_argument("--top", type=int, default=10, help="tokens of a mixture")
    one.add_argument("--trained-latents", type=int, default=0, help="thoughts that the model was trained with")
    one.add_argument("--recipe", help="a model.json whose recipe is run")
    one.add_argument("--arms", help="arms of the recipe, with commas between them")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--temperature", type=float, default=0.0, help="0 is greedy")
    one.add_argument("--max-tokens", type=int, help="tokens that are decoded at most, each time")
    one.add_argument("--top-k", type=int, default=10, help="tokens that are kept of each readout")
    one.add_argument("--no-chat-template", action="store_true", help="give the text as it is")
    one.add_argument("--no-states", action="store_true", help="leave out the residual streams, most of a trace's bytes")
    one.add_argument("--no-hashes", action="store_true", help="do not hash the weights")
    one.add_argument("--device", help="cuda, cpu or auto; cuda where there is one")
    one.add_argument("--dtype", default="auto", help="float32, bfloat16 or float16; the checkpoint's where absent")
    return parser.parse_args()


def read_text(path: str, what: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise TraceError(f"{what} {quote(path)} cannot be read: check that it exists and is a text.") from error


def record_command(options: argparse.Namespace) -> None:
    torch = torch_of()
    from transformers import AutoModelForCausalLM, AutoTokenizer

    prompt = read_text(options.prompt[1:], "The prompt") if options.prompt.startswith("@") else options.prompt
    try:
        recipe = json.loads(read_text(options.recipe, "The recipe"))["recipe"] if options.recipe else None
    except (ValueError, KeyError, TypeError) as error:
        raise TraceError(f"{quote(options.recipe)} has no recipe: give a model.json.") from error
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = options.dtype if options.dtype == "auto" else getattr(torch, options.dtype, None)
    if dtype is None:
        raise TraceError(f"There is no type {quote(options.dtype)}: use float32, bfloat16 or float16.")
    note("Loading the model")
    try:
        tokenizer = AutoTokenizer.from_pretrained(options.model)
        where = {"device_map": "auto"} if device == "auto" else {}
        model = AutoModelForCausalLM.from_pretrained(options.model, dtype=dtype, **where)
        model = model if where else model.to(device)
    except Exception as error:  # the library raises whatever its parts raise
        raise TraceError(f"{quote(options.model)} cannot be loaded ({first_line(error)}): give a folder of save_pretrained, or a hub id.") from error
    record(
        model, tokenizer, prompt, options.out, latents=options.latents, feedback=options.feedback, top=options.top,
        trained_latents=options.trained_latents, recipe=recipe, arms=options.arms.split(",") if options.arms else None, seed=options.seed,
        temperature=options.temperature, max_tokens=options.max_tokens, top_k=options.top_k, chat=not options.no_chat_template,
        states=not options.no_states, hashes=not options.no_hashes, progress=note,
    ).close()
    note(f"{options.out} is written: open it in the panel, or with trace.py show")


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    options = arguments()
    try:
        if options.command == "show":
            print("\n".join(show(options.file)))
        else:
            record_command(options)
    except TraceError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Stopped: nothing was written.")


if __name__ == "__main__":
    main()
