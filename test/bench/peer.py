"""PyTorch doing what the engine does, for the bench: `python peer.py CHECKPOINT fp32|bf16 THREADS`.

Each line of stdin is a piece of work (`WORKS`); each line of stdout its result. Seconds are this process's computing.
"""

import ctypes
import gc
import json
import os
import sys
import time
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
warnings.simplefilter("ignore")

import torch
import transformers
from transformers import StaticCache

PROMPT, TOKENS, TOP = 256, 64, 10
# Rows of a chunked lens.
CHUNK = 64
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class Peer:
    def __init__(self, checkpoint: str, dtype: str) -> None:
        self.model = transformers.AutoModelForCausalLM.from_pretrained(checkpoint, dtype=DTYPES[dtype]).eval()
        base = self.model.base_model
        self.norm = base.ln_f if hasattr(base, "ln_f") else base.norm
        self.table = self.model.get_output_embeddings().weight
        self.ids = torch.arange(PROMPT)[None] % self.model.config.vocab_size
        # Which implementation is the fastest here, for each kind of work; the others are not used again.
        self.attention = {
            work: min(("sdpa", "eager"), key=lambda one: min(self.timed(work, one) for _ in range(2))) for work in ("prefill", "decode")
        }
        self.kept = None
        self.static = self.decode_seconds(True) < self.decode_seconds(False)

    def timed(self, work: str, attention: str) -> float:
        self.model.set_attn_implementation(attention)
        return self.prefill_seconds() if work == "prefill" else self.decode_seconds(False)

    def prefill_seconds(self) -> float:
        start = time.process_time()
        self.model(self.ids, use_cache=True, logits_to_keep=1)
        return time.process_time() - start

    def decode_seconds(self, static: bool) -> float:
        cache = StaticCache(config=self.model.config, max_cache_len=PROMPT + TOKENS) if static else None
        place = {"cache_position": torch.arange(PROMPT)} if static else {}
        out = self.model(self.ids, past_key_values=cache, use_cache=True, logits_to_keep=1, **place)
        start = time.process_time()
        for i in range(TOKENS):
            place = {"cache_position": torch.tensor([PROMPT + i])} if static else {}
            last = out.logits[:, -1:].argmax(-1)
            out = self.model(last, past_key_values=out.past_key_values, use_cache=True, **place)
        out.logits.argmax(-1)
        return time.process_time() - start

    def streams(self) -> torch.Tensor:
        """Every site of the prompt [layers + 1, positions, width], before the final norm. Computed once."""
        if self.kept is not None:
            return self.kept
        kept = []
        hook = self.norm.register_forward_pre_hook(lambda _module, args: kept.append(args[0]))
        states = self.model(self.ids, output_hidden_states=True, logits_to_keep=1).hidden_states
        hook.remove()
        self.kept = torch.cat([*states[:-1], kept[0]])
        return self.kept

    def lens(self, streams: torch.Tensor) -> None:
        (self.norm(streams) @ self.table.T).topk(TOP)

    def lens_in_chunks(self, streams: torch.Tensor) -> None:
        for rows in streams.flatten(0, 1).split(CHUNK):
            (self.norm(rows) @ self.table.T).topk(TOP)

    def readouts_in_chunks(self, streams: torch.Tensor) -> None:
        """What the engine's head computes: positions first, so that a chunk has all sites of each."""
        sites = streams.shape[0]
        for rows in streams.transpose(0, 1).split(CHUNK // sites or 1):
            logits = (self.norm(rows) @ self.table.T).float()
            logits.topk(TOP)
            logp = logits.log_softmax(-1)
            p = logp.exp()
            logits.logsumexp(-1)
            (p * logp).sum(-1)
            (p[:, -1:] * (logp[:, -1:] - logp)).sum(-1)


def seconds(work, *args) -> float:
    start = time.process_time()
    work(*args)
    return time.process_time() - start


def extra_memory(work, *args) -> int:
    """Bytes that the work needs beyond what the process holds before it (Linux)."""

    def status(key: str) -> int:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith(f"{key}:"))

    # What earlier work freed is held all the same, and would be used again without being counted.
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak becomes what is held now
    before = status("VmRSS")
    work(*args)
    return status("VmHWM") - before


def prefill(peer: Peer) -> float:
    peer.model.set_attn_implementation(peer.attention["prefill"])
    return peer.prefill_seconds()


def decode(peer: Peer) -> float:
    peer.model.set_attn_implementation(peer.attention["decode"])
    return peer.decode_seconds(peer.static)


WORKS = {
    "chosen": lambda peer: f"prefill {peer.attention['prefill']}, decode {peer.attention['decode']}, {'static' if peer.static else 'dynamic'} cache",
    "prefill": prefill,
    "decode": decode,
    "lens": lambda peer: seconds(peer.lens, peer.streams()),
    "lens-in-chunks": lambda peer: seconds(peer.lens_in_chunks, peer.streams()),
    "readouts-in-chunks": lambda peer: seconds(peer.readouts_in_chunks, peer.streams()),
    "lens-memory": lambda peer: extra_memory(peer.lens, peer.streams()),
    "lens-in-chunks-memory": lambda peer: extra_memory(peer.lens_in_chunks, peer.streams()),
}


def main(checkpoint: str, dtype: str, threads: int) -> None:
    torch.set_num_threads(threads)
    with torch.inference_mode():
        peer = Peer(checkpoint, dtype)
        for line in sys.stdin:
            print(json.dumps(WORKS[line.strip()](peer)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
