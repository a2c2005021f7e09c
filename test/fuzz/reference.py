"""What Python's safetensors says of files: reads cases of four bytes of length and a file each from standard input, writes a line of JSON each.

A file that it reads is told with its tensors, its metadata, and the rules of ours that the file breaks, found here with Python's own JSON. Use:
python reference.py FOLDER, where FOLDER takes the file that `safe_open` is given.
"""
import json
import os
import struct
import sys

import safetensors
from safetensors import safe_open

MAX_SAFE = 2**53 - 1
MAX_HEADER = 8 * 2**20
MAX_TENSORS = 10_000
MAX_RANK = 8
FIELDS = {"dtype", "shape", "data_offsets"}


class Pairs(list):
    """An object of JSON with every pair that it has, also equal ones."""


def broken_rules(header):
    """Names of our rules that the reference does not have and that this header, which the reference takes, breaks."""
    rules = set()
    if len(header) > MAX_HEADER:
        rules.add("header of 8 MiB at most")
    if not header.startswith(b"{"):
        rules.add("begins with a brace")

    def pairs(items):
        if len({key for key, _ in items}) < len(items):
            rules.add("no key twice")
        return Pairs(items)

    table = json.loads(header, object_pairs_hook=pairs)
    entries = [(name, value) for name, value in table if name != "__metadata__"]
    if len(entries) > MAX_TENSORS:
        rules.add("10 000 tensors at most")
    if any(name == "__metadata__" and value is None for name, value in table):
        rules.add("metadata is an object")
    for _, entry in entries:
        if not isinstance(entry, Pairs):
            rules.add("a tensor is an object")
            continue
        if any(key not in FIELDS for key, _ in entry):
            rules.add("known fields only")
        fields = dict(entry)
        if not isinstance(fields["dtype"], str):
            rules.add("a type is a string")
        elif fields["dtype"] in ("F4", "F6_E2M3", "F6_E3M2"):
            rules.add("values of whole bytes")
        if len(fields["shape"]) > MAX_RANK:
            rules.add("eight axes at most")
        product = 8
        for number in fields["shape"]:
            product *= number
            if max(product, number) > MAX_SAFE:
                rules.add("integers that are exact in JavaScript")
                break
    return sorted(rules)


def verdict(data, path):
    try:
        tensors = safetensors.deserialize(data)
    except safetensors.SafetensorError as error:
        tensors = None
        why = str(error)
    with open(path, "wb") as file:
        file.write(data)
    try:
        with safe_open(path, "np") as opened:
            keys, metadata = set(opened.keys()), opened.metadata()
    except (safetensors.SafetensorError, OSError) as error:
        keys, metadata = None, None
        why = str(error)
    # A new file each time: some file systems wait for the disk where one is written over.
    os.remove(path)
    if (tensors is None) != (keys is None):
        return {"torn": True}
    if tensors is None:
        return {"error": why}
    if keys != {name for name, _ in tensors}:
        return {"torn": True}
    (length,) = struct.unpack("<Q", data[:8])
    return {
        "tensors": {name: [one["dtype"], one["shape"], bytes(one["data"]).hex()] for name, one in tensors},
        "metadata": metadata or {},
        "rules": broken_rules(data[8 : 8 + length]),
    }


def main():
    path = os.path.join(sys.argv[1], "case.safetensors")
    cases = sys.stdin.buffer
    while head := cases.read(4):
        data = cases.read(struct.unpack("<I", head)[0])
        print(json.dumps(verdict(data, path)))


main()
