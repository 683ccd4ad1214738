"""The register tile: the few instructions in which a matrix product spends its time.

A tile is a block of C, `rows` × (vectors · lanes) numbers, held in vector registers while k runs over the shared dimension:

    for k in range(K):
        b_0 … b_(vectors−1) = B[k, j : j + vectors · lanes]        one load per vector
        for i in range(rows):
            a = broadcast(A[i, k])                                  one load
            for v in range(vectors):
                sum[i, v] += a · b_v                                one fused multiply-add

Each number loaded from b serves `rows` multiply-adds and each from a serves `vectors`, so that the loads keep up with the arithmetic, and the
rows · vectors independent sums hide the four cycles that one multiply-add takes. Why not plain loops? LLVM does not find this form by itself:
four rows at a time with fastmath reach 13 GFLOP/s on a core whose peak is 115. Said explicitly, in vectors, it reaches the peak.

A is addressed with two strides, A[i, k] at a + i · a_row + k · a_column: its numbers are loaded one by one anyway, so that a transposed A
costs the same and aᵀ b needs no transposed copy. B and C want unit stride along their columns.

Numba's @intrinsic lets a function emit LLVM's instructions itself. All addresses and strides are in bytes, as NumPy's.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from scratchgen.ops.numba.memory import BYTE, I32, I64, SCALARS
from scratchgen.ops.numba.target import TARGET

ROWS, VECTORS = TARGET.rows, TARGET.vectors
GROUP = 3  # rows of A that share an address register


@intrinsic
def tile(typingctx, zero, rows, vectors, a, a_row, a_column, b, b_row, c, c_row, K, accumulate):
    """C[rows, vectors · lanes] = A[rows, K] B[K, vectors · lanes], or += where accumulate is not 0.

    zero: a number of the matrices' type, for which it stands; 1 ≤ rows ≤ ROWS, 1 ≤ vectors ≤ VECTORS; all addresses and strides in bytes.
    """
    if zero not in SCALARS:
        return None

    def codegen(context, builder, signature, args):
        _, rows, vectors, *operands = args
        done = builder.append_basic_block("tiled")
        switch = builder.switch(builder.add(builder.mul(vectors, ir.Constant(I64, 64)), rows), done)
        for v in range(1, VECTORS + 1):
            for r in range(1, ROWS + 1):
                case = builder.append_basic_block(f"tile_{r}x{v}")
                switch.add_case(ir.Constant(I64, 64 * v + r), case)
                builder.position_at_end(case)
                builder.call(tile_function(builder.module, zero, r, v), operands)
                builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return types.void(zero, *[types.int64] * 11), codegen


def tile_function(module, dtype, rows, vectors):
    """The LLVM function (a, a_row, a_column, b, b_row, c, c_row, K, accumulate) of one shape of tile, written at the first request."""
    name = f"scratchgen_tile_{dtype}_{rows}x{vectors}"
    if name not in module.globals:
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), [I64] * 9), name)
        function.linkage = "internal"
        function.attributes.add("noinline")
        write_tile(function, SCALARS[dtype], dtype.bitwidth // 8, rows, vectors)
    return module.globals[name]


def write_tile(function, scalar, size, rows, vectors):
    """The body of a tile function: the loop over k with all its sums in registers, then C = sums or C += sums. K = 0 gives sums of 0."""
    a, a_row, a_column, b, b_row, c, c_row, K, accumulate = function.args
    lanes = TARGET.vector_bytes // size
    vector = ir.VectorType(scalar, lanes)
    entry, loop, end, add, store = (function.append_basic_block(name) for name in ("entry", "k", "end", "add", "store"))
    builder = ir.IRBuilder(entry)
    tile_elements = [(i, v) for i in range(rows) for v in range(vectors)]

    def pointer(address):
        return builder.inttoptr(address, BYTE.as_pointer())

    def at(base, offset, type_):
        return builder.bitcast(builder.gep(base, [offset]), type_.as_pointer())

    def hidden(value):
        return builder.asm(ir.FunctionType(value.type, [value.type]), "", "=r,0", [value], False)

    b, c = pointer(b), pointer(c)
    groups = range(0, rows, GROUP)
    a_groups = {i: hidden(pointer(builder.add(a, builder.mul(a_row, ir.Constant(I64, i))))) for i in groups}
    none = ir.Constant(vector, [0.0] * lanes)
    builder.cbranch(builder.icmp_signed(">", K, ir.Constant(I64, 0)), loop, end)

    builder.position_at_end(loop)
    k, b_k = builder.phi(I64), builder.phi(b.type)
    a_k = {i: builder.phi(b.type) for i in groups}
    sums = {element: builder.phi(vector) for element in tile_elements}
    b_vectors = [builder.load(at(b_k, ir.Constant(I64, v * lanes * size), vector), align=size) for v in range(vectors)]
    products = {}
    for i in range(rows):
        number = builder.load(at(a_k[i - i % GROUP], builder.mul(a_row, ir.Constant(I64, i % GROUP)), scalar), align=size)
        everywhere = broadcast(builder, number, vector)
        for v in range(vectors):
            products[i, v] = multiply_add(builder, everywhere, b_vectors[v], sums[i, v])
    k_next = builder.add(k, ir.Constant(I64, 1))
    a_next = {i: builder.gep(a_k[i], [a_column]) for i in groups}
    b_next = builder.gep(b_k, [b_row])
    builder.cbranch(builder.icmp_signed("<", k_next, K), loop, end)
    for phi, first, later in [(k, ir.Constant(I64, 0), k_next), (b_k, b, b_next), *((a_k[i], a_groups[i], a_next[i]) for i in groups)]:
        phi.add_incoming(first, entry)
        phi.add_incoming(later, loop)
    for element in tile_elements:
        sums[element].add_incoming(none, entry)
        sums[element].add_incoming(products[element], loop)

    builder.position_at_end(end)
    totals = {element: builder.phi(vector) for element in tile_elements}
    for element in tile_elements:
        totals[element].add_incoming(none, entry)
        totals[element].add_incoming(products[element], loop)
    rows_of_c = [builder.gep(c, [builder.mul(c_row, ir.Constant(I64, i))]) for i in range(rows)]
    places = {(i, v): at(rows_of_c[i], ir.Constant(I64, v * lanes * size), vector) for i, v in tile_elements}
    builder.cbranch(builder.icmp_signed("!=", accumulate, ir.Constant(I64, 0)), add, store)

    builder.position_at_end(add)
    for element in tile_elements:
        before = builder.load(places[element], align=size)
        builder.store(builder.fadd(before, totals[element]), places[element], align=size)
    builder.ret_void()

    builder.position_at_end(store)
    for element in tile_elements:
        builder.store(totals[element], places[element], align=size)
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
