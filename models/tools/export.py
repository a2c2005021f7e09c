# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "accelerate==1.15.0",
#   "gguf==0.19.0",
#   "jinja2==3.1.6",
#   "numpy==2.4.6",
#   "onnx==1.23.2",
#   "onnxruntime==1.32.0",
#   "safetensors==0.8.0",
#   "tokenizers==0.22.2",
#   "torch==2.13.0",
#   "transformers==4.57.6",
# ]
# ///
"""Makes a model folder (models/README.md) of a language model, and holds it against PyTorch.

    python models/tools/export.py CHECKPOINT --out FOLDER

CHECKPOINT is a folder with config.json and safetensors, a .gguf file, or a hub id such as OWNER/NAME.

The parts, from top to bottom: where a checkpoint is read from (`SOURCES`), the parts of its decoder (`Parts`), the two graphs
(`Body`, `Head`), how a kind of model thinks (`FAMILIES`), the files of the folder, and the comparison with PyTorch.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

REQUIREMENTS = "models/tools/requirements.txt"


class Refusal(Exception):
    """What the user is told, in one sentence."""


try:
    import accelerate  # noqa: F401  what transformers reads GGUF files with
    import gguf
    import jinja2  # noqa: F401  what transformers renders chat templates with
    import numpy as np
    import onnx
    import onnxruntime
    import tokenizers
    import torch
    import transformers
    from torch import Tensor, nn
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, DynamicCache, PreTrainedTokenizerFast
    from transformers.cache_utils import DynamicLayer
except ImportError as error:
    wanted = error.name or "a package"
    print(f'The Python package "{wanted}" is missing: run "pip install -r {REQUIREMENTS}".', file=sys.stderr)
    sys.exit(1)


# ── Where a checkpoint is read from ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Checkpoint:
    model: nn.Module
    tokenizer: transformers.PreTrainedTokenizerBase
    # Content of tokenizer.json.
    vocabulary: str
    name: str
    # What it was made from, as the end of a sentence.
    origin: str
    license: str | None = None


def load(call: Callable[[], object], path: str, what: str) -> object:
    """What a loader of the library returns; its failure is one sentence."""
    try:
        with quiet():
            return call()
    except Exception as error:  # the library raises whatever its parts raise
        raise Refusal(f'{what} of "{path}" cannot be read ({brief(error)}): give another checkpoint.') from error


def from_folder(path: str, tokenizer: str | None) -> Checkpoint:
    folder = Path(path)
    if not (folder / "config.json").is_file():
        raise Refusal(f'The folder "{path}" has no config.json: give the folder that save_pretrained wrote.')
    if not any(folder.glob("*.safetensors")):
        raise Refusal(f'The folder "{path}" has no *.safetensors: save the model again with safe_serialization=True.')
    try:
        config = AutoConfig.from_pretrained(path)
    except Exception as error:
        raise Refusal(f'The architecture of "{path}" is unknown to transformers {transformers.__version__}: {ADVICE}.') from error
    if type(config) not in transformers.MODEL_FOR_CAUSAL_LM_MAPPING:
        raise Refusal(f'The architecture "{config.model_type}" of "{path}" is no causal language model: {ADVICE}.')
    words, vocabulary = read_tokenizer(tokenizer or path)
    options = {"dtype": torch.float32, "attn_implementation": "eager", "use_safetensors": True}
    model = load(lambda: AutoModelForCausalLM.from_pretrained(path, config=config, **options), path, "The model")
    card = folder / "README.md"
    header = re.match(r"---\n(.*?)\n---", card.read_text("utf-8"), re.DOTALL) if card.is_file() else None
    found = re.search(r"^license:\s*[\"']?([\w.-]+)", header[1], re.MULTILINE) if header else None
    name = folder.resolve().name
    return Checkpoint(model, words, vocabulary, name, f"the checkpoint {name}", found[1] if found else None)


ADVICE = "give a causal decoder such as Llama, Qwen or GPT-2"


def read_tokenizer(path: str) -> tuple[transformers.PreTrainedTokenizerBase, str]:
    """The tokenizer, and the text of its tokenizer.json: as it is where there is one, else what the library makes of it."""
    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    try:
        with quiet():
            words = AutoTokenizer.from_pretrained(str(folder), use_fast=True)
    except Exception as error:
        raise Refusal(f'"{folder}" has no tokenizer that can be read: give --tokenizer a folder with a tokenizer.json.') from error
    if not words.is_fast:
        raise Refusal(f'The tokenizer in "{folder}" cannot be written as tokenizer.json: give --tokenizer a folder with one.')
    own = folder / "tokenizer.json"
    return words, own.read_text("utf-8") if own.is_file() else words.backend_tokenizer.to_str()


def from_hub(name: str, tokenizer: str | None) -> Checkpoint:
    from huggingface_hub import snapshot_download

    wanted = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt", "README.md"]
    try:
        path = snapshot_download(name, allow_patterns=wanted)
    except Exception as error:
        raise Refusal(f'"{name}" is no file or folder, and cannot be got from the hub ({brief(error)}): check the name.') from error
    found = from_folder(path, tokenizer)
    found.name, found.origin = name.rpartition("/")[2], f"the hub's {name}"
    return found


def from_gguf(path: str, tokenizer: str | None) -> Checkpoint:
    """The weights are dequantised. Its tokenizer is rebuilt where its kind is known here, because the file holds only its name."""
    try:
        with quiet():
            reader = gguf.GGUFReader(path)
    except Exception as error:
        raise Refusal(f'"{path}" is no whole GGUF file ({brief(error)}): download it again.') from error

    def value(key: str) -> object:
        found = reader.fields.get(key)
        return found.contents() if found else None

    architecture = value("general.architecture")
    folder, file = str(Path(path).parent), Path(path).name
    try:
        with quiet():
            config = AutoConfig.from_pretrained(folder, gguf_file=file)
    except Exception as error:
        raise Refusal(
            f'GGUF files of the architecture "{architecture}" cannot be read: export it from its original checkpoint.'
        ) from error
    words, vocabulary = read_tokenizer(tokenizer) if tokenizer else gguf_tokenizer(path, value)
    options = {"dtype": torch.float32, "attn_implementation": "eager", "gguf_file": file}
    model = load(lambda: AutoModelForCausalLM.from_pretrained(folder, config=config, **options), path, "The model")
    stored = {tensor.tensor_type.name for tensor in reader.tensors if len(tensor.shape) > 1}
    return Checkpoint(
        model, words, vocabulary, Path(path).stem, f"{file}, whose weights were {' and '.join(sorted(stored))}", value("general.license")
    )


LLAMA_3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def _splitting(pattern: str) -> tokenizers.pre_tokenizers.PreTokenizer:
    pre = tokenizers.pre_tokenizers
    split = pre.Split(tokenizers.Regex(pattern), "isolated")
    return pre.Sequence([split, pre.ByteLevel(add_prefix_space=False, use_regex=False)])


def _digits() -> tokenizers.pre_tokenizers.PreTokenizer:
    pre = tokenizers.pre_tokenizers
    return pre.Sequence([pre.Digits(individual_digits=True), pre.ByteLevel(add_prefix_space=False)])


# How a text is cut before byte pairs are merged, by what GGUF files call it; and whether whole words go before merges.
CUTS: dict[str, tuple[Callable[[], tokenizers.pre_tokenizers.PreTokenizer], bool]] = {
    "gpt-2": (lambda: tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False), False),
    "smollm": (_digits, False),
    "starcoder": (_digits, False),
    "llama-bpe": (lambda: _splitting(LLAMA_3), True),
    "qwen2": (lambda: _splitting(LLAMA_3.replace("{1,3}", "")), False),
}
# Types of tokens in GGUF files.
CONTROL, USER_DEFINED = 3, 4


def gguf_tokenizer(path: str, value: Callable[[str], object]) -> tuple[PreTrainedTokenizerFast, str]:
    kind, cut = value("tokenizer.ggml.model"), value("tokenizer.ggml.pre")
    if kind != "gpt2" or cut not in CUTS:
        raise Refusal(
            f'The tokenizer of "{path}" ({kind}, {cut}) cannot be rebuilt: give --tokenizer the folder of the original tokenizer.json.'
        )
    tokens, merges = value("tokenizer.ggml.tokens"), value("tokenizer.ggml.merges")
    types = value("tokenizer.ggml.token_type") or [1] * len(tokens)
    make, whole_words = CUTS[cut]
    pairs = [tuple(merge.split(" ")) for merge in merges]
    model = tokenizers.models.BPE({token: i for i, token in enumerate(tokens)}, pairs, fuse_unk=False, ignore_merges=whole_words)
    words = tokenizers.Tokenizer(model)
    words.pre_tokenizer = make()
    words.decoder = tokenizers.decoders.ByteLevel()
    for token, one in zip(tokens, types):
        if one in (CONTROL, USER_DEFINED):
            added = tokenizers.AddedToken(token, special=one == CONTROL, normalized=False)
            (words.add_special_tokens if one == CONTROL else words.add_tokens)([added])
    named = {
        name: tokens[value(f"tokenizer.ggml.{key}_token_id")]
        for name, key in (("bos_token", "bos"), ("eos_token", "eos"))
        if value(f"tokenizer.ggml.{key}_token_id") is not None
    }
    if value("tokenizer.ggml.add_bos_token") and "bos_token" in named:
        bos = named["bos_token"]
        words.post_processor = tokenizers.processors.TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, words.token_to_id(bos))]
        )
    fast = PreTrainedTokenizerFast(tokenizer_object=words, **named)
    fast.chat_template = value("tokenizer.chat_template")
    return fast, words.to_str()


# What a checkpoint may be, tried from top to bottom.
SOURCES: list[tuple[Callable[[str], bool], Callable[[str, str | None], Checkpoint]]] = [
    (lambda path: path.endswith(".gguf") and Path(path).is_file(), from_gguf),
    (lambda path: Path(path).is_dir(), from_folder),
    (lambda path: re.fullmatch(r"[\w.-]+/[\w.-]+", path) is not None and not path.endswith(".gguf"), from_hub),
]


def read(path: str, tokenizer: str | None) -> Checkpoint:
    for fits, reader in SOURCES:
        if fits(path):
            return reader(path, tokenizer)
    raise Refusal(f'There is no checkpoint "{path}": give a folder with config.json, a .gguf file, or a hub id such as OWNER/NAME.')


# ── The parts of a decoder ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Parts:
    """Of any decoder whose layers are one list. Nothing here depends on its architecture."""

    model: nn.Module
    base: nn.Module
    embedding: nn.Module
    blocks: nn.ModuleList
    head: nn.Linear
    # Key/value heads and their width.
    heads: int
    head_width: int
    width: int
    vocabulary: int
    context: int

    @staticmethod
    def of(model: nn.Module) -> Parts:
        model.eval().requires_grad_(False)
        config = model.config.get_text_config()
        layers = getattr(config, "num_hidden_layers", None)
        lists = [
            (name, found)
            for name, found in model.named_modules()
            if isinstance(found, nn.ModuleList) and len(found) == layers
        ]
        # Experts inside a block may be as many as there are blocks.
        outer = [found for name, found in lists if not any(name.startswith(f"{other}.") for other, _ in lists)]
        if len(outer) != 1:
            raise Refusal(f'The layers of "{config.model_type}" are not one list of modules: {ADVICE}.')
        head = model.get_output_embeddings()
        context = getattr(config, "max_position_embeddings", None)
        if not isinstance(head, nn.Linear) or not isinstance(context, int):
            raise Refusal(f'"{config.model_type}" has no unembedding or no largest length in its config.json: {ADVICE}.')
        cache = DynamicCache()
        embedding = model.get_input_embeddings()
        ids = torch.zeros(1, 2, dtype=torch.int64)
        width = embedding(ids).shape[-1]
        try:
            with torch.no_grad():
                model(input_ids=ids, past_key_values=cache, use_cache=True)
            shapes = {tuple(part.shape) for layer in cache.layers for part in (layer.keys, layer.values)}
        except Exception as error:
            raise Refusal(f'"{config.model_type}" does not run with a cache of keys and values ({brief(error)}): {ADVICE}.') from error
        if len(shapes) != 1 or len(cache.layers) != layers or [*shapes][0][:3:2] != (1, 2):
            raise Refusal(f'The layers of "{config.model_type}" do not all keep keys and values of one shape: {ADVICE}.')
        [(_, heads, _, head_width)] = shapes
        if head.in_features != width:
            raise Refusal(f'"{config.model_type}" embeds {width} numbers and unembeds {head.in_features}: {ADVICE}.')
        kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
        if not kinds <= {"full_attention", "sliding_attention"}:
            raise Refusal(f'"{config.model_type}" has layers of the kinds {", ".join(sorted(kinds))}: {ADVICE}.')
        return Parts(model, model.base_model, embedding, outer[0], head, heads, head_width, width, head.out_features, context)

    def mask(self, attention_mask: Tensor, position_ids: Tensor) -> Tensor | dict[str, Tensor]:
        """What the blocks add to their scores [B,1,T,P+T]: as the library's own masks, in operations that every exporter knows."""
        length, total = position_ids.shape[1], attention_mask.shape[1]
        rows = torch.arange(length)[:, None] + (total - length)
        blocked = (torch.arange(total)[None] > rows)[None, None] | (attention_mask == 0)[:, None, None]
        config = self.model.config.get_text_config()
        window = getattr(config, "sliding_window", None)
        kinds = getattr(config, "layer_types", None)
        if not window or (kinds is None and getattr(config, "use_sliding_window", True) is False):
            return blocked.to(torch.float32) * BLOCKED
        # A position further back than the window. What is not seen has no position of its own.
        keys = attention_mask.cumsum(-1) - 1
        far = (keys[:, None] <= position_ids[:, :, None] - window)[:, None]
        full, near = (one.to(torch.float32) * BLOCKED for one in (blocked, blocked | far))
        return near if kinds is None else {"full_attention": full, "sliding_attention": near}

    @contextlib.contextmanager
    def streams(self, change: Callable[[int, Tensor], Tensor]) -> Iterator[None]:
        """While inside, the residual stream at site i [B,T,d] becomes `change(i, it)`."""

        def enter(_module: nn.Module, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
            if args:
                return (change(0, args[0]), *args[1:]), kwargs
            return args, kwargs | {"hidden_states": change(0, kwargs["hidden_states"])}

        def leave(site: int) -> Callable:
            def hook(_module: nn.Module, _args: tuple, out: Tensor | tuple) -> Tensor | tuple:
                return (change(site, out[0]), *out[1:]) if isinstance(out, tuple) else change(site, out)

            return hook

        hooks = [self.blocks[0].register_forward_pre_hook(enter, with_kwargs=True)]
        hooks += [block.register_forward_hook(leave(i + 1)) for i, block in enumerate(self.blocks)]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    @contextlib.contextmanager
    def normed(self) -> Iterator[list[Tensor]]:
        """While inside, what each run unembeds [B,T,d] is kept: the stream after the final norm."""
        kept: list[Tensor] = []
        hook = self.head.register_forward_pre_hook(lambda _module, args: kept.append(args[0]))
        try:
            yield kept
        finally:
            hook.remove()


# Added to scores of positions that are not seen: its exponential is 0 beside any other.
BLOCKED = -1e9


# ── The graphs ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Body(nn.Module):
    """Tokens or embeddings to the residual stream at every site, and keys and values."""

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self.model, self.parts = parts.model, parts

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, position_ids: Tensor, inputs_embeds: Tensor, embeds_mask: Tensor, *rest: Tensor
    ) -> tuple[Tensor, ...]:
        """`rest`: key and value of every block, then keep and add of every site. Shapes as in models/README.md."""
        layers = len(self.parts.blocks)
        past, patches = rest[: 2 * layers], rest[2 * layers :]
        token_embeds = self.parts.embedding(input_ids)
        cache = filled(past)
        sites: list[Tensor] = []

        def change(site: int, stream: Tensor) -> Tensor:
            sites.append(stream * patches[2 * site] + patches[2 * site + 1])
            return sites[-1]

        with self.parts.streams(change):
            self.parts.base(
                inputs_embeds=torch.where(embeds_mask, inputs_embeds, token_embeds),
                attention_mask=self.parts.mask(attention_mask, position_ids),
                position_ids=position_ids,
                past_key_values=cache,
                use_cache=True,
            )
        return (*sites, token_embeds, *(part for layer in cache.layers for part in (layer.keys, layer.values)))


def filled(past: tuple[Tensor, ...]) -> DynamicCache:
    """What was cached, key and value of every layer in turn."""
    cache = DynamicCache()
    for key, value in zip(past[::2], past[1::2]):
        layer = DynamicLayer()
        layer.lazy_initialization(key)
        layer.keys, layer.values = key, value
        cache.layers.append(layer)
    return cache


class Head(nn.Module):
    """Residual stream to the logits, through all that the model does behind its last block, and every readout of the distribution."""

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self.model, self.parts = parts.model, parts

    def forward(self, hidden: Tensor, target: Tensor, k: Tensor) -> tuple[Tensor, ...]:
        normed, logits = self.read(hidden)
        highest = logits.amax(-1, keepdim=True)
        lse = highest + (logits - highest).exp().sum(-1, keepdim=True).log()
        logp = logits - lse
        p = logp.exp()
        top_values, top_ids = torch.topk(logits, k[0], -1)
        entropy = -(p * logp).sum(-1)
        kl = (p[:, -1:] * (logp[:, -1:] - logp)).sum(-1)
        chosen = target[:, None, None].expand(-1, hidden.shape[1], 1)
        target_logit = torch.gather(logits, 2, chosen)[:, :, 0]
        return normed, top_ids, top_values, lse[:, :, 0], entropy, kl, target_logit, logits

    def read(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """The whole model is run on anything, and its stream behind the last block replaced: what was before it falls out of the graph."""
        parts = self.parts
        last = len(parts.blocks)
        mask = torch.ones(hidden.shape[:2], dtype=torch.int64)
        positions = torch.arange(hidden.shape[1])[None].expand(hidden.shape[0], -1)
        seen = parts.mask(mask, positions)
        with parts.streams(lambda site, stream: hidden if site == last else stream), parts.normed() as normed, one_table(parts.head):
            out = parts.model(inputs_embeds=hidden, attention_mask=seen, position_ids=positions, use_cache=False)
        return normed[0], out.logits


@contextlib.contextmanager
def one_table(head: nn.Linear) -> Iterator[None]:
    """While inside, the unembedding reads its table as it is stored, so that a tied one lies in the file once."""
    bias = head.bias if head.bias is not None else torch.zeros(1)

    def forward(x: Tensor) -> Tensor:
        return torch.addmm(bias, x.flatten(0, 1), head.weight.t()).reshape(x.shape[0], x.shape[1], head.out_features)

    head.forward = forward
    try:
        yield
    finally:
        del head.forward


OPSET = 17


def trace(
    module: nn.Module, example: tuple[Tensor, ...], inputs: dict[str, dict[int, str]], outputs: dict[str, dict[int, str]]
) -> onnx.ModelProto:
    """Names, each with its axes that vary."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.onnx"
        try:
            with torch.no_grad(), quiet():
                torch.onnx.export(
                    module.eval(), example, str(path), opset_version=OPSET, input_names=list(inputs), output_names=list(outputs),
                    dynamic_axes={name: axes for name, axes in (inputs | outputs).items() if axes}, dynamo=False,
                )
        except Exception as error:
            raise Refusal(f"PyTorch cannot export this model ({brief(error)}): {ADVICE}.") from error
        graph = onnx.load(path)
    missing = set(inputs) - {value.name for value in graph.graph.input} - {"attention_mask", "position_ids"}
    if missing:
        raise Refusal(f"The model ignores its {', '.join(sorted(missing)[:3])}, so that it cannot be exported: {ADVICE}.")
    for node in graph.graph.node:
        node.doc_string = ""
    return graph


def body_graph(parts: Parts) -> onnx.ModelProto:
    batch, length, cached = 2, 5, 3
    sequence = {0: "batch", 1: "sequence"}
    inputs: dict[str, dict[int, str]] = {
        "input_ids": sequence,
        "attention_mask": {0: "batch", 1: "total"},
        "position_ids": sequence,
        "inputs_embeds": {0: "embeds_batch", 1: "embeds_sequence", 2: "embeds_width"},
        "embeds_mask": {0: "mask_batch", 1: "mask_sequence"},
    }
    example = [
        torch.zeros(batch, length, dtype=torch.int64),
        torch.ones(batch, cached + length, dtype=torch.int64),
        torch.arange(length)[None].repeat(batch, 1) + cached,
        torch.zeros(1, 1, 1),
        torch.zeros(1, 1, 1, dtype=torch.bool),
    ]
    caches = [f"{i}.{part}" for i in range(len(parts.blocks)) for part in ("key", "value")]
    for name in caches:
        inputs[f"past_key_values.{name}"] = {0: "batch", 2: "past"}
        example.append(torch.randn(batch, parts.heads, cached, parts.head_width))
    sites = range(len(parts.blocks) + 1)
    for i in sites:
        for part, idle in (("keep", 1.0), ("add", 0.0)):
            inputs[f"patch.{i}.{part}"] = {axis: f"patch_{i}_{part}_{label}" for axis, label in enumerate(("batch", "sequence", "width"))}
            example.append(torch.full((1, 1, 1), idle))
    outputs = {f"resid.{i}": sequence for i in sites} | {"token_embeds": sequence}
    outputs |= {f"present.{name}": {0: "batch", 2: "total"} for name in caches}
    return trace(Body(parts), tuple(example), inputs, outputs)


def head_graph(parts: Parts) -> onnx.ModelProto:
    rows = {0: "rows", 1: "sites"}
    inputs: dict[str, dict[int, str]] = {"hidden": rows, "target": {0: "rows"}, "k": {}}
    example = (torch.randn(3, 2, parts.width), torch.zeros(3, dtype=torch.int64), torch.tensor([5]))
    top = rows | {2: "k"}
    names = ("normed", "topk_ids", "topk_values", "lse", "entropy", "kl", "target_logit", "logits")
    return trace(Head(parts), example, inputs, {name: top if name.startswith("topk") else rows for name in names})


# ── How a kind of model thinks ───────────────────────────────────────────────────────────────────────────────────────────────


class Language:
    """Texts as the model's tokens, by the names that the recipe calls them."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.tokenizer = checkpoint.tokenizer
        self.words = tokenizers.Tokenizer.from_str(checkpoint.vocabulary)
        self.template = self.tokenizer.chat_template
        if isinstance(self.template, dict):
            self.template = self.template.get("default")
        config = checkpoint.model.generation_config or checkpoint.model.config
        ends = config.eos_token_id if config.eos_token_id is not None else []
        self.ends = {*(ends if isinstance(ends, list) else [ends]), self.tokenizer.eos_token_id} - {None}

    def tokens(self, text: str) -> list[str]:
        return [self.words.id_to_token(id) for id in self.words.encode(text, add_special_tokens=False).ids]

    @property
    def before(self) -> list[str]:
        """What the tokenizer puts before every text. The engine leaves it out where a prompt begins so itself, as a chat template's does."""
        encoded = self.words.encode("A")
        added = encoded.special_tokens_mask
        return encoded.tokens[: added.index(0)] if 0 in added else []

    def turn(self, question: str) -> list[str]:
        """What follows the assistant's words where the user asks on, up to where the assistant speaks again; empty where that cannot be told."""
        said = "\ue000"
        messages = [("user", "A"), ("assistant", said), ("user", question)]
        try:
            text = self.tokenizer.apply_chat_template(
                [{"role": role, "content": content} for role, content in messages], tokenize=False, add_generation_prompt=True
            )
        except Exception:  # a template is a program of anybody's, and may refuse
            return []
        return self.tokens(text.partition(said)[2])

    def stops(self) -> list[str]:
        """What ends a text, and what ends the assistant's turn."""
        special = {token.content for token in self.words.get_added_tokens_decoder().values() if token.special}
        turn = self.turn("B") if self.template else []
        ends = [self.words.id_to_token(id) for id in sorted(self.ends)]
        return [*dict.fromkeys([*(token for token in turn[:1] if token in special), *(end for end in ends if end)])]

    def chat(self) -> dict | None:
        if not self.template:
            return None
        named = {"bos": self.tokenizer.bos_token, "eos": self.tokenizer.eos_token}
        return {"template": self.template} | {key: value for key, value in named.items() if value}


class Decoder:
    """
    Any causal decoder. Nothing was trained to think in latents, so that every thought is marked as spare.

    A model without a chat template goes on with the text, as in src/engine/adding/recipe.ts. One with a template thinks in its own turn,
    in words or in latents, and is then asked for the answer in a turn of its own, so that these arms differ in nothing else; the
    direct arm answers at once. All answers begin alike, so that they can be held against each other.
    """

    CHAIN_CUE, ANSWER_CUE = "\nLet's think step by step.", "\nThe answer is"
    CHAT_CHAIN_CUE, CHAT_ANSWER_CUE = "Let's think step by step.", "The answer is"
    QUESTION = "So what is the answer? Give only the answer."
    # Group 1: the rest of the first line behind the cue, without what it is set in.
    ANSWER = r"""^[:\s]*["'*]*([^\n]+?)["'*]*[.!]?["'*]*\s*(?:\n|$)"""
    # Tokens. Instructed models end their chains themselves; others go on for ever.
    CHAIN_LIMIT, CHAT_CHAIN_LIMIT, ANSWER_LIMIT = 128, 256, 32
    COCONUT_THOUGHTS, SOFT_THOUGHTS, SOFT_TOP = 4, 8, 10

    def __init__(self, language: Language) -> None:
        self.language = language

    def recipe(self) -> dict:
        stop = self.language.stops()
        answer = {"kind": "decode", "role": "answer", "stop": stop, "limit": self.ANSWER_LIMIT, "atLimit": "go-on"}
        end, *asked = self.language.turn(self.QUESTION) or [None]
        if end in stop:
            chain, cue = self.CHAT_CHAIN_LIMIT, self.tokens(self.CHAT_ANSWER_CUE)
            direct, written = [*cue, answer], [*self.tokens(self.CHAT_CHAIN_CUE)]
            # Whoever decodes the end of a turn feeds it too.
            after = [{"kind": "tokens", "tokens": asked}, *cue, answer]
            latent = [{"kind": "tokens", "tokens": [end, *asked]}, *cue, answer]
            pattern = {"answer": self.ANSWER}
        else:
            chain, cue = self.CHAIN_LIMIT, self.tokens(self.ANSWER_CUE)
            direct, written, after, latent, pattern = [answer], self.tokens(self.CHAIN_CUE), [*cue, answer], [answer], {}
        before = self.language.before
        prompt = [*([{"kind": "tokens", "tokens": before}] if before else []), {"kind": "prompt"}]
        soft = {"site": "mixture", "top": self.SOFT_TOP}
        return {
            "trainedLatents": 0,
            **pattern,
            "arms": {
                "direct": [*prompt, *direct],
                "cot": [
                    *prompt,
                    *written,
                    {"kind": "decode", "role": "thought", "stop": stop, "limit": chain, "atLimit": "go-on"},
                    *after,
                ],
                "coconut": [*prompt, {"kind": "latent", "count": self.COCONUT_THOUGHTS, "feedback": {"site": "normed"}}, *latent],
                "soft": [*prompt, {"kind": "latent", "count": self.SOFT_THOUGHTS, "feedback": soft}, *latent],
            },
        }

    def tokens(self, text: str) -> list[dict]:
        found = self.language.tokens(text)
        return [{"kind": "tokens", "tokens": found}] if found else []


# By the name of `--family`. A family says how its models think; it may also wrap the graphs.
FAMILIES: dict[str, type[Decoder]] = {"decoder": Decoder}


# ── The files of the folder ──────────────────────────────────────────────────────────────────────────────────────────────────

WEIGHTS = "model.onnx_data"
# Smaller tensors stay in the graphs: the runtime needs some of their values while it loads. In bytes.
MIN_REFERENCE = 1024
# Where the runtime maps files, it maps whole pages. In bytes.
PAGE = 4096
HALF_LIMIT = torch.finfo(torch.float16).max


def round_to_half(model: nn.Module) -> None:
    """Matrices as they will be stored: what is compared afterwards is the same model."""
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1:
            if parameter.abs().max() > HALF_LIMIT:
                raise Refusal(f'The weights "{name}" are too large for half precision: leave out --dtype fp16.')
            parameter.data = parameter.data.half().float()


def store_as_half(graph: onnx.GraphProto) -> None:
    """Matrices in half precision, behind casts: computed in single, which a CPU is no slower at. Tables are cast row by row."""
    names = {}
    for tensor in graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) > 1:
            names[tensor.name] = f"{tensor.name}.float"
            tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    used = set()
    nodes = []
    for node in graph.node:
        nodes.append(node)
        if node.op_type == "Gather" and node.input[0] in names:
            out = node.output[0]
            node.output[0] = f"{out}.half"
            nodes.append(onnx.helper.make_node("Cast", [node.output[0]], [out], to=onnx.TensorProto.FLOAT))
            continue
        for i, name in enumerate(node.input):
            if name in names:
                node.input[i] = names[name]
                used.add(name)
    casts = [onnx.helper.make_node("Cast", [name], [names[name]], to=onnx.TensorProto.FLOAT) for name in sorted(used)]
    del graph.node[:]
    graph.node.extend([*casts, *nodes])


def write_graphs(graphs: dict[str, onnx.ModelProto], folder: Path, half: bool) -> None:
    """`NAME.onnx` for each, and one file with the weights of all: what two graphs share lies in it once."""
    places: dict[str, tuple[int, int]] = {}
    with (folder / WEIGHTS).open("wb") as file:
        for name, model in graphs.items():
            graph = model.graph
            if half:
                store_as_half(graph)
            used = {name for node in graph.node for name in node.input}
            kept = [tensor for tensor in graph.initializer if tensor.name in used]
            del graph.initializer[:]
            for tensor in kept:
                content = onnx.numpy_helper.to_array(tensor).tobytes()
                if len(content) >= MIN_REFERENCE:
                    key = hashlib.sha256(content).hexdigest()
                    if key not in places:
                        file.write(b"\0" * (-file.tell() % PAGE))
                        places[key] = file.tell(), len(content)
                        file.write(content)
                    offset, length = places[key]
                    for part in ("raw_data", "float_data", "int32_data", "int64_data"):
                        tensor.ClearField(part)
                    tensor.data_location = onnx.TensorProto.EXTERNAL
                    for entry, value in (("location", WEIGHTS), ("offset", offset), ("length", length)):
                        tensor.external_data.add(key=entry, value=str(value))
                graph.initializer.append(tensor)
            del graph.value_info[:]
            onnx.save(model, folder / f"{name}.onnx")
    for name in graphs:
        onnx.checker.check_model(str(folder / f"{name}.onnx"), full_check=True)


def entry(path: Path) -> dict:
    with path.open("rb") as file:
        return {"name": path.name, "sha256": hashlib.file_digest(file, "sha256").hexdigest(), "bytes": path.stat().st_size}


def write_folder(parts: Parts, checkpoint: Checkpoint, family: Decoder, folder: Path, half: bool) -> None:
    note("Making the graphs")
    write_graphs({"body": body_graph(parts), "head": head_graph(parts)}, folder, half)
    note("Writing the folder")
    (folder / "tokenizer.json").write_text(checkpoint.vocabulary, "utf-8")
    chat = family.language.chat()
    if chat:
        (folder / "chat.json").write_text(json.dumps(chat, ensure_ascii=False, indent="\t") + "\n", "utf-8")
    manifest = {
        "format": "neuralese-model",
        "version": 1,
        "id": re.sub(r"[^A-Za-z0-9._-]+", "-", checkpoint.name).strip("._-")[:100] or "model",
        "name": checkpoint.name,
        "description": f"{type(parts.model).__name__}, made from {checkpoint.origin}.",
        **({"license": checkpoint.license} if checkpoint.license else {}),
        "shape": {
            "layers": len(parts.blocks),
            "width": parts.width,
            "heads": parts.heads,
            "headWidth": parts.head_width,
            "vocabulary": parts.vocabulary,
            "context": parts.context,
        },
        "quantisation": "fp16" if half else "fp32",
        "files": {
            "body": entry(folder / "body.onnx"),
            "head": entry(folder / "head.onnx"),
            "tokenizer": entry(folder / "tokenizer.json"),
            **({"chat": entry(folder / "chat.json")} if chat else {}),
            "weights": [entry(folder / WEIGHTS)],
        },
        "recipe": family.recipe(),
    }
    (folder / "model.json").write_text(json.dumps(manifest, ensure_ascii=False, indent="\t") + "\n", "utf-8")


# ── The comparison with PyTorch ──────────────────────────────────────────────────────────────────────────────────────────────

# Largest difference, as a share of the largest value: float32 sums in another order.
TOLERANCE = 1e-4
# Positions of the test sequence.
LENGTH = 12
TOP = 10


@dataclass
class Comparison:
    """What is compared, and the largest difference of each, as a share of the largest value that PyTorch computed (of 1 where all are smaller)."""

    shares: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, found: np.ndarray, expected: Tensor) -> None:
        wanted = expected.detach().numpy()
        share = float(np.abs(found - wanted).max()) / max(1.0, float(np.abs(wanted).max())) if found.shape == wanted.shape else np.inf
        self.shares[name] = max(self.shares.get(name, 0.0), np.inf if np.isnan(share) else share)

    @property
    def failed(self) -> list[str]:
        return [name for name, share in self.shares.items() if share > TOLERANCE]

    def table(self) -> str:
        wide = max(map(len, self.shares))
        rows = [f"  {name:<{wide}}  {share:8.1e}  {'no' if name in self.failed else 'ok'}" for name, share in self.shares.items()]
        return "\n".join([f"  {'compared with PyTorch':<{wide}}  share of the largest value", *rows])


class Written:
    """The folder's graphs in ONNX Runtime."""

    def __init__(self, folder: Path, parts: Parts) -> None:
        self.parts = parts
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self.body, self.head = (
            onnxruntime.InferenceSession(str(folder / f"{name}.onnx"), options, providers=["CPUExecutionProvider"])
            for name in ("body", "head")
        )
        self.told = {one.name for one in self.body.get_inputs()}

    def run(self, ids: np.ndarray, past: dict | None = None, sees: np.ndarray | None = None, **more: np.ndarray) -> dict[str, np.ndarray]:
        """`ids` [B,T] behind `past`, the outputs of another run. `sees` [B,P+T]: 0 at padding."""
        layers, (batch, length) = range(len(self.parts.blocks)), ids.shape
        cached = past["present.0.key"].shape[2] if past else 0
        empty = np.zeros((batch, self.parts.heads, 0, self.parts.head_width), np.float32)
        one = np.ones((1, 1, 1), np.float32)
        sees = np.ones((batch, cached + length), np.int64) if sees is None else sees
        feeds = {
            "input_ids": ids,
            "attention_mask": sees,
            "position_ids": np.maximum(sees.cumsum(1)[:, cached:] - 1, 0),
            "inputs_embeds": 0 * one,
            "embeds_mask": np.zeros((1, 1, 1), bool),
        }
        feeds |= {f"past_key_values.{i}.{part}": past[f"present.{i}.{part}"] if past else empty for i in layers for part in ("key", "value")}
        feeds |= {f"patch.{i}.{part}": idle for i in range(len(layers) + 1) for part, idle in (("keep", one), ("add", 0 * one))}
        feeds |= more
        outputs = [one.name for one in self.body.get_outputs()]
        return dict(zip(outputs, self.body.run(outputs, {name: value for name, value in feeds.items() if name in self.told})))

    def read(self, hidden: np.ndarray, target: np.ndarray) -> dict[str, np.ndarray]:
        outputs = [one.name for one in self.head.get_outputs()]
        return dict(zip(outputs, self.head.run(outputs, {"hidden": hidden, "target": target, "k": np.array([TOP])})))

    def logits(self, run: dict[str, np.ndarray]) -> np.ndarray:
        """[B,T,V]"""
        hidden = run[f"resid.{len(self.parts.blocks)}"]
        return self.read(hidden, np.zeros(len(hidden), np.int64))["logits"]


@torch.no_grad()
def compare(parts: Parts, folder: Path) -> Comparison:
    """The graphs against the library's own forward pass, with its own masks and cache."""
    written, model, layers = Written(folder, parts), parts.model, len(parts.blocks)
    result = Comparison()
    drawn = torch.Generator().manual_seed(7)
    ids = torch.randint(0, parts.vocabulary, (1, min(LENGTH, parts.context)), generator=drawn)
    length = ids.shape[1]
    sites: list[Tensor] = []
    with parts.streams(lambda _site, stream: (sites.append(stream), stream)[1]), parts.normed() as normed:
        logits = model(input_ids=ids).logits
    whole = written.run(ids.numpy())
    for i, site in enumerate(sites):
        result.add("residual stream", whole[f"resid.{i}"], site)
    result.add("token embeddings", whole["token_embeds"], parts.embedding(ids))
    result.add("logits", written.logits(whole), logits)
    compare_head(written, result, normed[0], logits, [whole[f"resid.{i}"] for i in range(layers + 1)], ids)

    site, at = layers // 2, length - 4
    vector = torch.randn(parts.width, generator=drawn) * sites[site].std()

    def replaced(here: int, stream: Tensor) -> Tensor:
        return torch.cat([stream[:, :at], vector[None, None], stream[:, at + 1 :]], 1) if here == site else stream

    with parts.streams(replaced):
        patched = model(input_ids=ids).logits
    keep, add = np.ones((1, length, parts.width), np.float32), np.zeros((1, length, parts.width), np.float32)
    keep[:, at], add[:, at] = 0, vector.numpy()
    found = written.run(ids.numpy(), **{f"patch.{site}.keep": keep, f"patch.{site}.add": add})
    result.add("a patch", written.logits(found), patched)

    embeds = parts.embedding(ids).clone()
    embeds[:, at] = torch.randn(parts.width, generator=drawn) * embeds.std()
    mask = np.zeros((1, length, 1), bool)
    mask[:, at] = True
    found = written.run(ids.numpy(), inputs_embeds=embeds.numpy(), embeds_mask=mask)
    result.add("a vector fed", written.logits(found), model(inputs_embeds=embeds).logits)

    half = length // 2
    past = written.run(ids[:, :half].numpy())
    for i in range(half, length):
        past = written.run(ids[:, i : i + 1].numpy(), past)
        result.add("decoding on the cache", written.logits(past), logits[:, i : i + 1])

    # Two rows behind one cache: one does not see the last that is cached, and is padded at its end.
    both = {name: np.concatenate([value] * 2) for name, value in written.run(ids[:, :half].numpy()).items()}
    fed = np.stack([ids[0, half - 1 : length - 1].numpy(), ids[0, half:].numpy()])
    sees = np.ones((2, length), np.int64)
    sees[0, half - 1] = sees[0, -1] = 0
    found = written.logits(written.run(fed, both, sees))
    result.add("rows side by side", found[:1, : length - half - 1], logits[:, half - 1 : length - 2])
    result.add("rows side by side", found[1:], logits[:, half:])
    return result


def compare_head(
    written: Written, result: Comparison, normed: Tensor, logits: Tensor, sites: list[np.ndarray], ids: Tensor
) -> None:
    """Every readout at the last two sites, against what follows from PyTorch's logits at the last one."""
    target = ids[0].roll(-1)
    found = written.read(np.stack([sites[-2][0], sites[-1][0]], 1), target.numpy())
    last = {name: value[:, -1] for name, value in found.items()}
    logp = torch.log_softmax(logits[0], -1)
    result.add("normed", last["normed"], normed[0])
    result.add("top tokens", last["topk_values"], logits[0].topk(TOP, -1).values)
    result.add("top tokens", np.take_along_axis(logits[0].numpy(), last["topk_ids"], 1), logits[0].topk(TOP, -1).values)
    result.add("log-sum-exp", last["lse"], logits[0].logsumexp(-1))
    result.add("entropy", last["entropy"], -(logp.exp() * logp).sum(-1))
    result.add("target's logit", last["target_logit"], logits[0].gather(1, target[:, None])[:, 0])
    earlier = torch.log_softmax(torch.from_numpy(found["logits"][:, 0]), -1)
    result.add("KL", found["kl"], torch.stack([(logp.exp() * (logp - earlier)).sum(-1), torch.zeros(len(target))], 1))


# ── The command ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def note(text: str) -> None:
    print(f"{text}…", file=sys.stderr, flush=True)


def brief(error: Exception) -> str:
    """A library's message within a sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200].rstrip(".")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Libraries print warnings, bars and whole graphs that say nothing to the user, some of them past Python's own streams."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [(stream, os.dup(stream)) for stream in (1, 2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for stream, _ in saved:
            os.dup2(nowhere, stream)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for stream, kept in saved:
            os.dup2(kept, stream)
            os.close(kept)
        os.close(nowhere)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="export.py", description="Makes a model folder of a language model, and holds it against PyTorch.")
    parser.add_argument("checkpoint", help="a folder with config.json and safetensors, a .gguf file, or a hub id")
    parser.add_argument("--out", required=True, help="the model folder: a name that does not exist yet")
    parser.add_argument("--dtype", choices=("fp32", "fp16"), default="fp32", help="how matrices are stored; both are computed in fp32")
    parser.add_argument("--name", help="what the model is called; the checkpoint's name where absent")
    parser.add_argument("--tokenizer", help="a folder with tokenizer.json, where the checkpoint has none")
    parser.add_argument("--family", choices=FAMILIES, default="decoder", help="how the model thinks")
    return parser.parse_args()


def export(options: argparse.Namespace) -> Comparison:
    out, half = Path(options.out), options.dtype == "fp16"
    if out.exists() or out.is_symlink():
        raise Refusal(f'"{out}" exists already: give --out a new name.')
    note("Reading the checkpoint")
    checkpoint = read(options.checkpoint, options.tokenizer)
    checkpoint.name = options.name or checkpoint.name
    parts = Parts.of(checkpoint.model)
    language = Language(checkpoint)
    if language.words.get_vocab_size() > parts.vocabulary:
        raise Refusal(f"The tokenizer has {language.words.get_vocab_size()} tokens and the model {parts.vocabulary}: give --tokenizer its own.")
    if half:
        round_to_half(parts.model)
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        write_folder(parts, checkpoint, FAMILIES[options.family](language), partial, half)
        partial.rename(out)
    except OSError as error:
        raise Refusal(f'"{out}" cannot be written ({error.strerror}): choose another place.') from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    note("Comparing with PyTorch")
    try:
        with quiet():
            return compare(parts, out)
    except Exception as error:
        raise Refusal(f'"{out}" cannot be run as the checkpoint can ({brief(error)}): do not use it.') from error


def main() -> None:
    options = arguments()
    try:
        result = export(options)
    except Refusal as refusal:
        sys.exit(str(refusal))
    print(result.table())
    if result.failed:
        sys.exit(f'"{options.out}" does not compute what the checkpoint does ({", ".join(result.failed)}): do not use it.')
    print(f'"{options.out}" is a model folder: npm start -- FILE --model {options.out}')


if __name__ == "__main__":
    main()
