"""What is trained: all latents of a chain at once, because the inputs are the true states' latents (teacher forcing)."""

import torch
import torch.nn.functional as F
from reasoner import CODE, WIDTH, Reasoner
from torch import Tensor
from walker import ROOMS, SLOTS, Problems
from words import EOS, place, prompts

ANGLE_NOISE = 0.02  # of a circle of radius 2: 0.6 degrees
COMPASS = 5.0  # the heading must be exact to a degree, so its errors weigh more
ANGLE_FLOW = 2.0


def noisy(model: Reasoner, problems: Problems, noise: float) -> Tensor:
    """Latents [B,N,w] of the states 0..N-1, as the encoder would draw them."""
    mean = model.encode(problems.room[:, :-1], problems.radians[:, :-1])
    spread = torch.cat([torch.full((CODE,), noise), torch.full((WIDTH - CODE,), ANGLE_NOISE)])
    return mean + spread * torch.randn_like(mean)


def hidden_states(model: Reasoner, problems: Problems, latents: Tensor | None) -> tuple[Tensor, Tensor]:
    """Hidden states [B,N+2,d] at the positions of `<latent>`, the N fed latents and the answer's token, and the first
    block's output there."""
    table, tokens = model.table(), prompts(problems)
    count, moves = len(problems), problems.room.shape[1] - 1
    fed = model.latent_token[: moves + 1].expand(count, -1, -1)
    if latents is not None:
        fed = fed + F.pad(model.latent_in(latents), (0, 0, 1, 0))
    answer = table[place(problems.room[:, -1], problems.heading[:, -1])]
    hidden, _, sites = model.run(torch.cat([table[tokens], fed, answer[:, None]], 1))
    return hidden[:, tokens.shape[1] :], sites[1][:, tokens.shape[1] :]


def loss(model: Reasoner, problems: Problems, noise: float) -> tuple[Tensor, dict[str, float]]:
    latents = None if model.kind.pause else noisy(model, problems, noise)
    hidden, early = hidden_states(model, problems, latents)
    thinking = hidden[:, :-1]
    room, heading, special = model.answer_room(thinking), model.answer_heading(thinking), model.answer_special(thinking)
    circle = torch.stack([problems.radians.cos(), problems.radians.sin()], -1)
    compass = model.compass(thinking)
    # Beside the places only <eos> can follow, so the whole softmax is trained where the answer is.
    end = torch.cat([model.answers(thinking[:, -1]), model.answers(hidden[:, -1])])
    ends = torch.cat([place(problems.room[:, -1], problems.heading[:, -1]), torch.full((len(problems),), EOS)])
    moves = problems.program[:, torch.arange(problems.room.shape[1] - 1) % SLOTS]  # [B,N]
    terms = {
        # Without this the program is not read within the run: the model stays at a room of either move, right in 3 of 5.
        "due": F.cross_entropy(model.due(early[:, 1:-1]).flatten(0, 1), moves.flatten()),
        "room": F.cross_entropy(room.flatten(0, 1), problems.room.flatten()),
        "heading": F.cross_entropy(heading.flatten(0, 1), problems.heading.flatten()),
        "compass": COMPASS * F.mse_loss(compass, circle),
        "answer": 0.2 * F.cross_entropy(end, ends) + 1e-3 * special.pow(2).mean(),
    }
    if latents is not None:
        target, start = latents.detach(), torch.randn_like(latents)
        time = torch.rand(*latents.shape[:2], 1)
        error = (model.denoiser((1 - time) * start + time * target, time, hidden[:, :-2]) - (target - start)).pow(2)
        terms["flow"] = error[..., :CODE].mean() + ANGLE_FLOW * error[..., CODE:].mean()
        code = latents[..., :CODE]
        terms["recover"] = F.cross_entropy(model.recover(code).flatten(0, 1), problems.room[:, :-1].flatten())
    if model.kind.pause:
        # What a latent has in its input, a dummy must fetch: without this not even one move is learnt.
        origin = model.origin(early[:, 1:-1])
        start = problems.room[:, :1].expand(moves.shape), problems.heading[:, :1].expand(moves.shape)
        terms["origin"] = F.cross_entropy(origin[..., :ROOMS].flatten(0, 1), start[0].flatten()) + F.cross_entropy(
            origin[..., ROOMS:].flatten(0, 1), start[1].flatten()
        )
    with torch.no_grad():
        off = torch.rad2deg(torch.atan2(compass[..., 1], compass[..., 0]) - problems.radians)
        figures = {name: term.item() for name, term in terms.items()}
        right = room.argmax(-1) == problems.room
        figures |= {
            "room_right": right.float().mean().item(),
            "last_right": right[:, -1].float().mean().item(),
            "degrees_off": ((off + 180) % 360 - 180).abs().mean().item(),
        }
    return sum(terms.values()), figures

