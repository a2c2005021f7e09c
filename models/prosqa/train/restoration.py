"""A decoder rebuilt from a model folder: the weights of the graphs, matched by what they compute, and proof that the
decoder computes what the graphs compute.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from model import Decoder, Shape
from parity import replay, trace
from problems import PUBLISHED, batch, draw_layout, generate
from session import Session
from vocabulary import NAME_OF_TOKEN, PAD, SPECIALS, TOKENS

TABLE_TOLERANCE = 1e-5
TOLERANCE = 1e-4
PROBLEMS = 8
SEED = 11


def _weights(path: Path) -> dict[str, Tensor]:
    """A graph's initialisers by their name in the module. The export renames and transposes the matrix of a linear
    layer, which is found as the constant factor of the product to which the layer's bias is added."""
    graph = onnx.load(path).graph
    constants = {entry.name: torch.from_numpy(numpy_helper.to_array(entry).copy()) for entry in graph.initializer}
    made = {name: node for node in graph.node for name in node.output}
    found = {name: tensor for name, tensor in constants.items() if "::" not in name}
    for node in graph.node:
        bias = next((name for name in node.input if name in found and name.endswith(".bias")), None)
        if node.op_type == "Add" and bias is not None:
            product = made[next(name for name in node.input if name != bias)]
            matrix = next(name for name in product.input if name in constants)
            found[bias.replace(".bias", ".weight")] = constants[matrix].t().contiguous()
    return found


def _parts(table: Tensor, names: int, forms: Tensor) -> tuple[Tensor, Tensor]:
    """The name's and the form's vectors whose sums are the rows [V,d] of `table` after the special ones. They are
    unique up to one vector that moves from all names to all forms; the smallest is taken."""
    rows = torch.arange(len(forms))
    count = names + int(forms.max()) + 1
    design = torch.zeros(len(forms), count, dtype=torch.float64)
    design[rows, torch.tensor(NAME_OF_TOKEN)] = 1
    design[rows, names + forms] = 1
    solved = torch.linalg.lstsq(design, table[len(SPECIALS) :].double(), driver="gelsd").solution.float()
    return solved[:names], solved[names:]


def restore(folder: Path) -> Decoder:
    """The decoder of a folder. Asserts that its embedding is the graph's, and that it computes what the graphs do."""
    session = Session(folder)
    shape = session.manifest["shape"]
    decoder = Decoder(Shape(shape["layers"], shape["width"], shape["heads"], shape["headWidth"], shape["context"]))
    head = _weights(folder / "head.onnx")
    weights = _weights(folder / "body.onnx") | {name: head[name] for name in ("norm.weight", "norm.bias")}
    table = weights.pop("table")
    name, form = _parts(table, len(decoder.name), decoder.form_of_token)
    decoder.load_state_dict(weights | {"special": table[: len(SPECIALS)], "name": name, "form": form})
    furthest = float((decoder.table().detach() - table).abs().max())
    assert furthest < TABLE_TOLERANCE, f"the embedding is no sum of names and forms: {furthest}"
    prove(decoder, session)
    return decoder.eval()


def prove(decoder: Decoder, session: Session) -> dict[str, float]:
    """Asserts on the latent arm of generated problems that every argmax is equal, that logits agree to 1e-4, and
    residual streams to 1e-4 of a prompt's largest entry (entries reach 200, where single precision ends at 1e-5).
    Returns the largest difference of both."""
    problems, index = generate(PROBLEMS, PUBLISHED, SEED), np.arange(PROBLEMS)
    prompts = batch(problems, index, draw_layout(problems, index, np.random.default_rng(SEED))).prompt
    furthest = {"logits": 0.0, "sites": 0.0}
    for row in prompts:
        ids = row[row != PAD].tolist()
        expected = trace(decoder, ids, False)
        found = replay(session, "".join(TOKENS[i] for i in ids).strip(), False)
        assert (expected.logits.argmax(-1) == found.logits.argmax(-1)).all(), "an argmax differs"
        logits = np.abs(expected.logits - found.logits).max()
        sites = np.abs(expected.sites - found.sites).max() / np.abs(found.sites).max()
        furthest = {"logits": max(furthest["logits"], float(logits)), "sites": max(furthest["sites"], float(sites))}
    assert max(furthest.values()) < TOLERANCE, f"largest differences {furthest}"
    return furthest
