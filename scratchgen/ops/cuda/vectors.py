"""Sixteen bytes at once: what a thread can move with one instruction, four float32 or two float64.

    load_vector(held, i, memory, j)      held[i : i + V] = memory[j : j + V]
    store_vector(memory, i, held, j)     memory[i : i + V] = held[j : j + V]
    move(to, i, source, j)               to[i] = source[j]

`held` is an array in registers; `memory` is the device's or shared, and the address must be a multiple of 16 bytes. Numba has no such loads and
stores, so each is written in LLVM, as one load and one store. Indices count from the array's first number and may not be negative: array[i] would
check that each time.
"""

from scratchgen.ops.cuda import driver

BYTES = 16


def simulated(to, i, source, j):
    n = BYTES // source.dtype.itemsize
    to[i : i + n] = source[j : j + n]


def simulated_move(to, i, source, j):
    to[i] = source[j]


def compiled(bytes_read, bytes_written):
    """The copy as Numba compiles it: a load and a store of so many bytes, or of one number where this is None, and aligned to as many.

    The longer of the two moves; the array in registers is aligned to its numbers only.
    """
    from llvmlite import ir
    from numba.cuda import types
    from numba.cuda.extending import intrinsic

    @intrinsic
    def copy(typingctx, to, i, source, j):
        def generate(context, builder, signature, arguments):
            number, one = context.get_value_type(source.dtype), source.dtype.bitwidth // 8
            count = max(bytes_read or one, bytes_written or one) // one
            moved = ir.VectorType(number, count) if count > 1 else number
            places = []
            for array, given, index in ((to, *arguments[:2]), (source, *arguments[2:])):
                address = builder.gep(context.make_array(array)(context, builder, value=given).data, [index])
                places.append(builder.bitcast(address, moved.as_pointer(address.type.addrspace)))
            builder.store(builder.load(places[1], align=bytes_read or one), places[0], align=bytes_written or one)
            return context.get_dummy_value()

        return types.void(to, types.int64, source, types.int64), generate

    return copy


if driver.SIMULATED:
    load_vector, store_vector, move = simulated, simulated, simulated_move
else:
    load_vector, store_vector, move = compiled(BYTES, None), compiled(None, BYTES), compiled(None, None)
