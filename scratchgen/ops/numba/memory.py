"""Memory by address: the few instructions that Numba cannot express.

The matrix product passes addresses and byte strides instead of arrays, so that one compiled function serves arrays of every layout.
"""

import platform

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from scratchgen.ops.numba.target import TARGET

I64, I32, BYTE = ir.IntType(64), ir.IntType(32), ir.IntType(8)
SCALARS = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}
VECTOR_BYTES = TARGET.vector_bytes
LINE = 64  # bytes of a cache line


def empty(shape, dtype):
    """np.empty, but beginning at a cache line: NumPy's begin 16 bytes into one, and then every vector of a matrix may lie across two."""
    n_bytes = np.prod(shape, dtype=int) * np.dtype(dtype).itemsize
    room = np.empty(n_bytes + LINE, np.uint8)
    start = -room.ctypes.data % LINE
    return room[start : start + n_bytes].view(dtype).reshape(shape)


def zero_words(n):
    """n int64, all 0, that begin at a cache line."""
    words = empty((n,), np.int64)
    words[:] = 0
    return words


@intrinsic
def numbers_at(typingctx, address, zero):
    """The numbers at an address, as a pointer that can be indexed: numbers_at(address, zero)[i], of zero's type."""

    def codegen(context, builder, signature, args):
        return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

    return types.CPointer(zero)(types.int64, zero), codegen


def prefetch(builder, address, write=False):
    """Prefetch the cache line at an address: into the second-level cache, or into the first if it is to be written. Any address is allowed."""
    kind = ir.FunctionType(ir.VoidType(), [BYTE.as_pointer(), I32, I32, I32])
    function = builder.module.globals.get("llvm.prefetch.p0") or ir.Function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(function, [address, *(ir.Constant(I32, number) for number in ((1, 3, 1) if write else (0, 2, 1)))])


@intrinsic
def copy_vector(typingctx, source, target):
    """Copy one vector from address to address."""

    def codegen(context, builder, signature, args):
        vector = ir.VectorType(BYTE, TARGET.vector_bytes).as_pointer()
        source, target = (builder.inttoptr(address, vector) for address in args)
        builder.store(builder.load(source, align=1), target, align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@intrinsic
def copy_lanes(typingctx, zero, source, target, lanes):
    """Copy the first `lanes` numbers of a vector from address to address; the rest of the target becomes 0, the rest of the source is not read."""

    def codegen(context, builder, signature, args):
        _, source, target, lanes = args
        n = TARGET.vector_bytes // (zero.bitwidth // 8)
        vector, mask, numbers = (ir.VectorType(kind, n) for kind in (SCALARS[zero], ir.IntType(1), I64))
        limit = builder.shuffle_vector(
            builder.insert_element(ir.Constant(numbers, ir.Undefined), lanes, ir.Constant(I32, 0)),
            ir.Constant(numbers, ir.Undefined),
            ir.Constant(ir.VectorType(I32, n), [0] * n),
        )
        there = builder.icmp_signed("<", ir.Constant(numbers, list(range(n))), limit)
        name = f"llvm.masked.load.v{n}f{zero.bitwidth}.p0"
        kind = ir.FunctionType(vector, [vector.as_pointer(), I32, mask, vector])
        load = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
        source, target = (builder.inttoptr(address, vector.as_pointer()) for address in (source, target))
        loaded = builder.call(load, [source, ir.Constant(I32, zero.bitwidth // 8), there, ir.Constant(vector, [0.0] * n)])
        builder.store(loaded, target, align=zero.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(zero, types.int64, types.int64, types.int64), codegen


@intrinsic
def transpose_square(typingctx, zero, source, source_row, rows, target, target_row):
    """target = sourceᵀ for lanes × lanes numbers, the rows of both contiguous, in log₂(lanes) steps within registers.

    Only the first `rows` rows of the source exist; the others count as zeros.

    Transposing swaps the bits of the row number with the bits of the column number, and one step swaps one bit: where bit s of the row is 0 and
    bit s of the column is 1, the number changes places with the one where it is the other way round.
    """

    def codegen(context, builder, signature, args):
        _, source, source_row, rows_there, target, target_row = args
        n = TARGET.vector_bytes // (zero.bitwidth // 8)
        vector = ir.VectorType(SCALARS[zero], n)

        def row_at(address, stride, i):
            return builder.inttoptr(builder.add(address, builder.mul(stride, i)), vector.as_pointer())

        numbers = [ir.Constant(I64, i) for i in range(n)]
        last = builder.sub(rows_there, ir.Constant(I64, 1))
        there = [builder.select(builder.icmp_signed("<", i, last), i, last) for i in numbers]
        rows = [builder.load(row_at(source, source_row, i), align=zero.bitwidth // 8) for i in there]  # for rows beyond the end, the last one
        none = ir.Constant(vector, [0.0] * n)
        rows = [builder.select(builder.icmp_signed("<", i, rows_there), row, none) for i, row in zip(numbers, rows, strict=True)]
        step = n // 2
        while step:
            for i in range(n):
                if not i & step:
                    x, y = rows[i], rows[i + step]
                    upper = [j if not j & step else n + j - step for j in range(n)]
                    lower = [j + step if not j & step else n + j for j in range(n)]
                    rows[i], rows[i + step] = (builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(I32, n), m)) for m in (upper, lower))
            step //= 2
        for i in range(n):
            builder.store(rows[i], row_at(target, target_row, numbers[i]), align=zero.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(zero, *[types.int64] * 5), codegen


@intrinsic
def size_of(typingctx, zero):
    """Bytes of a number of zero's type, a constant."""
    return types.int64(zero), lambda context, builder, signature, args: ir.Constant(I64, signature.args[0].bitwidth // 8)


@intrinsic
def call_kernel(typingctx, code, item, r0, r1, c0, c1, args):
    """Call the kernel at an address: (item, r0, r1, c0, c1, args), all int64."""

    def codegen(context, builder, signature, operands):
        kind = ir.FunctionType(ir.VoidType(), [I64] * 6)
        builder.call(builder.inttoptr(operands[0], kind.as_pointer()), operands[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 7), codegen


@intrinsic
def call_c(typingctx, code, a, b):
    """Call a function of the C library at an address with two int64 (or pointers), and forget what it returns."""

    def codegen(context, builder, signature, operands):
        kind = ir.FunctionType(I32, [I64, I64])
        builder.call(builder.inttoptr(operands[0], kind.as_pointer()), operands[1:])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


@intrinsic(prefer_literal=True)
def scratch(typingctx, zero, n):
    """Memory for n numbers of zero's type on the stack, n a constant. The compiler knows that no other pointer refers to it."""
    count = n.literal_value

    def codegen(context, builder, signature, args):
        scalar = context.get_value_type(signature.args[0])
        with builder.goto_entry_block():
            room = builder.alloca(ir.ArrayType(scalar, count))
            room.align = LINE
        return builder.bitcast(room, scalar.as_pointer())

    return types.CPointer(zero)(zero, n), codegen


# Atomic operations, for memory that several threads use at once. All threads see them in one order.


@intrinsic
def load_shared(typingctx, address):
    """The int64 at an address."""

    def codegen(context, builder, signature, args):
        return builder.load_atomic(builder.inttoptr(args[0], I64.as_pointer()), "seq_cst", 8)

    return types.int64(types.int64), codegen


@intrinsic
def store_shared(typingctx, address, value):
    """Set the int64 at an address."""

    def codegen(context, builder, signature, args):
        builder.store_atomic(args[1], builder.inttoptr(args[0], I64.as_pointer()), "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@intrinsic
def add_shared(typingctx, address, value):
    """Add to the int64 at an address; returns what was there."""

    def codegen(context, builder, signature, args):
        return builder.atomic_rmw("add", builder.inttoptr(args[0], I64.as_pointer()), args[1], "seq_cst")

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def swap_shared(typingctx, address, old, new):
    """Set the int64 at an address to `new` if it is `old`; whether it was."""

    def codegen(context, builder, signature, args):
        result = builder.cmpxchg(builder.inttoptr(args[0], I64.as_pointer()), args[1], args[2], "seq_cst", "seq_cst")
        return builder.extract_value(result, 1)

    return types.boolean(types.int64, types.int64, types.int64), codegen


@intrinsic
def pause(typingctx):
    """Give the core's other hardware thread precedence for a moment."""

    def codegen(context, builder, signature, args):
        if platform.machine().lower() in ("x86_64", "amd64"):
            name, operands = "llvm.x86.sse2.pause", []
        elif platform.machine().lower() in ("arm64", "aarch64"):
            name, operands = "llvm.aarch64.hint", [ir.Constant(I32, 1)]
        else:
            return context.get_dummy_value()
        kind = ir.FunctionType(ir.VoidType(), [x.type for x in operands])
        builder.call(builder.module.globals.get(name) or ir.Function(builder.module, kind, name), operands)
        return context.get_dummy_value()

    return types.void(), codegen
