"""Decoders that the bench times: `python decoders.py OUT NAME [GGUF]`, NAME `gpt2-small` (random weights) or `smollm2` (from GGUF).

Each becomes OUT/NAME/checkpoint, which PyTorch loads, and OUT/NAME/fp32, int8 and q4, which `models add` takes.
"""

import contextlib
import io
import logging
import os
import shutil
import sys
import warnings
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fixtures/exports"))

import numpy as np
import onnx
import torch
import transformers
from onnx import helper, numpy_helper
from onnxruntime.quantization import quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer

from exporters import genai, torch_onnx
from make import tokenizer

SEED = 20
# The default of 4-bit exports: 32 weights share a scale, and activations are rounded to 8 bits for the product.
Q4 = DefaultWeightOnlyQuantConfig(block_size=32, is_symmetric=True, accuracy_level=4, bits=4)


def gpt2_small(checkpoint: Path, _gguf: str) -> None:
    torch.manual_seed(SEED)
    config = transformers.GPT2Config(bos_token_id=1, eos_token_id=2, pad_token_id=0)
    transformers.GPT2LMHeadModel(config).save_pretrained(checkpoint)
    tokenizer().save_pretrained(checkpoint)


def smollm2(checkpoint: Path, gguf: str) -> None:
    folder, file = str(Path(gguf).parent), Path(gguf).name
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32)
    model.save_pretrained(checkpoint)
    transformers.AutoTokenizer.from_pretrained(folder, gguf_file=file).save_pretrained(checkpoint)


def plain(checkpoint: Path, folder: Path) -> None:
    model = transformers.AutoModelForCausalLM.from_pretrained(checkpoint, attn_implementation="eager").float().eval()
    torch_onnx(model.requires_grad_(False), folder, dynamo=False)


# How the checkpoint is got, and how it is exported: by the builder with fused operators where that knows the architecture. What is
# quantised is always PyTorch's own export: its small products are all of one kind, which the quantisers know.
MODELS = {
    "gpt2-small": (gpt2_small, plain),
    "smollm2": (smollm2, lambda checkpoint, folder: genai(checkpoint, folder, "fp32")),
}


def as_products(model: onnx.ModelProto) -> onnx.ModelProto:
    """`Gemm` as `MatMul` and `Add`, which are what the quantisers know."""
    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        if node.op_type != "Gemm":
            nodes.append(node)
            continue
        settings = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        assert not settings.get("transA") and {settings.get(name, 1.0) for name in ("alpha", "beta")} == {1.0}, settings
        if settings.get("transB"):
            weight = weights[node.input[1]]
            weight.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(numpy_helper.to_array(weight).T), weight.name))
        product = f"{node.output[0]}/product"
        nodes.append(helper.make_node("MatMul", list(node.input[:2]), [product], name=f"{node.name}/product"))
        nodes.append(helper.make_node("Add", [product, node.input[2]], list(node.output), name=f"{node.name}/sum"))
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def quantise(unfused: Path, folder: Path, kind: str) -> None:
    model = as_products(onnx.load(unfused / "model.onnx"))
    if kind == "int8":
        whole = folder / "whole.onnx"
        onnx.save(model, whole)
        quantize_dynamic(whole, folder / "model.onnx", op_types_to_quantize=["MatMul"], per_channel=True)
        whole.unlink()
    else:
        quantiser = MatMulNBitsQuantizer(model, algo_config=Q4)
        quantiser.process()
        onnx.save(quantiser.model.model, folder / "model.onnx")


def made(folder: Path, make) -> None:
    """Whole or not at all."""
    if folder.exists():
        return
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        make(partial)
    shutil.rmtree(partial / "cache", ignore_errors=True)
    partial.rename(folder)


def unfused_of(checkpoint: Path, folder: Path) -> Path:
    made(folder, lambda partial: plain(checkpoint, partial))
    return folder


def main(out: Path, name: str, gguf: str) -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    get, export = MODELS[name]
    checkpoint = out / name / "checkpoint"
    made(checkpoint, lambda folder: get(folder, gguf))

    def with_tokenizer(make):
        def both(folder: Path) -> None:
            make(folder)
            for part in ("tokenizer.json", "config.json", "tokenizer_config.json"):
                shutil.copy(checkpoint / part, folder / part)

        return both

    made(out / name / "fp32", with_tokenizer(lambda folder: export(checkpoint, folder)))
    unfused = out / name / "unfused"
    for kind in ("int8", "q4"):
        made(out / name / kind, with_tokenizer(lambda folder, kind=kind: quantise(unfused_of(checkpoint, unfused), folder, kind)))
    shutil.rmtree(unfused, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "")
