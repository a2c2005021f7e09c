"""What a chain of thought is like and what it carries: whether its steps are facts of the prompt, how far it is from
the base model's, and how the answer moves when the chain is changed.

Every measure is a count per problem (`intervals.Count`), so that two models are compared problem by problem.
Shapes: B problems, S slots, M names.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from arms import answers
from chains import Chains, read_again, write
from intervals import Count
from model import Decoder
from objectives import Reading, read
from problems import MAX_NODES, Batch, Problems, batch, draw_layout
from vocabulary import ANSWER, FORM_OF_TOKEN, NAME_OF_TOKEN, NAMES, PAD, SPECIALS, TOKEN_OF_NAME, Form

QUESTION = 3  # tokens of ` Is Sally a gerpus or terpus?`
CHUNK = 250
LAYOUT_SEED = 123

NAME = np.array([-1] * len(SPECIALS) + NAME_OF_TOKEN)
STEP = np.array([False] * len(SPECIALS) + [form == Form.OBJECT for form in FORM_OF_TOKEN])


@dataclass
class Facts:
    """What the prompts say."""

    edge: np.ndarray  # [B,M,M] bool, from subject to object
    root: np.ndarray  # [B] name that is asked about
    between: np.ndarray  # [B,M] bool: below the root, and the answer or above it

    @staticmethod
    def of(problems: Batch) -> "Facts":
        prompt = problems.prompt[:, problems.prompt.shape[1] % 2 ^ QUESTION % 2 :]
        subject, object_ = NAME[prompt[:, :-QUESTION:2]], NAME[prompt[:, 1:-QUESTION:2]]
        count = len(prompt)
        edge = np.zeros((count, len(NAMES), len(NAMES)), bool)
        row, fact = np.nonzero(subject >= 0)
        edge[row, subject[row, fact], object_[row, fact]] = True
        root = NAME[problems.prompt[:, -QUESTION]]
        below = _closure(edge.transpose(0, 2, 1), root)
        return Facts(edge, root, below & _closure(edge, NAME[problems.target]))


def _closure(edge: np.ndarray, name: np.ndarray) -> np.ndarray:
    """Names from which `name` [B] is reached along the edges, itself among them: [B,M]."""
    reached = np.zeros(edge.shape[:2], bool)
    reached[np.arange(len(name)), name] = True
    for _ in range(MAX_NODES):
        reached |= (edge & reached[:, None]).any(2)
    return reached


def _writing(problems: Batch, facts: Facts, chains: Chains, direct: np.ndarray) -> dict[str, Count]:
    """What is written in one chain a problem. A jump ends a chain on a candidate that the word before it does not lead
    to; `direct` [B] is what the model answers at once."""
    tokens, steps, answer = chains.tokens[:, 0].numpy(), chains.steps[:, 0].numpy(), chains.answer[:, 0].numpy()
    rows = np.arange(len(tokens))
    written = np.arange(tokens.shape[1]) < steps[:, None]
    name = np.where(STEP[tokens] & written, NAME[tokens], -1)
    before = np.concatenate([facts.root[:, None], name[:, :-1]], 1)
    legal = (name >= 0) & (before >= 0) & facts.edge[rows[:, None], before, name]
    between = (name >= 0) & facts.between[rows[:, None], name]
    known = (name >= 0) & (tokens[:, :, None] == problems.node_token[:, None]).any(2)
    again = np.zeros_like(written)
    for slot in range(1, tokens.shape[1]):
        again[:, slot] = written[:, slot] & (tokens[:, :slot] == tokens[:, slot : slot + 1]).any(1)
    at = np.maximum(steps - 1, 0)
    last = np.where(steps > 0, tokens[rows, at], PAD)
    whole = (legal | ~written).all(1) & (last == problems.target)
    jump = (steps > 0) & ~legal[rows, at] & (last[:, None] == problems.candidates).any(1)
    right, one = answer == problems.target, np.ones(len(tokens))

    def share(hit: np.ndarray) -> Count:
        return (hit & written).sum(1), steps

    return {
        "right": (right, one),
        "distractor": (answer == problems.distractor, one),
        "unanswered": (answer < 0, one),
        "steps": (steps, one),
        "legal": share(legal),
        "on path": share(legal & between),
        "between": share(between),
        "repeated": share(again),
        "foreign": share(~known),
        "last legal": (legal[rows, at], steps > 0),
        "whole": (whole, one),
        "unproved": (right & ~whole, right),
        "jump": (jump, one),
        "jump right": (jump & (last == problems.target), jump),
        "jump as direct": (jump & (last == direct), jump),
        "direct at jump": (jump & (direct == problems.target), jump),
        "says last": ((answer == last) & (steps > 0), (steps > 0) & (answer >= 0)),
    }


def _distance(own: Tensor, base: Tensor, chains: Chains) -> dict[str, Count]:
    """KL(own || base) and surprisal in nats of what was written, the answer included. Logits [B,1,S,V]."""
    own, base = torch.log_softmax(own, -1), torch.log_softmax(base, -1)
    kl = (own.exp() * (own - base)).sum(-1).clamp(min=0)
    surprisal = -base.gather(-1, chains.tokens[..., None])[..., 0]
    answered = chains.answer >= 0
    steps, stop = chains.within(chains.steps), chains.within(chains.steps + answered)
    whole = chains.within(chains.steps + 2 * answered)

    def mean(value: Tensor, where: Tensor) -> Count:
        return (value * where).sum(-1)[:, 0].numpy(), where.sum(-1)[:, 0].numpy()

    return {
        "KL": mean(kl, whole),
        "KL at steps": mean(kl, steps),
        "KL at <a>": mean(kl, stop & ~steps),
        "KL at answer": mean(kl, whole & ~stop),
        "surprisal": mean(surprisal, whole),
    }


def _forced(decoder: Decoder, table: Tensor, reading: Reading, variants: list[list[list[int]]]) -> np.ndarray:
    """Greedy answers [B,G] after the steps `variants[b][g]` and `<a>`."""
    slots = max(len(steps) for row in variants for steps in row) + 2
    tokens = torch.full((len(variants), len(variants[0]), slots), PAD)
    for b, row in enumerate(variants):
        for g, steps in enumerate(row):
            tokens[b, g, : len(steps) + 1] = torch.tensor([*steps, ANSWER])
    at = torch.tensor([[len(steps) + 1 for steps in row] for row in variants])
    best = read_again(decoder, table, reading, tokens).argmax(-1)
    return best.gather(2, at[..., None])[..., 0].numpy()


def _load(
    decoder: Decoder,
    table: Tensor,
    reading: Reading,
    problems: Batch,
    facts: Facts,
    chains: Chains,
    direct: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, Count]:
    """The answer after a changed chain, over problems whose chain has a step and came to an answer by itself; and after
    a first step that is a fact but leads nowhere, with the rest written anew, where the root has such a fact."""
    count = chains.steps[:, 0].numpy()
    usable = (count > 0) & (chains.answer[:, 0].numpy() >= 0)
    own = [row[:length] for row, length in zip(chains.tokens[:, 0].tolist(), count.tolist(), strict=True)]
    dropped = (rng.random(len(own)) * count).astype(int)
    earlier = (rng.random(len(own)) * (count - 1)).astype(int)
    variants = [
        [steps, [], steps[:any_] + steps[any_ + 1 :], steps[:one] + steps[one + 1 :], steps[:-1], own[b - 1]]
        for b, (steps, any_, one) in enumerate(zip(own, dropped, earlier, strict=True))
    ]
    answer = _forced(decoder, table, reading, variants)
    right = answer == problems.target[:, None]
    several, given = usable & (count > 1), np.roll(usable, 1)
    given_last = np.array([own[b - 1][-1] if given[b] else PAD for b in range(len(own))])

    astray = facts.edge[np.arange(len(own)), facts.root] & ~facts.between
    pick = (astray * rng.random(astray.shape)).argmax(1)
    first = torch.from_numpy(TOKEN_OF_NAME[Form.OBJECT][pick])
    anew = write(decoder, table, reading, first=first).answer[:, 0].numpy()

    def share(hit: np.ndarray, of: np.ndarray) -> Count:
        return hit & of, of

    return {
        "intact": share(right[:, 0], usable),
        "no step": share(right[:, 1], np.ones_like(usable)),
        "one step dropped": share(right[:, 2], usable),
        "one of the earlier steps dropped": share(right[:, 3], several),
        "last step dropped": share(right[:, 4], usable),
        "another problem's chain": share(right[:, 5], given),
        "says the other chain's last": share(answer[:, 5] == given_last, given),
        "led astray": share(anew == problems.target, astray.any(1)),
        "direct, led astray": share(direct == problems.target, astray.any(1)),
    }


@torch.no_grad()
def observe(decoder: Decoder, base: Decoder, problems: Problems, seed: int = 0) -> dict[str, Count]:
    """All measures. `greedy/…` and `sampled/…` are of one chain a problem, `load/…` changes the greedy one, `arm/…`
    are right answers of the arms without a written chain. The layout of the problems is the same in every call."""
    layouts, rng = np.random.default_rng(LAYOUT_SEED), np.random.default_rng(seed)
    sampler = torch.Generator().manual_seed(seed)
    table, base_table = decoder.table(), base.table()
    parts: dict[str, list[Count]] = {}
    for start in range(0, len(problems), CHUNK):
        index = np.arange(start, min(len(problems), start + CHUNK))
        asked = batch(problems, index, draw_layout(problems, index, layouts))
        prompt = torch.from_numpy(asked.prompt)
        reading, base_reading = read(decoder, table, prompt), read(base, base_table, prompt)
        facts = Facts.of(asked)
        others = answers(decoder, asked, False)
        found = {f"arm/{arm}": (others[arm] == asked.target, np.ones(len(index))) for arm in ("direct", "latent")}
        for kind in ("greedy", "sampled"):
            chains = write(decoder, table, reading, 1, sampler if kind == "sampled" else None)
            measures = _writing(asked, facts, chains, others["direct"]) | _distance(
                read_again(decoder, table, reading, chains.tokens),
                read_again(base, base_table, base_reading, chains.tokens),
                chains,
            )
            if kind == "greedy":
                changed = _load(decoder, table, reading, asked, facts, chains, others["direct"], rng)
                found |= {f"load/{name}": count for name, count in changed.items()}
            found |= {f"{kind}/{name}": count for name, count in measures.items()}
        for name, count in found.items():
            parts.setdefault(name, []).append(count)
    return {
        name: (np.concatenate([found for found, _ in part]), np.concatenate([out_of for _, out_of in part]))
        for name, part in parts.items()
    }
