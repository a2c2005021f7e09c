"""What is trained: all latents of a chain at once, because the inputs are the true states' latents (teacher forcing)."""

import torch
import torch.nn.functional as F
from reasoner import CODE, WIDTH, Reasoner
from torch import Tensor
from walker import HEADINGS, ROOMS, SLOTS, Problems
from words import EOS, place, prompts

ANGLE_NOISE = 0.02  # of a circle of radius 2: 0.6 degrees
COMPASS = 5.0  # the heading must be exact to a degree, so its errors weigh more
ANGLE_FLOW = 2.0
KNOWN = 0.1  # nats: when the move of the program counts as read


def noisy(model: Reasoner, problems: Problems, noise: float) -> Tensor:
    """Latents [B,N,w] of the states 0..N-1, as the encoder would draw them."""
    mean = model.encode(problems.room[:, :-1], problems.radians[:, :-1])
    spread = torch.cat([torch.full((CODE,), noise), torch.full((WIDTH - CODE,), ANGLE_NOISE)])
    return mean + spread * torch.randn_like(mean)


def hidden_states(
    model: Reasoner, problems: Problems, latents: Tensor | None, late: Tensor | None
) -> tuple[Tensor, list[Tensor]]:
    """Hidden states [B,N+2,d] at the positions of `<latent>`, the N fed latents and the answer's token, and the residual
    stream there at every site. `late` are latents [B,N,w] of which all but the first enter before the last block only. Given
    both, half of the problems have the one and half the other."""
    table, tokens = model.table(), prompts(problems)
    count, moves = len(problems), problems.room.shape[1] - 1
    fed = model.latent_token[: moves + 1].expand(count, -1, -1)
    half = (torch.arange(count) < count // 2)[:, None, None] if late is not None else torch.ones(1, 1, 1)
    if latents is not None:
        fed = fed + half * F.pad(model.latent_in(latents), (0, 0, 1, 0))
    answer = table[place(problems.room[:, -1], problems.heading[:, -1])]
    start = tokens.shape[1]
    if late is not None:
        late = ~half * F.pad(model.latent_in(late[:, 1:]), (0, 0, start + 2, 1))
    hidden, _, sites = model.run(torch.cat([table[tokens], fed, answer[:, None]], 1), late=late)
    return hidden[:, start:], [site[:, start:] for site in sites]


def scaffold(model: Reasoner, problems: Problems, sites: list[Tensor], helped: bool) -> dict[str, Tensor]:
    """What a latent has in its input, a dummy must fetch and compute. Asked for the answers alone the twin does not learn one
    move; so it is also asked, after the first block, for the start and for the move before the one that is due, and after
    the second for the state after the first move (dummy 2: beyond it three blocks are not deep enough). This begins when
    the due move is known: asked for all at once, every head of the first block goes to the start."""
    moves = problems.room.shape[1] - 1
    if helped:
        half = len(problems) // 2
        reached = model.fetched.reached(sites[2][:half, 1 : moves + 1])
        return {"reached": _state(reached, problems.room[:half, 1:], problems.heading[:half, 1:])}
    first = sites[1][:, 1 : moves + 1]
    origin = model.fetched.start(first)
    terms = {"origin": _state(origin, problems.room[:, :1].expand(-1, moves), problems.heading[:, :1].expand(-1, moves))}
    if moves > 1:
        before = model.fetched.move_before(first[:, 1:]).flatten(0, 1)
        terms["before"] = F.cross_entropy(before, problems.program[:, torch.arange(moves - 1) % SLOTS].flatten())
        second = model.fetched.state_before(sites[2][:, 2:3])
        terms["midway"] = _state(second, problems.room[:, 1:2], problems.heading[:, 1:2])
    return terms


def _state(logits: Tensor, room: Tensor, heading: Tensor) -> Tensor:
    parts = zip(logits.split([ROOMS, len(HEADINGS)], -1), (room, heading), strict=True)
    return sum(F.cross_entropy(part.flatten(0, 1), wanted.flatten()) for part, wanted in parts)


def loss(model: Reasoner, problems: Problems, noise: float, helped: bool = False) -> tuple[Tensor, dict[str, float]]:
    """`helped`: the twin is given the state before the move, half of the problems at once and half before the last block, so
    that the second and the third block both learn to look up."""
    latents = noisy(model, problems, noise) if helped or not model.kind.pause else None
    late = latents if helped else None
    hidden, sites = hidden_states(model, problems, latents, late)
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
        "due": F.cross_entropy(model.due(sites[1][:, 1:-1]).flatten(0, 1), moves.flatten()),
        "room": F.cross_entropy(room.flatten(0, 1), problems.room.flatten()),
        "heading": F.cross_entropy(heading.flatten(0, 1), problems.heading.flatten()),
        "compass": COMPASS * F.mse_loss(compass, circle),
        "answer": 0.2 * F.cross_entropy(end, ends) + 1e-3 * special.pow(2).mean(),
    }
    if not model.kind.pause:
        target, start = latents.detach(), torch.randn_like(latents)
        time = torch.rand(*latents.shape[:2], 1)
        error = (model.denoiser((1 - time) * start + time * target, time, hidden[:, :-2]) - (target - start)).pow(2)
        terms["flow"] = error[..., :CODE].mean() + ANGLE_FLOW * error[..., CODE:].mean()
        code = latents[..., :CODE]
        terms["recover"] = F.cross_entropy(model.recover(code).flatten(0, 1), problems.room[:, :-1].flatten())
    if model.kind.pause and terms["due"].item() < KNOWN:
        terms |= scaffold(model, problems, sites, helped)
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

