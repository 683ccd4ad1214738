"""Which vector instructions the machine has, and the register tile that fits them.

A core multiplies and adds whole vectors: 16 float32 at once with AVX-512, 8 with AVX2, 4 with NEON. It starts two such instructions in every
cycle, but each result takes four cycles, so at least eight independent sums must be under way; and since a core loads only two vectors per
cycle, every loaded value must serve several sums. A *tile* does both: rows × vectors sums are held in registers, and one step of k loads
`vectors` vectors of b and `rows` numbers of a, and does rows · vectors multiply-adds (tile.py).

    target     registers   rows × vectors   sums + b + a   multiply-adds per load
    avx512        32          14 × 2         28 + 2 + 1           1.75
    neon          32          12 × 2         24 + 2 + …           1.71
    avx2          16           6 × 2         12 + 2 + 1           1.50
    generic       16           4 × 2          8 + 2 + 1           1.33     SSE2 on x86: no fused multiply-add

The host decides; the environment variable SCRATCHGEN_SIMD=avx512|avx2|neon|generic, read once, overrides it (tests run every target so).
Asking for instructions that the machine lacks is an error: the first of them would kill the program.
"""

import os
import platform
from typing import NamedTuple

from numba.core import config
from numba.core.codegen import get_host_cpu_features

from scratchgen.errors import unknown_name


class Target(NamedTuple):
    name: str
    vector_bytes: int
    rows: int  # height of the tile
    vectors: int  # width of the tile, in vectors
    fused: bool  # whether x · y + z is one instruction


TARGETS = {
    "avx512": Target("avx512", 64, 14, 2, True),
    "avx2": Target("avx2", 32, 6, 2, True),
    "neon": Target("neon", 16, 12, 2, True),
    "generic": Target("generic", 16, 4, 2, False),
}


def compiled_features():
    """The instruction sets that Numba compiles for here, as a set of LLVM's names (its own environment settings respected)."""
    if config.CPU_FEATURES is not None:
        text = config.CPU_FEATURES
    elif config.CPU_NAME == "generic":
        text = ""
    else:
        text = get_host_cpu_features()
    return {feature[1:] for feature in text.split(",") if feature.startswith("+")}


def available():
    """Names of the targets that run here, best first."""
    features = compiled_features()
    wanted = {"avx512": {"avx512f"}, "avx2": {"avx2", "fma"}}
    arm = platform.machine().lower() in ("arm64", "aarch64")  # NEON is part of every 64-bit ARM
    return [name for name in TARGETS if (arm if name == "neon" else wanted.get(name, set()) <= features and not (arm and name in wanted))]


def choose():
    """The target in force: SCRATCHGEN_SIMD if set, else the best that runs here.

    Raises ValueError for an unknown name or for one whose instructions this machine lacks.
    """
    runs_here = available()
    name = os.environ.get("SCRATCHGEN_SIMD") or runs_here[0]
    if name not in TARGETS:
        raise unknown_name("SCRATCHGEN_SIMD", name, TARGETS)
    if name not in runs_here:
        raise ValueError(f"SCRATCHGEN_SIMD={name}, but this machine runs only: {', '.join(runs_here)}")
    return TARGETS[name]


TARGET = choose()
