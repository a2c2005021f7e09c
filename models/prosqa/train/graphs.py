"""The two graphs of the model contract (models/README.md) as PyTorch modules, and their export to ONNX."""

import warnings
from pathlib import Path

import onnx
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model import BLOCKED, Decoder, Shape

OPSET = 17


class Body(nn.Module):
    """Tokens or embeddings to the residual stream at every site, keys, values and attention."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.shape = decoder.shape
        self.blocks, self.position = decoder.blocks, nn.Parameter(decoder.position.detach().clone())
        self.table = nn.Parameter(decoder.table().detach().clone())

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        position_ids: Tensor,
        inputs_embeds: Tensor,
        embeds_mask: Tensor,
        *rest: Tensor,
    ) -> tuple[Tensor, ...]:
        """`rest`: key and value of every block, then keep and add of every site. Shapes as in models/README.md."""
        layers = self.shape.layers
        past, patches = rest[: 2 * layers], rest[2 * layers :]
        batch, length = input_ids.shape
        cached = past[0].shape[2]
        token_embeds = F.embedding(input_ids, self.table)
        x = torch.where(embeds_mask, inputs_embeds, token_embeds) + F.embedding(position_ids, self.position)
        x = x * patches[0] + patches[1]
        later = (torch.arange(cached + length).unsqueeze(0) > (torch.arange(length) + cached).unsqueeze(1)).to(x.dtype)
        empty = (1 - attention_mask).to(x.dtype)
        bias = (later[None, None] + empty[:, None, None]) * BLOCKED
        sites, present, attention = [x], [], []
        for i, block in enumerate(self.blocks):
            query, key, value = block.project(x)
            key = torch.cat([past[2 * i], key], 2)
            value = torch.cat([past[2 * i + 1], value], 2)
            weights = torch.softmax(query @ key.transpose(-1, -2) + bias, -1)
            mixed = (weights @ value).transpose(1, 2).flatten(2)
            x = x + block.out(mixed)
            x = x + block.down(F.gelu(block.up(block.norm_mlp(x))))
            x = x * patches[2 * i + 2] + patches[2 * i + 3]
            sites.append(x)
            present += [key, value]
            attention.append(weights)
        return (*sites, token_embeds, *present, *attention)


class Head(nn.Module):
    """Residual stream to the final norm, the unembedding, and every readout of the distribution."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.norm = decoder.norm
        self.table = nn.Parameter(decoder.table().detach().clone())

    def logits(self, normed: Tensor) -> Tensor:
        """[N,M,d] to [N,M,V]."""
        return normed @ self.table.t()

    def forward(self, hidden: Tensor, target: Tensor, k: Tensor) -> tuple[Tensor, ...]:
        normed = self.norm(hidden)
        logits = self.logits(normed)
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


def write_graph(
    module: nn.Module,
    example: tuple[Tensor, ...],
    path: Path,
    axes: dict[str, dict[int, str]],
    outputs: dict[str, dict[int, str]],
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            example,
            str(path),
            opset_version=OPSET,
            input_names=list(axes),
            output_names=list(outputs),
            dynamic_axes={name: named for name, named in (axes | outputs).items() if named},
            dynamo=False,
        )
    graph = onnx.load(path)
    missing = set(axes) - {value.name for value in graph.graph.input}
    assert not missing, f"the export dropped inputs: {sorted(missing)}"
    for node in graph.graph.node:
        node.doc_string = ""
    onnx.checker.check_model(graph, full_check=True)
    onnx.save(graph, path)


def body_inputs(shape: Shape) -> tuple[dict[str, dict[int, str]], list[Tensor]]:
    """Names and open axes of the body's inputs, and an example of each."""
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
    for i in range(shape.layers):
        for part in ("key", "value"):
            inputs[f"past_key_values.{i}.{part}"] = {0: "batch", 2: "past"}
            example.append(torch.randn(batch, shape.heads, cached, shape.head_width))
    for i in range(shape.layers + 1):
        for part, idle in (("keep", 1.0), ("add", 0.0)):
            inputs[f"patch.{i}.{part}"] = {
                axis: f"patch_{i}_{part}_{label}" for axis, label in enumerate(("batch", "sequence", "width"))
            }
            example.append(torch.full((1, 1, 1), idle))
    return inputs, example


def body_outputs(shape: Shape) -> dict[str, dict[int, str]]:
    sequence = {0: "batch", 1: "sequence"}
    outputs: dict[str, dict[int, str]] = {f"resid.{i}": sequence for i in range(shape.layers + 1)}
    outputs["token_embeds"] = sequence
    outputs |= {
        f"present.{i}.{part}": {0: "batch", 2: "total"} for i in range(shape.layers) for part in ("key", "value")
    }
    return outputs | {f"attention.{i}": {0: "batch", 2: "sequence", 3: "total"} for i in range(shape.layers)}


def export_body(decoder: Decoder, path: Path) -> None:
    inputs, example = body_inputs(decoder.shape)
    write_graph(Body(decoder), tuple(example), path, inputs, body_outputs(decoder.shape))


def export_head(decoder: Decoder, path: Path) -> None:
    write_head(Head(decoder), decoder.shape.width, path)


def write_head(head: Head, width: int, path: Path) -> None:
    rows = {0: "rows", 1: "sites"}
    inputs: dict[str, dict[int, str]] = {"hidden": rows, "target": {0: "rows"}, "k": {}}
    example = (torch.randn(3, 2, width), torch.zeros(3, dtype=torch.int64), torch.tensor([5]))
    top = rows | {2: "k"}
    outputs = {
        "normed": rows,
        "topk_ids": top,
        "topk_values": top,
        "lse": rows,
        "entropy": rows,
        "kl": rows,
        "target_logit": rows,
        "logits": rows,
    }
    write_graph(head, example, path, inputs, outputs)
