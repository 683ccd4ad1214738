"""eˣ, log, tanh and their kin in plain arithmetic, so that the compiler computes 8 or 16 of them at once.

In a loop, math.exp calls the C library once per element. A Taylor polynomial has no call and no branch, and vectorises (measured on 100,000
float32 on one core: exp 49 µs against 237 with math.exp, tanh 70 µs against 1430). Each function first reduces its argument to where few terms
suffice:

    eˣ        x = n ln 2 + r,  |r| ≤ ½ ln 2            eˣ = 2ⁿ eʳ              eʳ − 1 = r + r²/2! + r³/3! + …
    log x     x = 2ᵏ m,  √½ ≤ m < √2                    log x = k ln 2 + log m    log m = 2 artanh s,  s = (m − 1)/(m + 1)
    log(1+e)  0 ≤ e ≤ 1                                 2 artanh s,  s = e/(2 + e)          artanh s = s + s³/3 + s⁵/5 + …
    sin, cos  of 2πu: u = n/4 + r/2π,  |r| ≤ π/4        a quarter turn swaps the two: sin r = r − r³/3! + …,  cos r = 1 − r²/2! + …

2ⁿ is written, and 2ᵏ read, as the exponent bits of the number. n ln 2 is subtracted in two pieces, of which the first has so few bits that the
product is exact. The other functions follow:

    expm1(x) = eˣ − 1 = 2ⁿ (eʳ − 1) + (2ⁿ − 1)          tanh x = e/(e + 2),  e = expm1(2x)
    log(1 + e), 0 ≤ e ≤ 1, is what softplus needs: max(x, 0) + log(1 + e^−|x|)

All take float32 or float64; NaN stays NaN. Largest error, in units in the last place (checked by tests/ops/test_elementary.py):

    exp 1.1    expm1 1.9    tanh 2.5    sigmoid 2.3    softplus 3.3    log 2.9    sin and cos of 2πu: 0.8 of those of 1
"""

import math
from typing import NamedTuple

import numpy as np
from numba import typeof, types
from numba.extending import intrinsic

from scratchgen.ops.numba.compile import jit
from scratchgen.ops.numba.target import TARGET

# Exact in float32: combined with a float64 they become float64, with a float32 the result stays float32 (with an int or Python float it would not).
ZERO, ONE, TWO, FOUR = np.float32(0), np.float32(1), np.float32(2), np.float32(4)
NEGLIGIBLE = np.float32(2**-30)  # its square, compared with 1
TANH_IS_ONE = np.float32(20)  # tanh 20 rounds to 1 in both types


class Constants(NamedTuple):
    """What the functions need to know about a floating-point type."""

    fraction_bits: int
    bias: int  # a number's exponent bits hold its exponent plus this
    round: float  # 1.5 · 2^fraction_bits: adding it pushes the fraction out, and n stands in the lowest bits
    log2_e: float
    ln2_high: float
    ln2_low: float
    sqrt_half: float
    lowest: float  # below, eˣ rounds to 0
    highest: float  # above, eˣ is infinite
    least: float  # the smallest normal number
    scale: float  # brings the numbers below it among the normal ones
    log_scale: float
    two_pi: float
    exp: tuple  # 1/2!, 1/3!, …
    artanh: tuple  # 2, 2/3, 2/5, …
    sin: tuple  # −1/3!, 1/5!, …
    cos: tuple  # −1/2!, 1/4!, …


def constants_of(real, fraction_bits, bias, ln2_high, lowest, highest, exp_terms, artanh_terms, sin_terms):
    def series(terms):
        return tuple(real(term) for term in terms)

    return Constants(
        fraction_bits, bias, real(1.5 * 2**fraction_bits), real(1 / math.log(2)), real(ln2_high), real(LN2 - ln2_high), real(math.sqrt(0.5)),
        real(lowest), real(highest), real(2.0 ** (1 - bias)), real(2.0 ** (fraction_bits + 2)), real((fraction_bits + 2) * math.log(2)), real(2 *
        math.pi), series(1 / math.factorial(k + 2) for k in range(exp_terms)), series(2 / (2 * k + 1) for k in range(artanh_terms)), series((-1) **
        (k + 1) / math.factorial(2 * k + 3) for k in range(sin_terms)), series((-1) ** (k + 1) / math.factorial(2 * k + 2) for k in range(sin_terms
        + 1)),
    )  # fmt: skip


LN2 = np.longdouble("0.693147180559945309417232121458")
LN2_HIGH = {bits: float(np.floor(LN2 * 2**bits) / 2**bits) for bits in (12, 32)}
FLOAT32 = constants_of(np.float32, 23, 127, LN2_HIGH[12], -104, 89, 6, 7, 4)
FLOAT64 = constants_of(np.float64, 52, 1023, LN2_HIGH[32], -746, 710, 12, 16, 8)


INTEGER = {types.float32: types.int32, types.float64: types.int64}  # of the same width


@intrinsic
def constants(typingctx, x):
    """The constants of x's type."""
    chosen = FLOAT32 if x == types.float32 else FLOAT64
    kind = typeof(chosen)
    return kind(x), lambda context, builder, signature, args: context.get_constant_generic(builder, kind, chosen)


@intrinsic
def bits(typingctx, x):
    """The bits of x as an integer."""
    return INTEGER[x](x), lambda context, builder, signature, args: builder.bitcast(args[0], context.get_value_type(signature.return_type))


@intrinsic
def from_bits(typingctx, i, x):
    """The number of x's type whose bits are the integer i."""
    return x(INTEGER[x], x), lambda context, builder, signature, args: builder.bitcast(args[0], args[1].type)


@intrinsic
def number_like(typingctx, i, x):
    """The integer i as a number of x's type."""
    return x(INTEGER[x], x), lambda context, builder, signature, args: builder.sitofp(args[0], args[1].type)


@intrinsic
def fma(typingctx, x, y, z):
    """x · y + z, all of one type: one instruction with one rounding where the target has it, otherwise two."""

    def codegen(context, builder, signature, args):
        return builder.fma(*args) if TARGET.fused else builder.fadd(builder.fmul(*args[:2]), args[2])

    return x(x, x, x), codegen


@jit(inline=True)
def polynomial(x, c):
    """c₀ + c₁ x + c₂ x² + … by Horner's rule."""
    y = c[-1]
    for k in range(len(c) - 2, -1, -1):
        y = fma(y, x, c[k])
    return y


@intrinsic
def power_of_two(typingctx, n, x):
    """2ⁿ in x's type, n an integer of its width, in the range of its exponents."""
    c = FLOAT32 if x == types.float32 else FLOAT64

    def codegen(context, builder, signature, args):
        n = builder.shl(builder.add(args[0], args[0].type(c.bias)), args[0].type(c.fraction_bits))
        return builder.bitcast(n, context.get_value_type(signature.return_type))

    return x(INTEGER[x], x), codegen


@intrinsic
def difference(typingctx, m, n):
    """m − n in their own width. (Numba makes every int64, and the compiler then needs two vectors for one.)"""
    return m(m, n), lambda context, builder, signature, args: builder.sub(*args)


@intrinsic
def half_of(typingctx, n):
    """⌊n / 2⌋ in its own width."""
    return n(n), lambda context, builder, signature, args: builder.ashr(args[0], args[0].type(1))


@jit(inline=True)
def reduced(x):
    """n and q with eˣ = 2ⁿ (1 + q), |q| ≤ √2 − 1; |x| at most a few thousand."""
    c = constants(x)
    shifted = fma(x, c.log2_e, c.round)
    n = shifted - c.round
    r = fma(-n, c.ln2_low, fma(-n, c.ln2_high, x))
    return difference(bits(shifted), bits(c.round)), fma(r * r, polynomial(r, c.exp), r)


@jit(inline=True)
def reduced_in_two(x):
    """a, b and q with eˣ = a b (1 + q): a and b are powers of two in the range of exponents even where their product is not. NaN stays."""
    c = constants(x)
    x = c.lowest if x < c.lowest else x
    x = c.highest if x > c.highest else x
    n, q = reduced(x)
    half = half_of(n)
    return power_of_two(half, x), power_of_two(difference(n, half), x), q


@jit(inline=True)
def exp(x):
    """eˣ."""
    a, b, q = reduced_in_two(x)
    return (q + ONE) * a * b


sqrt = math.sqrt  # one instruction


@jit(inline=True)
def expm1(x):
    """eˣ − 1, accurate near 0 too."""
    a, b, q = reduced_in_two(x)
    return fma(q, a, a - ONE / b) * b


@jit(inline=True)
def tanh(x):
    """tanh x."""
    size = TANH_IS_ONE if abs(x) > TANH_IS_ONE else abs(x)
    n, q = reduced(TWO * size)
    a = power_of_two(n, x)
    e = fma(q, a, a - ONE)  # expm1(2 |x|)
    y = e / (e + TWO)
    return -y if x < ZERO else y


@jit(inline=True)
def two_artanh(s):
    """2 artanh s for |s| ≤ ⅓."""
    root = s if abs(s) > NEGLIGIBLE else ZERO  # a square below the normal numbers would cost a hundred cycles
    return s * polynomial(root * root, constants(s).artanh)


@jit(inline=True)
def log_one_plus(e):
    """log(1 + e) for 0 ≤ e ≤ 1."""
    return two_artanh(e / (TWO + e))


@jit(inline=True)
def maximum(a, b):
    """The larger; NaN if one of them is."""
    return a if a > b or a != a else b


@jit(inline=True)
def minimum(a, b):
    """The smaller; NaN if one of them is."""
    return a if a < b or a != a else b


@jit(inline=True)
def log(x):
    """log x for x ≥ the smallest normal number (not checked); infinity and NaN stay."""
    c = constants(x)
    k = (bits(x) - bits(c.sqrt_half)) >> c.fraction_bits
    m = from_bits(bits(x) - (k << c.fraction_bits), x)
    k = number_like(k, x)
    y = fma(k, c.ln2_high, fma(k, c.ln2_low, two_artanh((m - ONE) / (m + ONE))))
    return y if x < np.inf else x


@jit(inline=True)
def cos_sin_turns(u):
    """cos 2πu, sin 2πu for |u| ≤ 2^20 turns."""
    c = constants(u)
    shifted = u * FOUR + c.round
    r = (u - (shifted - c.round) / FOUR) * c.two_pi
    square = r * r
    sine, cosine = fma(r * square, polynomial(square, c.sin), r), ONE + square * polynomial(square, c.cos)
    quarter = bits(shifted) & 3
    if quarter & 1:
        cosine, sine = -sine, cosine
    return (-cosine, -sine) if quarter & 2 else (cosine, sine)


@jit(inline=True)
def log_or_nan(x):
    """log x for all x: −∞ at 0, NaN below."""
    small = x < constants(x).least
    y = log(x * constants(x).scale if small else x)
    y = y - constants(x).log_scale if small else y
    y = -np.inf * ONE if x == ZERO else y
    return np.nan * ONE if x < ZERO else y
