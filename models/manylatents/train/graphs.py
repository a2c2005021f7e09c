"""The graphs of the model folder (models/README.md) and their export to ONNX: `thought` makes one latent and embeds it, `embed` does
only the second, so that an edited one (snapped, replaced) is fed back the same way."""

from pathlib import Path

import neighbour  # noqa: F401
import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from prosqa.train import graphs
from reasoner import WIDTH, Reasoner
from torch import Tensor, nn
from walker import LATENTS
from words import SIZE

NEVER = -100.0  # logit of what is never an answer: rules and program slots
LARGE = 256  # numbers: smaller arrays are not worth a cast


class Body(graphs.Body):
    """As ProsQA's, without positions: every token says what it is about, and a latent's input says which latent it is. They are an
    input all the same, times zero, because rows of a batch are padded only where positions are told."""

    def __init__(self, model: Reasoner) -> None:
        nn.Module.__init__(self)
        self.shape, self.blocks = model.shape, model.blocks
        self.position = nn.Parameter(torch.zeros(1, model.shape.width))
        self.table = nn.Parameter(model.table().detach().clone())

    def forward(self, input_ids: Tensor, attention_mask: Tensor, position_ids: Tensor, *rest: Tensor):
        return super().forward(input_ids, attention_mask, position_ids * 0, *rest)


class Head(graphs.Head):
    """As ProsQA's, with an unembedding of what can be an answer: a place's logit is its room's plus its heading's."""

    def __init__(self, model: Reasoner) -> None:
        nn.Module.__init__(self)
        self.norm, self.model = model.norm, model

    def logits(self, normed: Tensor) -> Tensor:
        answers = self.model.answers(normed)
        return F.pad(answers, (0, SIZE - answers.shape[-1]), value=NEVER)


class Thought(nn.Module):
    def __init__(self, model: Reasoner) -> None:
        super().__init__()
        self.token, self.denoiser, self.latent_in = model.latent_token, model.denoiser, model.latent_in

    def forward(self, hidden: Tensor, step: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """hidden [B,d] after the final norm; step [1] the latent's index; noise [B,w]. Returns the next position's input [B,d]
        and the latent [B,w]."""
        latent = self.denoiser.sample(hidden, noise)
        return _embedded(self, latent, step), latent


class Embed(nn.Module):
    def __init__(self, model: Reasoner) -> None:
        super().__init__()
        self.token, self.latent_in = model.latent_token, model.latent_in

    def forward(self, latent: Tensor, step: Tensor) -> Tensor:
        """latent [B,w], step [1] its index. Returns the next position's input [B,d]."""
        return _embedded(self, latent, step)


class Pause(nn.Module):
    """The twin's: the next position's own token and nothing of the state."""

    def __init__(self, model: Reasoner) -> None:
        super().__init__()
        self.token = model.latent_token

    def forward(self, hidden: Tensor, step: Tensor) -> Tensor:
        return _token(self.token, step).expand(hidden.shape[0], -1)


def _embedded(graph: Thought | Embed, latent: Tensor, step: Tensor) -> Tensor:
    return _token(graph.token, step) + graph.latent_in(latent)


def _token(tokens: Tensor, step: Tensor) -> Tensor:
    """[1,d]: the token of the position after latent `step`. A spare latent has the last one's."""
    return F.embedding((step + 1).clamp(max=LATENTS), tokens)


def export(model: Reasoner, folder: Path) -> None:
    shape = model.shape
    inputs, example = graphs.body_inputs(shape)
    graphs.write_graph(Body(model), tuple(example), folder / "body.onnx", inputs, graphs.body_outputs(shape))
    graphs.write_head(Head(model), shape.width, folder / "head.onnx")
    hidden, step = torch.randn(2, shape.width), torch.zeros(1, dtype=torch.int64)
    rows = {0: "batch"}
    inputs, outputs = {"hidden": rows, "step": {}}, {"embed": rows}
    names = ["body", "head", "thought"]
    if model.kind.pause:
        graphs.write_graph(Pause(model), (hidden, step), folder / "thought.onnx", inputs, outputs)
    else:
        latent = torch.randn(2, WIDTH)
        graphs.write_graph(Thought(model), (hidden, step, latent), folder / "thought.onnx", inputs | {"noise": rows}, outputs | {"latent": rows})
        graphs.write_graph(Embed(model), (latent, step), folder / "embed.onnx", {"latent": rows, "step": {}}, outputs)
        names.append("embed")
    for name in names:
        halve(folder / f"{name}.onnx")


def halve(path: Path) -> None:
    """Stores every array of numbers that half precision holds exactly as such, behind a cast: nothing changes but the size.
    The trained weights were rounded before (`evaluate.round_weights`), so that this is nearly all."""
    model = onnx.load(path)
    graph = model.graph
    casts = []
    for stored in graph.initializer:
        values = numpy_helper.to_array(stored)
        if stored.data_type != TensorProto.FLOAT or values.size < LARGE:
            continue
        half = values.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), values):
            continue
        name = stored.name
        stored.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
