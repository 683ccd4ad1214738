"""Dispatch, the matrix products, and random streams. Layers show mathematics; ops show machinery."""

from scratchgen.ops.arrays import (
    accumulate,
    add,
    add_column_sums,
    add_matmul_tn,
    add_product,
    clip_norm,
    copy_to,
    fill,
    join_columns,
    join_sums,
    matmul,
    matmul_nt,
    matmul_tn,
    multiply,
    stack_rows,
    take_rows,
)
from scratchgen.ops.dispatch import array, definitions, empty, get_backend, has_twin, op, reading_waits, replayed, to_host, use_backend
from scratchgen.ops.random import Stream, as_generator

__all__ = [
    "Stream", "accumulate", "add", "add_column_sums", "add_matmul_tn", "add_product", "array", "as_generator", "clip_norm", "copy_to",
    "definitions", "empty", "fill", "get_backend", "has_twin", "join_columns", "join_sums", "matmul", "matmul_nt", "matmul_tn", "multiply", "op",
    "reading_waits", "replayed", "stack_rows", "take_rows", "to_host", "use_backend",
]  # fmt: skip
