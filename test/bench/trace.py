"""The values of positions of a trace by safetensors: a line of JSON for each line `["open" | "read", ARM, PLANES, POSITIONS]` of standard input.

`open` opens the file for every position anew; `read` opens it once. Seconds of this process's computing, and on the clock, for all positions.
"""
import json
import sys
import time

import numpy
from safetensors import safe_open


def values(opened, arm, planes, position):
    return [numpy.array(opened.get_slice(f"{arm}/{plane}")[position : position + 1]) for plane in planes]


for line in sys.stdin:
    how, arm, planes, positions = json.loads(line)
    cpu, wall = time.process_time(), time.perf_counter()
    if how == "open":
        for position in positions:
            with safe_open(sys.argv[1], "np") as file:
                values(file, arm, planes, position)
    else:
        with safe_open(sys.argv[1], "np") as file:
            cpu, wall = time.process_time(), time.perf_counter()
            for position in positions:
                values(file, arm, planes, position)
    print(json.dumps({"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}), flush=True)
