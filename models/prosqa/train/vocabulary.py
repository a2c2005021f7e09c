"""The vocabulary: one token per (name, grammatical form), and the standard tokenizer that reads it.

A ProsQA sentence such as `Every gerpus is a terpus.` is two tokens, ` Every gerpus` and ` is a terpus.`. A name
occurs in up to five forms; in training the forms of a name share one vector, in the exported model they are rows of
one plain table.
"""

from enum import IntEnum

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

ENTITIES = ("Alex Bob Carol Davis Eva Fae Gabriel Jack Max Oliver Polly Rex Sally Sam Stella Tom Wren").split()
CONCEPTS = (
    "bompus boompus brimpus chorpus dumpus felpus fompus gerpus gorpus grimpus gwompus hilpus impus jelpus jompus "
    "kerpus lempus lorpus numpus quimpus rempus rompus rorpus scrompus shumpus sterpus storpus terpus timpus "
    "tumpus vumpus worpus wumpus yerpus yimpus yumpus zhorpus zumpus"
).split()
NAMES = ENTITIES + CONCEPTS
SPECIALS = ["<pad>", "<unk>", "<direct>", "<cot>", "<latent>", "<a>", "<eos>"]
PAD, UNK, DIRECT, COT, LATENT, ANSWER, EOS = range(len(SPECIALS))


class Form(IntEnum):
    """The grammatical form in which a token mentions its name."""

    SUBJECT = 0  # ` Every gerpus`, ` Sally`
    OBJECT = 1  # ` is a gerpus.`
    QUERY = 2  # ` Is Sally`
    FIRST = 3  # ` a gerpus`
    SECOND = 4  # ` or gerpus?`


def _spell(form: Form, name: str) -> str:
    """A token's text; every token carries the space before it."""
    if form is Form.SUBJECT:
        return f" {name}" if name in ENTITIES else f" Every {name}"
    return {
        Form.OBJECT: f" is a {name}.",
        Form.QUERY: f" Is {name}",
        Form.FIRST: f" a {name}",
        Form.SECOND: f" or {name}?",
    }[form]


_NAMES_OF_FORM = {
    Form.SUBJECT: NAMES,
    Form.OBJECT: CONCEPTS,
    Form.QUERY: ENTITIES,
    Form.FIRST: CONCEPTS,
    Form.SECOND: CONCEPTS,
}

TOKENS: list[str] = list(SPECIALS)
NAME_OF_TOKEN: list[int] = []  # of the tokens after the special ones
FORM_OF_TOKEN: list[int] = []
TOKEN_OF_NAME = np.zeros((len(Form), len(NAMES)), np.int64)  # 0 (<pad>) where the name has no such form
for _form in Form:
    for _name in _NAMES_OF_FORM[_form]:
        TOKEN_OF_NAME[_form, NAMES.index(_name)] = len(TOKENS)
        TOKENS.append(_spell(_form, _name))
        NAME_OF_TOKEN.append(NAMES.index(_name))
        FORM_OF_TOKEN.append(int(_form))

SIZE = len(TOKENS)
PIECE = r" Every \w+| is a \w+\.| Is \w+| a \w+| or \w+\?| \w+"


def build_tokenizer() -> Tokenizer:
    """Any run of white space reads as one space, so one sentence per line and a final newline are the same prompt; an
    unknown word makes its whole piece one `<unk>`."""
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
