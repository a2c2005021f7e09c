"""Makes the modules of `models/prosqa/train` importable: the decoder's block, the intervals and the way in which graphs are
written are the same for both models. Where a module here has the name of one there, that one is `prosqa.train.NAME`."""

import sys
from pathlib import Path

MODELS = Path(__file__).resolve().parents[2]
sys.path += [str(MODELS), str(MODELS / "prosqa" / "train")]
