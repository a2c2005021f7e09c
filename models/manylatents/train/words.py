"""The vocabulary: one token per rule, program slot and place, and the standard tokenizer that reads them.

    A:a>f+17 A:b>c-61 … B:j>d+48 1:A 2:B 3:B 4:A 5:A 6:B 7:A 8:A at c facing NE

`A:a>f+17`: move A leads from room a to room f and turns the walker 17 degrees to the right. `3:B`: the third move of the
program is B. Every token says what it is about, so their order does not matter and the model has no positions.
"""

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from torch import Tensor

from walker import HEADINGS, MOVES, ROOMS, SLOTS, TURNS, Problems

SPECIALS = ["<pad>", "<unk>", "<latent>", "<eos>"]
PAD, UNK, LATENT, EOS = range(len(SPECIALS))
ROOM_NAMES, MOVE_NAMES = "abcdefghij"[:ROOMS], "AB"[:MOVES]

PLACES = [(room, heading) for room in range(ROOMS) for heading in range(len(HEADINGS))]
RULES = [
    (move, source, target, turn)
    for move in range(MOVES)
    for source in range(ROOMS)
    for target in range(ROOMS)
    for turn in range(len(TURNS))
]
PROGRAM = [(slot, move) for slot in range(SLOTS) for move in range(MOVES)]
FIRST_PLACE = len(SPECIALS)
FIRST_RULE = FIRST_PLACE + len(PLACES)
FIRST_SLOT = FIRST_RULE + len(RULES)
TOKENS = [
    *SPECIALS,
    *(f" at {ROOM_NAMES[room]} facing {HEADINGS[heading]}" for room, heading in PLACES),
    *(f" {MOVE_NAMES[move]}:{ROOM_NAMES[a]}>{ROOM_NAMES[b]}{TURNS[turn]:+d}" for move, a, b, turn in RULES),
    *(f" {slot + 1}:{MOVE_NAMES[move]}" for slot, move in PROGRAM),
]
SIZE = len(TOKENS)
PROMPT = MOVES * ROOMS + SLOTS + 1  # tokens
PIECE = r" at \w facing [NESW]+| \w:\w>\w[+-]\d+| \d:\w| \S+"


def place(room: Tensor, heading: Tensor) -> Tensor:
    return FIRST_PLACE + room * len(HEADINGS) + heading


def prompts(problems: Problems) -> Tensor:
    """[B,PROMPT] tokens: the rules, the program, the start."""
    move, source = torch.meshgrid(torch.arange(MOVES), torch.arange(ROOMS), indexing="ij")
    rules = FIRST_RULE + ((move * ROOMS + source) * ROOMS + problems.target) * len(TURNS) + problems.turn
    slots = FIRST_SLOT + torch.arange(SLOTS) * MOVES + problems.program
    return torch.cat([rules.flatten(1), slots, place(problems.room[:, :1], problems.heading[:, :1])], 1)


def spell(tokens: Tensor) -> str:
    return "".join(TOKENS[token] for token in tokens.tolist()).removeprefix(" ")


def build_tokenizer() -> Tokenizer:
    """Any run of white space reads as one space, so one rule per line is the same prompt; what is no rule, slot or place is
    `<unk>`."""
    tokenizer = Tokenizer(models.WordLevel({token: i for i, token in enumerate(TOKENS)}, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(r"\s+$"), ""),
            normalizers.Prepend(" "),
            normalizers.Replace(Regex(r"\s+"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PIECE), "isolated")
    tokenizer.decoder = decoders.Sequence([decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIALS])
    return tokenizer
