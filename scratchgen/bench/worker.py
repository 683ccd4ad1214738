"""The process in which one side of a comparison runs: `python -m scratchgen.bench.worker`, driven by turns.py.

It reads one JSON line after another from its input and answers each with one line:

    {"call": "module:function", "given": {…}}        {"result": function(**given)}
    {"prepare": "module:function", "given": {…}}     {"result": null}       keeps function(**given), which must be a function without arguments
    {"time": budget}                                 {"result": seconds}    per call of what was prepared
"""

import importlib
import json
import os
import sys

from scratchgen.bench.timing import seconds_per_call


def answer(request, prepared):
    """The result of one request; `prepared` is what an earlier one left."""
    if "time" in request:
        return seconds_per_call(prepared[0], request["time"])
    module, _, name = (request.get("call") or request["prepare"]).partition(":")
    result = getattr(importlib.import_module(module), name)(**request["given"])
    if "call" in request:
        return result
    prepared[:] = [result]
    return None


def main():
    """Answer requests until the input ends."""
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints must not stand between the replies
    prepared = []
    for line in sys.stdin:
        print(json.dumps({"result": answer(json.loads(line), prepared)}), file=replies)


if __name__ == "__main__":
    main()
