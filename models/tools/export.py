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

    python models/tools/export.py CHECKPOINT --out FOLDER --family FAMILY

CHECKPOINT is a folder with config.json and safetensors, a .gguf file, or a hub id such as OWNER/NAME. Families that were trained in a
wrapper of their own are read as their authors save them: a state dict (.pt, .bin, .safetensors, or without an ending), with the
decoder that it was trained from as --base.

The parts, from top to bottom: where a checkpoint is read from (`SOURCES`), state dicts and what they are put into, the parts of a
decoder (`Parts`), the two graphs (`Body`, `Head`), how a kind of model thinks (`FAMILIES`), the files of the folder, and the
comparison with PyTorch.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import hashlib
import json
import math
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
    import torch.nn.functional as F
    import transformers
    from safetensors.torch import load_file
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
    found = from_folder(download(name, ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt", "README.md"]), tokenizer)
    found.name, found.origin = name.rpartition("/")[2], f"the hub's {name}"
    return found


def download(name: str, wanted: list[str]) -> str:
    from huggingface_hub import snapshot_download

    try:
        return snapshot_download(name, allow_patterns=wanted)
    except Exception as error:
        raise Refusal(f'"{name}" is no file or folder, and cannot be got from the hub ({brief(error)}): check the name.') from error


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


# ── State dicts, and what they are put into ─────────────────────────────────────────────────────────────────────────────────

State = dict[str, Tensor]
# What a folder's weights are called, tried from top to bottom; an index says which files they are cut into.
STATES = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json", "model.pt")
# Buffers of older checkpoints, which the library computes anew.
RECOMPUTED = (".attn.bias", ".attn.masked_bias", ".rotary_emb.inv_freq")


def read_state(path: str) -> State:
    """
    Tensors by name, in single precision. Pickles are opened with `weights_only`, which builds tensors and runs nothing; prefixes
    that wrappers of training put before every name are taken away.
    """
    place = Path(path)
    if place.is_dir():
        found = [name for name in STATES if (place / name).is_file()]
        if not found:
            raise Refusal(f'The folder "{path}" has none of {", ".join(STATES)}: give the file of the checkpoint itself.')
        place = place / found[0]
    if not place.is_file():
        raise Refusal(f'There is no checkpoint "{path}": give the file that was saved, or its folder.')
    state: State = {}
    try:
        named = [place.name] if place.suffix != ".json" else json.loads(place.read_text("utf-8"))["weight_map"].values()
        for file in (place.parent / Path(name).name for name in sorted({*named})):
            state |= load_file(file) if file.suffix == ".safetensors" else torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # readers of damaged files raise anything
        raise Refusal(f'"{place}" is no state dict of tensors ({brief(error)}): save model.state_dict() again.') from error
    if not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise Refusal(f'"{place}" holds more than tensors by name: save model.state_dict() alone.')
    return {
        re.sub(r"^module\.|_orig_mod\.", "", name): value.float() if value.is_floating_point() else value
        for name, value in state.items()
    }


def under(state: State, prefix: str) -> State:
    """What is named behind a prefix, without it."""
    return {name[len(prefix) :]: value for name, value in state.items() if name.startswith(prefix)}


def merged(state: State, alpha: float, transposed: Callable[[str], bool]) -> State:
    """Adapters added to what they adapt: W + alpha / r * B A (LoRA, arXiv 2106.09685), as peft names them."""
    plain = {
        name.replace(".base_layer.", "."): value
        for name, value in state.items()
        if ".lora_A." not in name and ".lora_B." not in name
    }
    for name, down in state.items():
        if ".lora_A." in name:
            adapted = name.partition(".lora_A.")[0]
            up, weight = state.get(name.replace(".lora_A.", ".lora_B.")), plain.get(f"{adapted}.weight")
            if up is None or weight is None:
                raise Refusal(f"The adapter {name} has no other half, or nothing to adapt: save the whole state dict again.")
            change = alpha / down.shape[0] * up @ down
            plain[f"{adapted}.weight"] = weight + (change.T if transposed(adapted) else change)
    return plain


@dataclass
class Base:
    """The decoder that a wrapper was trained around: its configuration and its tokenizer. All weights are in the wrapper's checkpoint."""

    config: transformers.PretrainedConfig
    words: transformers.PreTrainedTokenizerBase
    name: str

    @staticmethod
    def of(options: argparse.Namespace) -> Base:
        path = options.base or options.checkpoint
        if options.base is None and not (Path(path) / "config.json").is_file():
            raise Refusal(
                "A state dict does not say what it belongs to: give --base, the folder or hub id of the decoder that it was trained from."
            )
        if not Path(path).is_dir():
            path = download(path, ["*.json", "*.jinja", "*.model", "*.txt"])
        try:
            config = AutoConfig.from_pretrained(path)
        except Exception as error:
            raise Refusal(f'"{path}" has no config.json of a decoder ({brief(error)}): give another --base.') from error
        return Base(config, read_tokenizer(options.tokenizer or path)[0], Path(options.base or path).name)

    def blank(self) -> nn.Module:
        """The architecture without weights."""
        with torch.device("meta"), quiet():
            return AutoModelForCausalLM.from_config(self.config)

    def model(self, state: State, origin: str) -> nn.Module:
        """The decoder with these weights. The vocabulary is as large as their embedding."""
        blank = self.blank()
        [embedding] = [name for name, module in blank.named_modules() if module is blank.get_input_embeddings()]
        if f"{embedding}.weight" not in state:
            raise Refusal(
                f'"{origin}" has no weights {embedding}.weight, as {type(blank).__name__} calls them: give the --base that it was trained from.'
            )
        config = copy.deepcopy(self.config)
        config.vocab_size = state[f"{embedding}.weight"].shape[0]
        with quiet():
            model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager")
        try:
            missing, unexpected = model.load_state_dict(state, strict=False)
        except RuntimeError as error:
            raise Refusal(
                f'The weights of "{origin}" have other shapes than {self.name} ({brief(error)}): give the --base that it was trained from.'
            ) from error
        tied = set(model._tied_weights_keys or []) if config.tie_word_embeddings else set()
        wrong = [name for name in missing if name not in tied] + [name for name in unexpected if not name.endswith(RECOMPUTED)]
        if wrong:
            raise Refusal(
                f'"{origin}" and {self.name} differ in the weights {", ".join(wrong[:3])}: give the --base that it was trained from.'
            )
        model.tie_weights()
        return model

    def checkpoint(self, model: nn.Module, origin: str, name: str) -> Checkpoint:
        return Checkpoint(
            model, self.words, self.words.backend_tokenizer.to_str(), name, f"the checkpoint {origin}, trained from {self.name}"
        )


def add_tokens(words: transformers.PreTrainedTokenizerBase, tokens: list[str], size: int) -> None:
    """With the last ids below `size`; ids before them that nothing stands for get names of their own."""
    known = words.backend_tokenizer
    if all(known.token_to_id(token) is not None for token in tokens):
        return
    free = size - len(tokens) - known.get_vocab_size()
    if free < 0:
        raise Refusal(
            f"The tokenizer has {known.get_vocab_size()} tokens, which leave {', '.join(tokens)} no ids below {size}: "
            "give --tokenizer the one that the model was trained with."
        )
    names = [*(f"<|unused-{i}|>" for i in range(free)), *tokens]
    known.add_special_tokens([tokenizers.AddedToken(name, special=True, normalized=False) for name in names])


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

    def graphs(self) -> dict[str, onnx.ModelProto]:
        return {"body": body_graph(self), "head": head_graph(self)}

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
        fed = torch.where(embeds_mask, inputs_embeds, token_embeds)
        if isinstance(self.model, Zebra):
            fed = self.model.placed(fed, embeds_mask, past[1])
        cache = filled(past)
        sites: list[Tensor] = []

        def change(site: int, stream: Tensor) -> Tensor:
            sites.append(stream * patches[2 * site] + patches[2 * site + 1])
            return sites[-1]

        with self.parts.streams(change):
            self.parts.base(
                inputs_embeds=fed,
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


def body_graph(parts: Parts | Loops, body: nn.Module | None = None, blocks: nn.ModuleList | None = None) -> onnx.ModelProto:
    """Of all blocks where none are named."""
    blocks = parts.blocks if blocks is None else blocks
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
    caches = [f"{i}.{part}" for i in range(len(blocks)) for part in ("key", "value")]
    for name in caches:
        inputs[f"past_key_values.{name}"] = {0: "batch", 2: "past"}
        example.append(torch.randn(batch, parts.heads, cached, parts.head_width))
    sites = range(len(blocks) + 1)
    for i in sites:
        for part, idle in (("keep", 1.0), ("add", 0.0)):
            inputs[f"patch.{i}.{part}"] = {axis: f"patch_{i}_{part}_{label}" for axis, label in enumerate(("batch", "sequence", "width"))}
            example.append(torch.full((1, 1, 1), idle))
    outputs = {f"resid.{i}": sequence for i in sites} | {"token_embeds": sequence}
    outputs |= {f"present.{name}": {0: "batch", 2: "total"} for name in caches}
    return trace(body or Body(parts), tuple(example), inputs, outputs)


def head_graph(parts: Parts | Loops, head: Head | None = None) -> onnx.ModelProto:
    rows = {0: "rows", 1: "sites"}
    inputs: dict[str, dict[int, str]] = {"hidden": rows, "target": {0: "rows"}, "k": {}}
    example = (torch.randn(3, 2, parts.width), torch.zeros(3, dtype=torch.int64), torch.tensor([5]))
    top = rows | {2: "k"}
    names = ("normed", "topk_ids", "topk_values", "lse", "entropy", "kl", "target_logit", "logits")
    return trace(head or Head(parts), example, inputs, {name: top if name.startswith("topk") else rows for name in names})


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

    def prompt(self) -> list[dict]:
        return [*tokens(self.before), {"kind": "prompt"}]

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


@dataclass
class Extra:
    """A graph beside body and head, as models/README.md describes it. Axes that vary are named; of a thought, its rows."""

    module: nn.Module
    # Examples of its inputs, in order, by name.
    inputs: dict[str, Tensor]
    outputs: list[str]
    axes: dict[str, dict[int, str]]

    @staticmethod
    def thought(module: nn.Module, inputs: dict[str, Tensor], outputs: list[str]) -> Extra:
        return Extra(module, inputs, outputs, {name: {0: "rows"} for name in [*inputs, *outputs] if name != "step"})

    def graph(self) -> onnx.ModelProto:
        named = [{name: self.axes.get(name, {}) for name in names} for names in (self.inputs, self.outputs)]
        return trace(self.module, tuple(self.inputs.values()), *named)


@dataclass
class Thinker:
    """A checkpoint and how it thinks."""

    checkpoint: Checkpoint
    recipe: dict
    # By the names of their files: thought, embed, readout.
    extras: dict[str, Extra] = field(default_factory=dict)
    # What the manifest says of a file besides its name.
    files: dict[str, dict] = field(default_factory=dict)
    shape: dict[str, int] = field(default_factory=dict)
    # Of a decoder that loops over depth, which no library takes apart.
    parts: Loops | None = None
    # What the checkpoint does not say and was assumed, one sentence each.
    assumed: list[str] = field(default_factory=list)


def tokens(names: list[str]) -> list[dict]:
    return [{"kind": "tokens", "tokens": names}] if names else []


def latent(count: int, feedback: dict, **more: object) -> dict:
    return {"kind": "latent", "count": count, "feedback": feedback, **more}


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

    def __init__(self, language: Language) -> None:
        self.language = language

    def recipe(self, thoughts: dict[str, dict]) -> dict:
        """`thoughts`: a latent segment by the name of its arm."""
        stop = self.language.stops()
        answer = {"kind": "decode", "role": "answer", "stop": stop, "limit": self.ANSWER_LIMIT, "atLimit": "go-on"}
        end, *asked = self.language.turn(self.QUESTION) or [None]
        if end in stop:
            chain, cue = self.CHAT_CHAIN_LIMIT, self.tokens(self.CHAT_ANSWER_CUE)
            direct, written = [*cue, answer], [*self.tokens(self.CHAT_CHAIN_CUE)]
            # Whoever decodes the end of a turn feeds it too.
            after = [{"kind": "tokens", "tokens": asked}, *cue, answer]
            behind = [{"kind": "tokens", "tokens": [end, *asked]}, *cue, answer]
            pattern = {"answer": self.ANSWER}
        else:
            chain, cue = self.CHAIN_LIMIT, self.tokens(self.ANSWER_CUE)
            direct, written, after, behind, pattern = [answer], self.tokens(self.CHAIN_CUE), [*cue, answer], [answer], {}
        prompt = self.language.prompt()
        return {
            "version": 2,
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
                **{name: [*prompt, segment, *behind] for name, segment in thoughts.items()},
            },
        }

    def tokens(self, text: str) -> list[dict]:
        return tokens(self.language.tokens(text))


COCONUT_THOUGHTS, SOFT_THOUGHTS, SOFT_TOP = 4, 8, 10


def decoder(options: argparse.Namespace) -> Thinker:
    checkpoint = read(options.checkpoint, options.tokenizer)
    thoughts = {
        "coconut": latent(COCONUT_THOUGHTS, {"site": "normed"}),
        "soft": latent(SOFT_THOUGHTS, {"site": "mixture", "top": SOFT_TOP}),
    }
    return Thinker(checkpoint, Decoder(Language(checkpoint)).recipe(thoughts))


# Soft Thinking ends its thoughts when the next token has been sure for so many states in a row: entropy in nats (arXiv 2505.15778).
SURE, SURE_FOR, SOFT_LIMIT = 0.01, 256, 4096


def soft(options: argparse.Namespace) -> Thinker:
    """Soft Thinking on any decoder: no training and no graph. Noise on the mixture as in arXiv 2508.03440."""
    checkpoint = read(options.checkpoint, options.tokenizer)
    mixture = {"site": "mixture", "top": options.top or SOFT_TOP}
    mixture |= {"temperature": options.temperature} if options.temperature else {}
    mixture |= {"gumbel": {"scale": options.gumbel}} if options.gumbel else {}
    mixture |= {"dirichlet": {"concentration": options.dirichlet}} if options.dirichlet else {}
    # The other half is for the question and the answer.
    room = getattr(checkpoint.model.config.get_text_config(), "max_position_embeddings", SOFT_LIMIT) // 2
    segment = latent(options.count or min(SOFT_LIMIT, room), mixture, stop=[{"rule": "entropy", "below": SURE, "for": SURE_FOR}])
    return Thinker(checkpoint, Decoder(Language(checkpoint)).recipe({"soft": segment}))


# Coconut on ProsQA and GSM8k, CODI and SIM-CoT on it were published with so many thoughts.
PUBLISHED_THOUGHTS = 6
# Tokens of a written chain and of an answer, as the authors' evaluations bound them or a little above.
WRITTEN_LIMIT, ANSWER_LIMIT, READOUT_LIMIT = 256, 64, 32


def published(options: argparse.Namespace) -> tuple[int, list[str]]:
    """Number of thoughts, which no checkpoint says."""
    assumed = (
        []
        if options.count
        else [f"It thinks {PUBLISHED_THOUGHTS} times, as the published ones do: give --count where it was trained otherwise."]
    )
    return options.count or PUBLISHED_THOUGHTS, assumed


def bracketed(
    language: Language, prompt: list[dict], brackets: list[str], segment: dict, chain: list[dict], cue: str, assumed: list[str]
) -> dict:
    """
    Arms of a model that thinks between two tokens: not at all, in words up to the `cue` of its answers, which must be one token to stop
    at, and in latents. `chain`: what stands before the words.
    """
    start, end = brackets
    answer = {"kind": "decode", "role": "answer", "stop": language.stops(), "limit": ANSWER_LIMIT, "atLimit": "go-on"}
    cues = language.tokens(cue)
    written = {"kind": "decode", "role": "thought", "stop": cues, "limit": WRITTEN_LIMIT, "atLimit": "go-on"}
    if len(cues) > 1:
        assumed.append(f'It has no arm cot, because "{cue}", which its answers begin with, is {len(cues)} tokens.')
    return {
        "direct": [*prompt, *tokens([start, end]), answer],
        **({"cot": [*prompt, *chain, written, answer]} if len(cues) == 1 else {}),
        "latent": [*prompt, *tokens([start]), segment, *tokens([end]), answer],
    }


COCONUT_TOKENS = ["<|start-latent|>", "<|end-latent|>", "<|latent|>"]
# What its answers begin with, and group 1: what is behind the last of these signs.
COCONUT_CUE, COCONUT_PATTERN = "###", r"\s*([^#]+?)\s*$"


def coconut(options: argparse.Namespace) -> Thinker:
    """Coconut (arXiv 2412.06769): a state dict of its wrapper, or a folder of the library whose tokenizer has its tokens."""
    if options.base is None and not Path(options.checkpoint).is_file():
        checkpoint = read(options.checkpoint, options.tokenizer)
    else:
        checkpoint = wrapped_coconut(options, read_state(options.checkpoint))
    return coconut_thinker(options, checkpoint)


def wrapped_coconut(options: argparse.Namespace, state: State) -> Checkpoint:
    inner = under(state, "base_causallm.")
    if not inner:
        raise Refusal(
            f'"{options.checkpoint}" has no weights base_causallm.…, as Coconut saves them: give a checkpoint of a latent stage.'
        )
    base, origin = Base.of(options), Path(options.checkpoint).name
    model = base.model(inner, options.checkpoint)
    add_tokens(base.words, COCONUT_TOKENS, model.config.vocab_size)
    return base.checkpoint(model, origin, f"coconut-{base.name}")


def coconut_thinker(options: argparse.Namespace, checkpoint: Checkpoint) -> Thinker:
    language = Language(checkpoint)
    brackets = COCONUT_TOKENS[:2]
    absent = [token for token in brackets if language.words.token_to_id(token) is None]
    if absent:
        raise Refusal(f"The tokenizer has no {' and no '.join(absent)}: give --tokenizer the one that the model was trained with.")
    count, assumed = published(options)
    # The question ends its line; that the line end stays a token of its own is how most tokenizers read it.
    prompt = [*language.prompt(), *tokens(language.tokens("\n"))]
    if language.tokens("?\n") != [*language.tokens("?"), *language.tokens("\n")]:
        assumed.append(
            "Its tokenizer joins a question mark and the line end; here the line end is fed by itself: end prompts with it otherwise."
        )
    # Its first stage wrote all steps, with no thought between the two.
    arms = bracketed(language, prompt, brackets, latent(count, {"site": "normed"}), tokens(brackets), COCONUT_CUE, assumed)
    recipe = {"version": 2, "trainedLatents": count, "answer": COCONUT_PATTERN, "arms": arms}
    return Thinker(checkpoint, recipe, assumed=assumed)


# CODI's tokens have ids behind the vocabulary and no names.
CODI_TOKENS = ["[PAD]", "<bot>", "<eot>"]
# The first word of "The answer is: 5": elsewhere in a line it has a space before it and is another token.
CODI_CUE, CODI_PATTERN = "The", r"answer is:?\s*([^\n]+?)\.?\s*$"
# Its published scripts all scale their adapters by 32 / r, which no checkpoint says.
LORA_ALPHA = 32.0


class Projection(nn.Module):
    """z = LayerNorm(Linear(GELU(Linear(h)))), without the norm where it was trained without; dropout is off."""

    def __init__(self, weights: State) -> None:
        super().__init__()
        (inner, width), outer = weights["1.weight"].shape, weights["3.weight"].shape[0]
        self.layers = nn.Sequential(nn.Dropout(0), nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, outer))
        if "ln.weight" in weights:
            self.layers.add_module("ln", nn.LayerNorm(outer))
        self.layers.load_state_dict(weights)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.layers(hidden)


def codi(options: argparse.Namespace) -> Thinker:
    """CODI (arXiv 2502.21074): adapters merged; h is kept where it is produced, z is what is fed, and both are decoded."""
    return codi_thinker(options, read_state(options.checkpoint))


def codi_thinker(options: argparse.Namespace, state: State) -> Thinker:
    inner = under(state, "codi.")
    if not inner:
        raise Refusal(
            f'"{options.checkpoint}" has no weights codi.…, as CODI saves them: give its model.safetensors or pytorch_model.bin.'
        )
    base, origin = Base.of(options), Path(options.checkpoint).name
    modules = dict(base.blank().named_modules())
    plain = merged(
        under(inner, "base_model.model.") or inner,
        options.lora_alpha or LORA_ALPHA,
        lambda name: isinstance(modules.get(name), transformers.pytorch_utils.Conv1D),
    )
    model = base.model(plain, options.checkpoint)
    add_tokens(base.words, CODI_TOKENS, model.config.vocab_size)
    checkpoint = base.checkpoint(model, origin, f"codi-{base.name}")
    language = Language(checkpoint)
    count, assumed = published(options)
    adapted = any(".lora_A." in name for name in inner)
    if adapted and not options.lora_alpha:
        assumed.append(
            f"Its adapters are scaled by {LORA_ALPHA:.0f} / r, as the published ones are: give --lora-alpha where they were trained otherwise."
        )
    weights, extras = under(state, "prj."), {}
    segment = latent(count, {"site": "normed"})
    if weights:
        example = {"hidden": torch.randn(2, model.get_input_embeddings().embedding_dim)}
        try:
            projection = Projection(weights)
        except (KeyError, RuntimeError) as error:
            raise Refusal(
                f"Its projection prj.… is not CODI's, two linear layers and a norm ({brief(error)}): export another checkpoint."
            ) from error
        extras["thought"] = Extra.thought(projection, example, ["embed"])
        segment |= {"through": "thought", "decode": ["resid", "latent"]}
    else:
        assumed.append("It has no projection prj.…: its states are fed back as they are.")
    arms = bracketed(language, language.prompt(), CODI_TOKENS[1:], segment, [], CODI_CUE, assumed)
    return Thinker(
        checkpoint, {"version": 2, "trainedLatents": count, "answer": CODI_PATTERN, "arms": arms}, extras, assumed=assumed
    )


class Auxiliary(nn.Module):
    """SIM-CoT's second decoder: a latent stands before the tokens of its step, which the first decoder's table embeds."""

    # What logits of tokens that it was not trained with become: no probability beside any other.
    NEVER = -1e4

    def __init__(self, model: nn.Module, table: nn.Embedding, first: int) -> None:
        super().__init__()
        self.parts, self.model, self.table, self.first = Parts.of(model), model, table, first

    def forward(self, latent: Tensor, input_ids: Tensor) -> Tensor:
        """Of `input_ids` [1,T] the first is a place for the latent [1,w]. Logits [1,T,V] of the whole vocabulary."""
        fed = torch.cat([latent[:, None], self.table(input_ids[:, 1:])], 1)
        counted = torch.arange(fed.shape[1])[None]
        mask = self.parts.mask(torch.ones_like(input_ids), counted)
        logits = self.model(inputs_embeds=fed, attention_mask=mask, position_ids=counted + self.first, use_cache=False).logits
        return F.pad(logits, (0, self.table.num_embeddings - logits.shape[-1]), value=self.NEVER)


def sim_cot(options: argparse.Namespace) -> Thinker:
    """SIM-CoT (arXiv 2509.20317): Coconut or CODI, whose auxiliary decoder is the readout. Its positions begin at 1 beside Coconut."""
    state = read_state(options.checkpoint)
    if any(name.startswith("codi.") for name in state):
        thinker, prefix, first = codi_thinker(options, state), "decoder.", 0
    else:
        thinker, prefix, first = coconut_thinker(options, wrapped_coconut(options, state)), "expainable_llm.", 1
    weights = under(state, prefix)
    if not weights:
        raise Refusal(
            f'"{options.checkpoint}" has no auxiliary decoder {prefix}…: export it as --family {"coconut" if first else "codi"}.'
        )
    if any(name.startswith(("pj_in.", "pj_out.")) for name in state):
        raise Refusal(
            "Its auxiliary decoder is another model, behind projections pj_in and pj_out, which this script does not read: use --family codi."
        )
    if options.each and options.each > 1:
        thinker.assumed.append(f"Its auxiliary decoder reads {options.each} latents at once, and a readout one: it is left out.")
        return thinker
    if first and not options.each:
        thinker.assumed.append(
            "Its auxiliary decoder reads each latent by itself: give --each where several made one step (c_thought), and it is left out."
        )
    table = thinker.checkpoint.model.get_input_embeddings()
    auxiliary = Auxiliary(Base.of(options).model(weights, options.checkpoint), table, first)
    example = {"latent": torch.randn(1, table.embedding_dim), "input_ids": torch.zeros(1, 3, dtype=torch.int64)}
    thinker.extras["readout"] = Extra(auxiliary, example, ["logits"], {"input_ids": {1: "length"}, "logits": {1: "length"}})
    language = Language(thinker.checkpoint)
    place = next(token for token in (COCONUT_TOKENS[0], CODI_TOKENS[1]) if language.words.token_to_id(token) is not None)
    thinker.files["readout"] = {"start": place, "stop": language.stops(), "limit": READOUT_LIMIT}
    return thinker


# ── Zebra (aklein4/zlm): narrow latents that a small head denoises


def rms(x: Tensor, eps: float) -> Tensor:
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)


class Zebra(transformers.LlamaForCausalLM):
    """
    Zebra's decoder. To the embedding of a token it adds one vector in the question and another in the answer; the first is in the
    table. The answer is what follows the token that starts it.
    """

    # Share of its largest component by which a vector may differ from the start's and be it.
    SAME = 1e-3

    def __init__(self, config: transformers.LlamaConfig, shift: Tensor) -> None:
        super().__init__(config)
        self.register_buffer("shift", shift)

    def placed(self, fed: Tensor, is_vector: Tensor, values: Tensor | None = None) -> Tensor:
        """
        Inputs [B,T,d] with what the answer's tokens have more. Whether the answer began before them shows in the first block's
        cached `values` [B,H,P,c]: they follow from a position's input alone.
        """
        start = self.get_input_embeddings().weight[-1]
        is_start = self.same(fed, start, (2,))
        begun = is_start.cumsum(1) - is_start > 0
        if values is not None:
            block = self.model.layers[0]
            value = block.self_attn.v_proj(block.input_layernorm(start))
            each = value.view(1, values.shape[1], 1, values.shape[3])
            begun = begun | (self.same(values, each, (1, 3)).sum(1, keepdim=True) > 0)
        return fed + torch.where(begun[..., None] & ~is_vector, self.shift, torch.zeros(1))

    def same(self, vectors: Tensor, one: Tensor, axes: tuple[int, ...]) -> Tensor:
        """1 where a vector, which extends over these axes, is that one."""
        return ((vectors - one).abs().amax(axes) < self.SAME * one.abs().max()).to(torch.int64)

    def forward(self, input_ids: Tensor | None = None, inputs_embeds: Tensor | None = None, **more: object) -> object:
        if inputs_embeds is None:
            inputs_embeds = self.placed(self.get_input_embeddings()(input_ids), torch.zeros(1, 1, 1, dtype=torch.bool))
        return super().forward(inputs_embeds=inputs_embeds, **more)


class Latents(nn.Module):
    """How a latent becomes an input: a token of its own for each position, and its projection."""

    def __init__(self, weights: State, eps: float | None) -> None:
        super().__init__()
        self.register_buffer("tokens", weights["decoder_z_tokens"])
        self.register_buffer("up", weights["decoder_z_proj_in.weight"])
        self.eps = eps

    def forward(self, latent: Tensor, step: Tensor) -> Tensor:
        latent = latent if self.eps is None else rms(latent, self.eps)
        return self.tokens[(step + 1).clamp(max=len(self.tokens) - 1)] + latent @ self.up.T


class Diffusion(nn.Module):
    """
    The head of zlm.ZLMModel: predicts the latent from a noisy one, the timestep and the state, and steps back through all timesteps
    (ancestral sampling, arXiv 2107.00630, equations 25 and 26). Row 0 of the noise is where it starts, row t what is added at t.
    """

    def __init__(self, weights: State, config: dict, latents: Latents) -> None:
        super().__init__()
        self.latents, self.eps, self.depth = latents, config["rms_norm_eps"], config["num_diffusion_head_layers"]
        for name, value in (under(weights, "diffusion_head.") | under(weights, "scheduler.")).items():
            self.register_buffer(name.replace(".", "_"), value)
        self.timesteps_count = len(self.a)

    def scaled(self, x: Tensor, name: str, at: Tensor) -> Tensor:
        return x * (1 + math.sqrt(x.shape[-1]) * (at @ self.get_buffer(f"{name}_embed_weight").T))

    def predict(self, noisy: Tensor, t: int, given: Tensor) -> Tensor:
        angle = (t - 1) / (self.timesteps_count - 2) * self.embed_t_frequencies
        at = torch.cat([angle.sin(), angle.cos()])
        x = given + noisy @ self.x_t_in_proj_weight.T
        for i in range(self.depth):
            name = f"layers_{i}"
            y = self.scaled(rms(x, self.eps), f"{name}_norm", at)
            gate, up, down = (self.get_buffer(f"{name}_mlp_{part}_proj_weight").T for part in ("gate", "up", "down"))
            x = x + self.scaled((F.silu(y @ gate) * (y @ up)) @ down, f"{name}_out_scale", at)
        return self.scaled(rms(x, self.eps), "out_norm", at) @ self.out_proj_weight.T

    def forward(self, hidden: Tensor, step: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        given = rms(hidden, self.eps)
        if "input_states_in_proj_weight" in dict(self.named_buffers()):
            given = given @ self.input_states_in_proj_weight.T
        z = noise[:, 0]
        for t in range(self.timesteps_count - 1, 0, -1):
            s, kept = t - 1, self.a[t] / self.a[t - 1]
            added = self.b[t] ** 2 - kept**2 * self.b[s] ** 2
            mean = (kept * self.b[s] ** 2 * z + self.a[s] * added * self.predict(z, t, given)) / self.b[t] ** 2
            z = mean + torch.sqrt(added) * self.b[s] / self.b[t] * noise[:, t]
        return self.latents(z, step), z


class Autoregression(nn.Module):
    """
    The head of ar_zlm.ARZLMModel: a part of the latent's components at a time, each from the state and the parts before it, the same
    noise on all.
    """

    def __init__(self, weights: State, config: dict, latents: Latents) -> None:
        super().__init__()
        self.latents, self.eps, self.steps = latents, config["rms_norm_eps"], config["z_ar_steps"]
        head = under(weights, "decoder_head.")
        for name in ("states_gate_proj", "states_up_proj", "z_gate_proj", "z_up_proj", "down_proj", "cross_proj"):
            self.register_buffer(name, (head[f"{name}.weight"] * head.get(f"{name}.mask", torch.ones(1))).T.contiguous())

    def forward(self, hidden: Tensor, step: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        state = rms(hidden, self.eps)
        z = torch.zeros_like(noise)
        for _ in range(self.steps):
            gate = F.silu(state @ self.states_gate_proj + z @ self.z_gate_proj)
            inner = gate * (state @ self.states_up_proj + z @ self.z_up_proj)
            z = state @ self.cross_proj + inner @ self.down_proj + noise
        return self.latents(z, step), z


ZEBRA_TOKENS = ["<|z|>", "<|output|>"]


def zebra(options: argparse.Namespace) -> Thinker:
    """
    The decoder of zlm.ZLMModel and ar_zlm.ARZLMModel, without guidance: the encoder, which needs the answer, is left out. Their code
    drops one plane of every query and key, which here is in the weights of the queries.
    """
    folder = Path(options.checkpoint)
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        state = read_state(options.checkpoint)
        words, _ = read_tokenizer(options.tokenizer or options.checkpoint)
        return zebra_thinker(config, state, words, folder.resolve().name)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise Refusal(
            f'"{options.checkpoint}" is no checkpoint of zlm ({brief(error)}): give a folder with config.json and model.pt.'
        ) from error


def zebra_thinker(config: dict, state: State, words: transformers.PreTrainedTokenizerBase, name: str) -> Thinker:
    if config.get("rope_scaling"):
        raise Refusal("Its positions are scaled (rope_scaling), which this script does not read.")
    table, inside, outside = (
        state[key] for key in ("embed_tokens.weight", "decoder_input_embeddings", "decoder_output_embeddings")
    )
    size = max(len(table), words.backend_tokenizer.get_vocab_size()) + len(ZEBRA_TOKENS)
    add_tokens(words, ZEBRA_TOKENS, size)
    keys = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "hidden_act")
    keys += ("max_position_embeddings", "rope_theta", "rms_norm_eps", "attention_bias", "eos_token_id")
    shape = transformers.LlamaConfig(vocab_size=size, tie_word_embeddings=False, **{key: config[key] for key in keys})
    shape._attn_implementation = "eager"
    with quiet():
        model = Zebra(shape, outside - inside)
    width = shape.hidden_size
    # The head says none of the tokens that only the prompt has.
    model.lm_head = nn.Linear(width, size)
    rows = {name: value for name, value in under(state, "decoder_model.").items() if name.startswith(("layers.", "norm."))}
    for key, value in rows.items():
        if key.endswith("q_proj.weight"):
            plane = value.view(shape.num_attention_heads, -1, width)
            plane[:, plane.shape[1] // 2 - 1] = plane[:, -1] = 0
    own = torch.zeros(size, width)
    own[: len(table)] = table + inside
    own[-2:] = torch.stack([state["decoder_z_tokens"][0], state["decoder_start_output_token"][0]])
    unembedding, bias = torch.zeros(size, width), torch.full((size,), Auxiliary.NEVER)
    unembedding[: len(table)], bias[: len(table)] = state["lm_head.weight"], 0
    given = {f"model.{key}": value for key, value in rows.items() if "probe" not in key}
    given |= {"model.embed_tokens.weight": own, "lm_head.weight": unembedding, "lm_head.bias": bias}
    missing, unexpected = model.load_state_dict(given, strict=False)
    if {*missing, *unexpected} - {"shift"}:
        raise Refusal(
            f"Its decoder has other weights than zlm's ({', '.join([*missing, *unexpected][:3])}): give a checkpoint of zlm.ZLMModel or ar_zlm.ARZLMModel."
        )

    diffuses, latent_width = "scheduler.a" in state, config["latent_size"]
    latents = Latents(state, config["rms_norm_eps"] if diffuses else None)
    head = (Diffusion if diffuses else Autoregression)(state, config, latents)
    noise = [len(state["scheduler.a"]), latent_width] if diffuses else [latent_width]
    step = torch.tensor([1])
    inputs = {"hidden": torch.randn(2, width), "step": step, "noise": torch.randn(2, *noise)}
    extras = {
        "thought": Extra.thought(head, inputs, ["embed", "latent"]),
        "embed": Extra.thought(latents, {"latent": torch.randn(2, latent_width), "step": step}, ["embed"]),
    }
    checkpoint = Checkpoint(model, words, words.backend_tokenizer.to_str(), name, f"the checkpoint {name}")
    language = Language(checkpoint)
    count = config["z_length"]
    segment = latent(count, {"site": "resid"}, through="thought", noise={"shape": noise})
    answer = {"kind": "decode", "role": "answer", "stop": language.stops(), "limit": config["output_length"], "atLimit": "go-on"}
    opening, output = ZEBRA_TOKENS
    arms = {"latent": [*language.prompt(), *tokens([opening]), segment, *tokens([output]), answer]}
    assumed = (
        []
        if diffuses or not config.get("use_z_in_norm")
        else ["Its latents are embedded without z_in_norm, as its own sample() does and its training does not."]
    )
    recipe = {"version": 2, "trainedLatents": count, "arms": arms}
    return Thinker(checkpoint, recipe, extras, shape={"latentWidth": latent_width}, assumed=assumed)


# Decoders that loop over depth: no library has them, so that their blocks are written out here.


def seen(queries: Tensor, keys: Tensor, values: Tensor, past: tuple[Tensor, Tensor], mask: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Attention of `queries` [B,T,H,c] to what was cached [B,h,P,c] and then `keys` and `values` [B,T,h,c], where `mask` [B,T,P+T] is true."""
    keys, values = (torch.cat([old, new.transpose(1, 2)], 2) for old, new in zip(past, (keys, values)))
    groups = queries.shape[2] // keys.shape[1]
    k, v = (part.repeat_interleave(groups, 1) if groups > 1 else part for part in (keys, values))
    scores = queries.transpose(1, 2) @ k.transpose(2, 3) / queries.shape[-1] ** 0.5
    weights = scores.masked_fill(~mask[:, None], BLOCKED).softmax(-1)
    return (weights @ v).transpose(1, 2).flatten(2), (keys, values)


def turned(x: Tensor, position_ids: Tensor, base: float, pairs: bool) -> Tensor:
    """Rotary positions on [B,T,H,c]: of neighbouring numbers, or of the first half with the second."""
    half = x.shape[-1] // 2
    angles = position_ids[..., None, None].float() * base ** (-torch.arange(half) / half)
    cos, sin = angles.cos(), angles.sin()
    a, b = (x[..., ::2], x[..., 1::2]) if pairs else (x[..., :half], x[..., half:])
    out = (a * cos - b * sin, b * cos + a * sin)
    return torch.stack(out, -1).flatten(-2) if pairs else torch.cat(out, -1)


class Weights(nn.Module):
    """Tensors of a checkpoint behind a prefix, by name."""

    def __init__(self, state: State, prefix: str) -> None:
        super().__init__()
        self.names = {}
        for i, (name, value) in enumerate(under(state, prefix).items()):
            self.names[name] = f"w{i}"
            self.register_parameter(f"w{i}", nn.Parameter(value, requires_grad=False))

    def __getitem__(self, name: str) -> Tensor:
        return getattr(self, self.names[name])

    def linear(self, name: str, x: Tensor) -> Tensor:
        return x @ self[f"{name}.weight"].t()


class HuginnBlock(Weights):
    """raven_modeling_minimal.SandwichBlock: every second norm is over the sum."""

    def __init__(self, state: State, prefix: str, config: dict) -> None:
        super().__init__(state, prefix)
        self.heads, self.base, self.eps = config["n_heads"], config["rope_base"], config["norm_eps"]

    def norm(self, i: int, x: Tensor) -> Tensor:
        return rms(x, self.eps) * self[f"norm_{i}.weight"]

    def forward(self, x: Tensor, mask: Tensor, position_ids: Tensor, past: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        q, k, v = (part.unflatten(-1, (self.heads, -1)) for part in self.linear("attn.Wqkv", self.norm(1, x)).chunk(3, -1))
        if "attn.qk_bias" in self.names:
            q, k = q + self["attn.qk_bias"][0], k + self["attn.qk_bias"][1]
        q, k = (turned(part, position_ids, self.base, pairs=True) for part in (q, k))
        out, present = seen(q, k, v, past, mask)
        x = self.norm(2, self.linear("attn.proj", out) + x)
        gate, value = self.linear("mlp.fc", self.norm(3, x)).chunk(2, -1)
        return self.norm(4, self.linear("mlp.proj", torch.nn.functional.silu(gate) * value) + x), present


class OuroBlock(Weights):
    """modeling_ouro.OuroDecoderLayer: a second norm on what each part adds."""

    def __init__(self, state: State, prefix: str, config: dict) -> None:
        super().__init__(state, prefix)
        self.base, self.eps = config["rope_theta"], config["rms_norm_eps"]
        self.width = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]

    def norm(self, name: str, x: Tensor) -> Tensor:
        return rms(x, self.eps) * self[f"{name}.weight"]

    def forward(self, x: Tensor, mask: Tensor, position_ids: Tensor, past: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        given = self.norm("input_layernorm", x)
        q, k, v = (self.linear(f"self_attn.{name}_proj", given).unflatten(-1, (-1, self.width)) for name in "qkv")
        q, k = (turned(part, position_ids, self.base, pairs=False) for part in (q, k))
        out, present = seen(q, k, v, past, mask)
        x = x + self.norm("input_layernorm_2", self.linear("self_attn.o_proj", out))
        given = self.norm("post_attention_layernorm", x)
        fed = torch.nn.functional.silu(self.linear("mlp.gate_proj", given)) * self.linear("mlp.up_proj", given)
        return x + self.norm("post_attention_layernorm_2", self.linear("mlp.down_proj", fed)), present


@dataclass
class Loops:
    """The parts of a decoder that loops over depth, in the place of `Parts`. A norm that is applied nowhere is absent."""

    model: nn.Module  # what the manifest calls the model by
    table: Tensor  # the embedding as it is fed
    unembedding: Tensor
    prelude: nn.ModuleList
    core: nn.ModuleList
    coda: nn.ModuleList
    heads: int
    head_width: int
    context: int
    eps: float
    adapter: Tensor | None = None  # of [state, injected]
    looped_norm: Tensor | None = None  # after the last block of a loop
    coda_norm: Tensor | None = None  # before the coda's first block
    final_norm: Tensor | None = None
    gate: tuple[Tensor, Tensor] | None = None

    @property
    def width(self) -> int:
        return self.table.shape[1]

    @property
    def vocabulary(self) -> int:
        return len(self.unembedding)

    @property
    def blocks(self) -> list[nn.Module]:
        return [*self.prelude, *self.core, *self.coda]

    def norm(self, x: Tensor, weight: Tensor | None) -> Tensor:
        return x if weight is None else rms(x, self.eps) * weight

    def round_to_half(self) -> None:
        for blocks in (self.prelude, self.core, self.coda):
            round_to_half(blocks)
        for name in ("table", "unembedding", "adapter"):
            matrix = getattr(self, name)
            setattr(self, name, None if matrix is None else matrix.half().float())
        if self.gate is not None:
            self.gate = self.gate[0].half().float(), self.gate[1]

    def graphs(self) -> dict[str, onnx.ModelProto]:
        after = {"coda": self.trace(Coda(self), self.coda, ["state"], sites=range(1, len(self.coda) + 1))} if self.coda else {}
        return {"body": body_graph(self, Prelude(self), self.prelude), "core": self.trace_core(), **after, "head": head_graph(self, LoopsHead(self))}

    def trace_core(self) -> onnx.ModelProto:
        given = ["state"] if self.adapter is None else ["state", "injected"]
        return self.trace(Core(self), self.core, given, ["next_state"] if self.gate is None else ["next_state", "gate"])

    def trace(self, module: nn.Module, blocks: nn.ModuleList, given: list[str], first: list[str] = [], sites: range = range(0)) -> onnx.ModelProto:
        batch, length, cached = 2, 5, 3
        sequence = {0: "batch", 1: "sequence"}
        inputs: dict[str, dict[int, str]] = {name: sequence for name in given}
        inputs |= {"attention_mask": {0: "batch", 1: "sequence", 2: "total"}, "position_ids": sequence}
        example = [torch.randn(batch, length, self.width) for _ in given]
        example += [torch.ones(batch, length, cached + length).bool(), torch.arange(length)[None].repeat(batch, 1) + cached]
        caches = [f"{i}.{part}" for i in range(len(blocks)) for part in ("key", "value")]
        inputs |= {f"past_key_values.{name}": {0: "batch", 2: "past"} for name in caches}
        example += [torch.randn(batch, self.heads, cached, self.head_width) for _ in caches]
        for i in sites:
            for part, idle in (("keep", 1.0), ("add", 0.0)):
                inputs[f"patch.{i}.{part}"] = {axis: f"patch_{i}_{part}_{label}" for axis, label in enumerate(("batch", "sequence", "width"))}
                example.append(torch.full((1, 1, 1), idle))
        outputs = {name: sequence for name in [*first, *(f"resid.{i}" for i in sites)]}
        return trace(module, tuple(example), inputs, outputs | {f"present.{name}": {0: "batch", 2: "total"} for name in caches})


def through(blocks: nn.ModuleList, x: Tensor, mask: Tensor, position_ids: Tensor, rest: tuple[Tensor, ...], patched: bool) -> tuple[list[Tensor], list[Tensor]]:
    """The stream after each block, and all keys and values. `rest`: those of before, then keep and add of each site where it is patched."""
    streams, presents = [], []
    for i, block in enumerate(blocks):
        x, present = block(x, mask, position_ids, (rest[2 * i], rest[2 * i + 1]))
        if patched:
            keep, add = rest[2 * len(blocks) + 2 * i : 2 * len(blocks) + 2 * i + 2]
            x = x * keep + add
        streams.append(x)
        presents += present
    return streams, presents


class Prelude(nn.Module):
    def __init__(self, loops: Loops) -> None:
        super().__init__()
        self.loops, self.blocks = loops, loops.prelude
        self.table = nn.Parameter(loops.table, requires_grad=False)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, position_ids: Tensor, inputs_embeds: Tensor, embeds_mask: Tensor, *rest: Tensor
    ) -> tuple[Tensor, ...]:
        count = 2 * len(self.blocks)
        token_embeds = torch.nn.functional.embedding(input_ids, self.table)
        x = torch.where(embeds_mask, inputs_embeds, token_embeds) * rest[count] + rest[count + 1]
        length, total = input_ids.shape[1], attention_mask.shape[1]
        causal = torch.arange(total)[None] <= torch.arange(length)[:, None] + (total - length)
        mask = causal[None] & (attention_mask != 0)[:, None]
        streams, presents = through(self.blocks, x, mask, position_ids, (*rest[:count], *rest[count + 2 :]), patched=True)
        return (x, *streams, token_embeds, *presents)


class Core(nn.Module):
    def __init__(self, loops: Loops) -> None:
        super().__init__()
        self.loops, self.blocks = loops, loops.core

    def forward(self, state: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        loops = self.loops
        if loops.adapter is not None:
            injected, *rest = rest
            state = torch.cat([state, injected], -1) @ loops.adapter.t()
        mask, position_ids, *past = rest
        streams, presents = through(self.blocks, state, mask, position_ids, tuple(past), patched=False)
        state = loops.norm(streams[-1], loops.looped_norm)
        gate = [] if loops.gate is None else [(state @ loops.gate[0].t() + loops.gate[1])[..., 0].sigmoid()]
        return (state, *gate, *presents)


class Coda(nn.Module):
    def __init__(self, loops: Loops) -> None:
        super().__init__()
        self.loops, self.blocks = loops, loops.coda

    def forward(self, state: Tensor, mask: Tensor, position_ids: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        streams, presents = through(self.blocks, self.loops.norm(state, self.loops.coda_norm), mask, position_ids, rest, patched=True)
        return (*streams, *presents)


class LoopsHead(Head):
    def __init__(self, loops: Loops) -> None:
        nn.Module.__init__(self)
        self.loops = loops
        self.unembedding = nn.Parameter(loops.unembedding, requires_grad=False)

    def read(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        normed = self.loops.norm(hidden, self.loops.final_norm)
        return normed, normed @ self.unembedding.t()


def looped(options: argparse.Namespace, make: Callable[[dict, State], tuple[Loops, dict]], what: str) -> Thinker:
    folder, name = Path(options.checkpoint), Path(options.checkpoint).resolve().name
    origin = f"the checkpoint {name}"
    if not folder.exists() and re.fullmatch(r"[\w.-]+/[\w.-]+", options.checkpoint):
        origin, name = f"the hub's {options.checkpoint}", options.checkpoint.rpartition("/")[2]
        folder = Path(download(options.checkpoint, ["*.json", "*.safetensors", "*.jinja", "README.md"]))
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        state = read_state(str(folder))
        words, vocabulary = read_tokenizer(options.tokenizer or str(folder))
        loops, depth = make(config, state)
    except (OSError, ValueError, KeyError) as error:
        why = f"it has no {error.args[0]}" if isinstance(error, KeyError) else brief(error)
        raise Refusal(f'"{options.checkpoint}" is no checkpoint of {what} ({why}): give a folder with config.json and its weights.') from error
    loops.model.config, loops.model.generation_config = argparse.Namespace(eos_token_id=config.get("eos_token_id")), None
    checkpoint = Checkpoint(loops.model, words, vocabulary, name, origin)
    depth |= {"count": options.count} if options.count else {}
    recipe = Decoder(Language(checkpoint)).recipe({}) | {"version": 3, "depth": depth}
    shape = {"core": len(loops.core), **({"coda": len(loops.coda)} if loops.coda else {})}
    assumed = [] if "stop" in depth else [f"Every position goes through all {depth['count']} loops: recipe.depth.stop in model.json says when one halts before."]
    return Thinker(checkpoint, recipe, shape=shape, assumed=assumed, parts=loops)


class RavenForCausalLM(nn.Module):
    """A name for the manifest."""


def huginn(options: argparse.Namespace) -> Thinker:
    """recpre.raven_modeling_minimal.RavenForCausalLM (arXiv 2502.05171)."""

    def make(config: dict, state: State) -> tuple[Loops, dict]:
        blocks = {
            name: nn.ModuleList([HuginnBlock(state, f"transformer.{name}.{i}.", config) for i in range(config[f"n_layers_in_{key}"])])
            for name, key in (("prelude", "prelude"), ("core_block", "recurrent_block"), ("coda", "coda"))
        }
        table, norm, width = state["transformer.wte.weight"], state["transformer.ln_f.weight"], config["n_embd"]
        scale, spread = width**0.5, (2 / (5 * width)) ** 0.5
        loops = Loops(
            RavenForCausalLM(), table * scale, state.get("lm_head.weight", table), *blocks.values(), config["n_heads"], width // config["n_heads"],
            config["block_size"], config["norm_eps"], state["transformer.adapter.weight"], coda_norm=norm, final_norm=norm,
        )
        return loops, {"count": config["mean_recurrence"], "state": {"start": "truncated", "scale": spread * scale}}

    return looped(options, make, "Huginn")


class OuroForCausalLM(nn.Module):
    """A name for the manifest."""


def ouro(options: argparse.Namespace) -> Thinker:
    """modeling_ouro.OuroForCausalLM (arXiv 2510.25741). Its own code computes the loops after an exit all the same, for those that come after."""

    def make(config: dict, state: State) -> tuple[Loops, dict]:
        if set(config.get("layer_types") or ["full_attention"]) != {"full_attention"} or config.get("rope_scaling"):
            raise Refusal("Its positions are scaled or its attention slides, which this script does not read.")
        config = {"rope_theta": 10_000.0, "rms_norm_eps": 1e-6} | config
        core = nn.ModuleList([OuroBlock(state, f"model.layers.{i}.", config) for i in range(config["num_hidden_layers"])])
        table, gate = state["model.embed_tokens.weight"], (state["model.early_exit_gate.weight"], state["model.early_exit_gate.bias"])
        loops = Loops(
            OuroForCausalLM(), table, state.get("lm_head.weight", table), nn.ModuleList(), core, nn.ModuleList(), config["num_key_value_heads"], core[0].width,
            config["max_position_embeddings"], config["rms_norm_eps"], looped_norm=state["model.norm.weight"], gate=gate,
        )
        depth = {"count": config.get("total_ut_steps", 4), "state": {"start": "input"}}
        bound = config.get("early_exit_threshold")
        return loops, depth | ({"stop": [{"rule": "gate", "above": bound, "cumulative": True}]} if bound and bound < 1 else {})

    return looped(options, make, "Ouro")


@dataclass(frozen=True)
class Family:
    read: Callable[[argparse.Namespace], Thinker]
    # Those of `SWITCHES` that it understands.
    switches: frozenset[str] = frozenset()


# By the name of `--family`: how its models think.
FAMILIES: dict[str, Family] = {
    "decoder": Family(decoder),
    "coconut": Family(coconut, frozenset({"base", "count"})),
    "codi": Family(codi, frozenset({"base", "count", "lora_alpha"})),
    "sim-cot": Family(sim_cot, frozenset({"base", "count", "lora_alpha", "each"})),
    "soft": Family(soft, frozenset({"count", "top", "temperature", "gumbel", "dirichlet"})),
    "zebra": Family(zebra),
    "huginn": Family(huginn, frozenset({"count"})),
    "ouro": Family(ouro, frozenset({"count"})),
}


# ── The files of the folder ──────────────────────────────────────────────────────────────────────────────────────────────────

WEIGHTS = "model.onnx_data"
# Smaller tensors stay in the graphs: the runtime needs some of their values while it loads. In bytes.
MIN_REFERENCE = 1024
# Where the runtime maps files, it maps whole pages. In bytes.
PAGE = 4096
HALF_LIMIT = torch.finfo(torch.float16).max


def round_to_half(model: nn.Module) -> None:
    """Matrices as they will be stored: what is compared afterwards is the same model."""
    for name, parameter in [*model.named_parameters(), *model.named_buffers()]:
        if parameter.dim() > 1 and parameter.is_floating_point():
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


def write_folder(parts: Parts | Loops, thinker: Thinker, folder: Path, half: bool) -> None:
    note("Making the graphs")
    checkpoint, extras = thinker.checkpoint, thinker.extras
    graphs = parts.graphs()
    write_graphs(graphs | {name: extra.graph() for name, extra in extras.items()}, folder, half)
    note("Writing the folder")
    (folder / "tokenizer.json").write_text(checkpoint.vocabulary, "utf-8")
    chat = Language(checkpoint).chat()
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
            **thinker.shape,
        },
        "quantisation": "fp16" if half else "fp32",
        "files": {
            **{name: entry(folder / f"{name}.onnx") for name in graphs},
            "tokenizer": entry(folder / "tokenizer.json"),
            **{name: entry(folder / f"{name}.onnx") | thinker.files.get(name, {}) for name in extras},
            **({"chat": entry(folder / "chat.json")} if chat else {}),
            "weights": [entry(folder / WEIGHTS)],
        },
        "recipe": thinker.recipe,
    }
    (folder / "model.json").write_text(json.dumps(manifest, ensure_ascii=False, indent="\t") + "\n", "utf-8")


# ── The comparison with PyTorch ──────────────────────────────────────────────────────────────────────────────────────────────

# Largest difference, as a share of the largest value: float32 sums in another order.
TOLERANCE = 1e-4
# Positions of the test sequence.
LENGTH = 12
TOP = 10
# Loops over depth that are compared: the same graph computes them all.
LOOPS = 4


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


def session_of(folder: Path, name: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(folder / f"{name}.onnx"), options, providers=["CPUExecutionProvider"])


class Written:
    """The folder's graphs in ONNX Runtime."""

    def __init__(self, folder: Path, parts: Parts) -> None:
        self.parts = parts
        self.body, self.head = (session_of(folder, name) for name in ("body", "head"))
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
def compare_extra(name: str, extra: Extra, folder: Path, result: Comparison) -> None:
    session = session_of(folder, name)
    found = session.run(extra.outputs, {key: value.numpy() for key, value in extra.inputs.items()})
    expected = extra.module(*extra.inputs.values())
    for output, value, wanted in zip(extra.outputs, found, expected if isinstance(expected, tuple) else (expected,)):
        result.add(f"{name}: {output}", value, wanted)


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


@torch.no_grad()
def compare_loops(loops: Loops, folder: Path, depth: dict) -> Comparison:
    """The graphs, looped in ONNX Runtime with their own keys and values, against the blocks in PyTorch without any."""
    result, sessions = Comparison(), {name: session_of(folder, name) for name in ("body", "core", *(["coda"] if loops.coda else []), "head")}
    length, half = min(LENGTH, loops.context), min(LENGTH, loops.context) // 2
    drawn = torch.Generator().manual_seed(7)
    ids = torch.randint(0, loops.vocabulary, (1, length), generator=drawn)
    start = torch.randn(1, length, loops.width, generator=drawn)
    steps = min(depth["count"], LOOPS)
    positions, causal = torch.arange(length)[None], torch.ones(1, length, length).tril().bool()
    none = [torch.zeros(1, loops.heads, 0, loops.head_width)] * 2 * len(loops.blocks)
    idle = [torch.ones(1, 1, 1), torch.zeros(1, 1, 1)] * (len(loops.blocks) + 1)
    count = 2 * len(loops.prelude)
    embeds = [torch.zeros(1, 1, 1), torch.zeros(1, 1, 1).bool()]
    streams = Prelude(loops)(ids, torch.ones_like(ids), positions, *embeds, *none[:count], *idle[: count + 2])
    state = injected = streams[len(loops.prelude)]
    state = injected if depth["state"]["start"] == "input" else start
    states = []
    for _ in range(steps):
        given = [state] if loops.adapter is None else [state, injected]
        state = Core(loops)(*given, causal, positions, *none[: 2 * len(loops.core)])[0]
        states.append(state)
    end = Coda(loops)(state, causal, positions, *none[: 2 * len(loops.coda)], *idle[: 2 * len(loops.coda)])[len(loops.coda) - 1] if loops.coda else state
    logits = LoopsHead(loops).read(end)[1]

    def run(name: str, here: range, past: dict | None, **feeds: Tensor) -> dict[str, np.ndarray]:
        told = {one.name: one for one in sessions[name].get_inputs()}
        given = {key: value.numpy() for key, value in feeds.items()} | {"position_ids": positions[:, here.start : here.stop].numpy()}
        for key in told:
            if key.startswith("past_key_values."):
                given[key] = past[key.replace("past_key_values", "present")] if past else none[0].numpy()
            if key.startswith("patch."):
                given[key] = np.full((1, 1, 1), 1.0 if key.endswith("keep") else 0.0, np.float32)
        outputs = [one.name for one in sessions[name].get_outputs()]
        return dict(zip(outputs, sessions[name].run(outputs, {key: value for key, value in given.items() if key in told})))

    pasts: dict[object, dict] = {}
    for here in (range(half), range(half, length)):
        part = slice(here.start, here.stop)
        before = run("body", here, pasts.get("body"), input_ids=ids[:, part], attention_mask=torch.ones(1, here.stop, dtype=torch.int64), inputs_embeds=embeds[0], embeds_mask=embeds[1])
        pasts["body"] = before
        found = torch.from_numpy(before[f"resid.{len(loops.prelude)}"])
        result.add("prelude", found.numpy(), injected[:, part])
        given, now = found, found if depth["state"]["start"] == "input" else start[:, part]
        mask = causal[:, part, : here.stop]
        for i in range(steps):
            pasts[i] = run("core", here, pasts.get(i), state=now, injected=given, attention_mask=mask)
            now = torch.from_numpy(pasts[i]["next_state"])
            result.add(f"state after loop {i + 1}", now.numpy(), states[i][:, part])
        if loops.coda:
            pasts["coda"] = run("coda", here, pasts.get("coda"), state=now, attention_mask=mask)
            now = torch.from_numpy(pasts["coda"][f"resid.{len(loops.coda)}"])
        read = run("head", here, None, hidden=now, target=torch.zeros(1, dtype=torch.int64), k=torch.tensor([1]))
        result.add("logits", read["logits"], logits[:, part])
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
    for name, (kind, text) in SWITCHES.items():
        of = ", ".join(family for family, one in FAMILIES.items() if name in one.switches)
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, help=f"{text} ({of})")
    return parser.parse_args()


def whole(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,5}", text):
        raise argparse.ArgumentTypeError(f'"{text}" is no whole number above 0')
    return int(text)


def positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f'"{text}" is no number above 0')
    return value


# What only some families understand.
SWITCHES: dict[str, tuple[Callable[[str], object], str]] = {
    "base": (str, "folder or hub id of the decoder that the checkpoint was trained from"),
    "count": (whole, "thoughts; of soft, at most so many; of huginn and ouro, loops"),
    "each": (whole, "thoughts that made one step of the chain"),
    "lora_alpha": (positive, "what adapters are scaled by, times their rank"),
    "top": (whole, "tokens of a mixture"),
    "temperature": (positive, "of a mixture"),
    "gumbel": (positive, "scale of Gumbel noise on a mixture's logits"),
    "dirichlet": (positive, "concentration of a mixture drawn by Dirichlet"),
}


def check_switches(options: argparse.Namespace) -> None:
    unknown = [name for name in SWITCHES if getattr(options, name) is not None and name not in FAMILIES[options.family].switches]
    if unknown:
        raise Refusal(f"--family {options.family} has no {' and no '.join('--' + name.replace('_', '-') for name in unknown)}: leave it out.")
    if options.gumbel and options.dirichlet:
        raise Refusal("A mixture has one kind of noise: give --gumbel or --dirichlet.")


def export(options: argparse.Namespace) -> Comparison:
    out, half = Path(options.out), options.dtype == "fp16"
    if out.exists() or out.is_symlink():
        raise Refusal(f'"{out}" exists already: give --out a new name.')
    check_switches(options)
    note("Reading the checkpoint")
    thinker = FAMILIES[options.family].read(options)
    checkpoint = thinker.checkpoint
    checkpoint.name = options.name or checkpoint.name
    parts = thinker.parts or Parts.of(checkpoint.model)
    language = Language(checkpoint)
    if language.words.get_vocab_size() > parts.vocabulary:
        raise Refusal(f"The tokenizer has {language.words.get_vocab_size()} tokens and the model {parts.vocabulary}: give --tokenizer its own.")
    if half:
        if isinstance(parts, Loops):
            parts.round_to_half()
        for model in [parts.model, *(extra.module for extra in thinker.extras.values())]:
            round_to_half(model)
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        write_folder(parts, thinker, partial, half)
        partial.rename(out)
    except OSError as error:
        raise Refusal(f'"{out}" cannot be written ({error.strerror}): choose another place.') from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    note("Comparing with PyTorch")
    try:
        with quiet():
            result = compare_loops(parts, out, thinker.recipe["depth"]) if isinstance(parts, Loops) else compare(parts, out)
            for name, extra in thinker.extras.items():
                compare_extra(name, extra, out, result)
    except Exception as error:
        raise Refusal(f'"{out}" cannot be run as the checkpoint can ({brief(error)}): do not use it.') from error
    for sentence in thinker.assumed:
        print(sentence)
    return result


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
