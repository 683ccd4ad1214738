"""Dispatch, the matrix products, and random streams. Layers show mathematics; ops show machinery."""

from scratchgen.ops.arrays import (
    accumulate,
    add,
    add_column_sums,
    add_matmul_tn,
    add_product,
    clip_norm,
    copy_of,
    copy_to,
    fill,
    join_columns,
    matmul,
    matmul_nt,
    matmul_tn,
    multiply,
    scaled,
    scaled_difference,
    stack_rows,
    take_rows,
)
from scratchgen.ops.dispatch import announcing, array, compiles, definitions, empty, get_backend, is_async, op, to_host, use_backend, why_not_compiled
from scratchgen.ops.random import Stream, as_generator
from scratchgen.ops.recording import recorded

__all__ = [
    "Stream", "accumulate", "add", "add_column_sums", "add_matmul_tn", "add_product", "announcing", "array", "as_generator", "clip_norm", "copy_to",
    "compiles", "copy_of", "definitions", "empty", "fill", "get_backend", "is_async", "join_columns", "matmul", "matmul_nt",
    "matmul_tn", "multiply", "scaled", "scaled_difference", "op", "recorded", "stack_rows", "take_rows", "to_host", "use_backend", "why_not_compiled",
]  # fmt: skip
