"""The register tile: the few instructions in which a matrix product spends its time.

A tile is a block of C, `rows` × (vectors · lanes) numbers, held in vector registers while k runs over the common dimension:

    for k in range(K):
        b_0 … b_(vectors−1) = B[k, j : j + vectors · lanes]        one load per vector
        for i in range(rows):
            a = broadcast(A[i, k])                                  one load
            for v in range(vectors):
                sum[i, v] += a · b_v                                one fused multiply-add

Each number loaded from b serves `rows` multiply-adds and each from a serves `vectors`, so that the loads keep up with the arithmetic, and the
rows · vectors independent sums hide the four cycles that one multiply-add takes. Why not plain loops? LLVM does not find this form by itself:
four rows at a time with fastmath reach a seventh of a core's peak (256 × 256 × 256, float32: 31 of 217 GFLOP/s).

A wants its columns contiguous, A[i, k] at a + i · size + k · a_column: then one register addresses all its rows. (Where a matrix has contiguous
rows, pack.py transposes what the tile is to read.) B and C want contiguous rows. Two steps of k are written out between two advances of the
pointers, because each instruction saved makes room for a multiply-add (float32, AVX-512, one core: 190 GFLOP/s instead of 183).

What takes long is not the arithmetic but fetching from the outer caches, so a tile prefetches. At its start it asks for its part of C, which it will
write at its end (weight gradients after an Adam step, 784 × 100 × 500: 156 µs instead of 173). The first tile of a panel copies B's rows into a
buffer without gaps. The others ask for lines of the next panel, which the hardware does not prefetch, since each row lies on another page
(100 × 1200 × 1200, float32, one core: 154 GFLOP/s instead of 131).

Numba's @intrinsic lets a function emit LLVM's instructions itself. All addresses and strides are in bytes, as NumPy's.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from scratchgen.ops.numba.compile import c_function
from scratchgen.ops.numba.memory import BYTE, I32, I64, SCALARS, prefetch
from scratchgen.ops.numba.target import TARGET

ROWS, VECTORS = TARGET.rows, TARGET.vectors
UNROLL = 2  # steps of k written out


def tile(dtype, rows, vectors):
    """The compiled tile of that shape as a C function: C[rows, vectors · lanes] = A[rows, K] B[K, vectors · lanes], or += where accumulate is not 0.

    It takes (a, a_column, b, b_row, c, c_row, K, accumulate, copy, ahead, ahead_row): addresses, strides in bytes and numbers, all int64.
    copy: where to write B's rows, one after the other, for the next tiles; 0 for nowhere.
    ahead, ahead_row: K / 2 rows of the next panel of B, which are prefetched unless this tile copies.
    """

    @intrinsic
    def emit(typingctx, a, a_column, b, b_row, c, c_row, K, accumulate, copy, ahead, ahead_row):
        def codegen(context, builder, signature, args):
            builder.call(tile_function(builder.module, dtype, rows, vectors), args)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 11), codegen

    def kernel(a, a_column, b, b_row, c, c_row, K, accumulate, copy, ahead, ahead_row):
        emit(a, a_column, b, b_row, c, c_row, K, accumulate, copy, ahead, ahead_row)

    return c_function(types.void(*[types.int64] * 11), kernel, source=f"tile {dtype} {rows}x{vectors}")


@intrinsic
def call_tile(typingctx, code, a, a_column, b, b_row, c, c_row, K, accumulate, copy, ahead, ahead_row):
    """Call the tile at an address."""

    def codegen(context, builder, signature, args):
        kind = ir.FunctionType(ir.VoidType(), [I64] * 11)
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 12), codegen


def tile_function(module, dtype, rows, vectors):
    """The LLVM function (a, a_column, b, b_row, c, c_row, K, accumulate, copy, ahead, ahead_row) of one shape, made at the first request."""
    name = f"scratchgen_tile_{dtype}_{rows}x{vectors}"
    if name not in module.globals:
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), [I64] * 11), name)
        function.linkage = "internal"
        function.attributes.add("noinline")
        write_tile(function, SCALARS[dtype], dtype.bitwidth // 8, rows, vectors)
    return module.globals[name]


def write_tile(function, scalar, size, rows, vectors):
    """The body of a tile function: the loop over k with all its sums in registers, then C = sums or C += sums. K = 0 gives sums of 0."""
    a, a_column, b, b_row, c, c_row, K, accumulate, copy, ahead, ahead_row = function.args
    lanes = TARGET.vector_bytes // size
    vector = ir.VectorType(scalar, lanes)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    elements = [(i, v) for i in range(rows) for v in range(vectors)]

    def constant(number):
        return ir.Constant(I64, number)

    def at(base, offset, type_):
        return builder.bitcast(builder.gep(base, [constant(offset)]), type_.as_pointer())

    def step(a_k, b_k, copy_k, sums):
        b_vectors = [builder.load(at(b_k, v * TARGET.vector_bytes, vector), align=size) for v in range(vectors)]
        sums = dict(sums)
        for v in range(vectors if copy_k else 0):
            builder.store(b_vectors[v], at(copy_k, v * TARGET.vector_bytes, vector), align=size)
        for i in range(rows):
            everywhere = broadcast(builder, builder.load(at(a_k, i * size, scalar), align=size), vector)
            for v in range(vectors):
                sums[i, v] = multiply_add(builder, everywhere, b_vectors[v], sums[i, v])
        return sums

    def loop(state, steps, stop, copies=False):
        """Append a loop that does `steps` steps of k at a time while k < stop; state: k, pointers and sums before it -> after it."""
        before, body, after = builder.block, builder.append_basic_block("k"), builder.append_basic_block("end")
        builder.cbranch(builder.icmp_signed("<", state["k"], stop), body, after)
        builder.position_at_end(body)
        now = {name: builder.phi(value.type) for name, value in state.items()}
        later = dict(now)
        for v in range(
            vectors if steps == UNROLL else 0
        ):  # the last byte of each vector: where a line crosses panels, its first byte was fetched already
            prefetch(builder, at(now["ahead"], (v + 1) * TARGET.vector_bytes - 1, BYTE))
        for _ in range(steps):
            later.update(step(later["a"], later["b"], later["copy"] if copies else None, {element: later[element] for element in elements}))
            later["a"], later["b"] = builder.gep(later["a"], [a_column]), builder.gep(later["b"], [b_row])
        later["k"] = builder.add(now["k"], constant(steps))
        if copies:
            later["copy"] = at(now["copy"], vectors * TARGET.vector_bytes, BYTE)
        if steps == UNROLL:
            later["ahead"] = builder.gep(now["ahead"], [ahead_row])
        builder.cbranch(builder.icmp_signed("<", later["k"], stop), body, after)
        end = builder.block
        builder.position_at_end(after)
        result = {name: builder.phi(value.type) for name, value in state.items()}
        for name, value in state.items():
            now[name].add_incoming(value, before)
            now[name].add_incoming(later[name], end)
            result[name].add_incoming(value, before)
            result[name].add_incoming(later[name], end)
        return result

    a, b, c, copy, ahead = (builder.inttoptr(address, BYTE.as_pointer()) for address in (a, b, c, copy, ahead))
    rows_of_c = [builder.gep(c, [builder.mul(c_row, constant(i))]) for i in range(rows)]
    for i, v in elements:
        prefetch(builder, at(rows_of_c[i], (v + 1) * TARGET.vector_bytes - 1, BYTE), write=True)
    none = ir.Constant(vector, [0.0] * lanes)
    state = {"k": constant(0), "a": a, "b": b, "copy": copy, "ahead": ahead, **dict.fromkeys(elements, none)}
    nowhere = builder.icmp_unsigned("==", copy, ir.Constant(copy.type, None))
    state = loop(state, 1, builder.select(nowhere, constant(0), K), copies=True)
    state = loop(state, UNROLL, builder.sub(K, constant(UNROLL - 1)))
    state = loop(state, 1, K)

    places = {(i, v): at(rows_of_c[i], v * lanes * size, vector) for i, v in elements}
    add, store = builder.append_basic_block("add"), builder.append_basic_block("store")
    builder.cbranch(builder.icmp_signed("!=", accumulate, constant(0)), add, store)

    builder.position_at_end(add)
    for element in elements:
        before = builder.load(places[element], align=size)
        builder.store(builder.fadd(before, state[element]), places[element], align=size)
    builder.ret_void()

    builder.position_at_end(store)
    for element in elements:
        builder.store(state[element], places[element], align=size)
    builder.ret_void()


def broadcast(builder, number, vector):
    """The vector with `number` in every lane."""
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, number, ir.Constant(I32, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(I32, vector.count), [0] * vector.count))


def multiply_add(builder, x, y, z):
    """x · y + z on vectors: one instruction with one rounding where the target has it, otherwise two."""
    if not TARGET.fused:
        return builder.fadd(builder.fmul(x, y), z)
    name = f"llvm.fma.v{x.type.count}{'f32' if x.type.element == ir.FloatType() else 'f64'}"
    fma = builder.module.globals.get(name) or ir.Function(builder.module, ir.FunctionType(x.type, [x.type] * 3), name)
    return builder.call(fma, [x, y, z])
