"""The only way to Numba's compiler: lazy, cached, never stale, and working where nothing can be written.

Numba can keep machine code between runs (`cache=True`), with two traps. It notices a change only in the file that holds the function, so
that an edit of a helper in another file silently keeps the old machine code; and where it finds no folder to write to, it raises. Here the
stamp of every cached function is a hash over *all* sources of scratchgen/ops/numba and the versions of Numba and llvmlite, each SIMD target has a
folder of its own, and without a writable folder there is simply no cache.

    @jit                   called by compiled functions only: inlined into them where LLVM likes, cached as part of them
    @jit(cache=True)       an entry point, called from Python: its machine code is kept on disk
    @jit(parallel=True)    `prange` becomes a parallel region

Where: NUMBA_CACHE_DIR if the user set it; else __pycache__ beside the sources if that can be written; else the user's cache folder.
"""

import contextlib
import functools
import hashlib
import itertools
import os
import sys
import tempfile
import types
from pathlib import Path

import llvmlite
import numba
from numba.core import caching, config, sigutils
from numba.core.ccallback import CFunc
from numba.core.codegen import CPUCodeLibrary
from numba.core.compiler import Compiler

from scratchgen.ops.dispatch import compiling
from scratchgen.ops.numba.target import TARGET

OPS = Path(__file__).resolve().parents[1]
SOURCES = (*sorted((OPS / "numba").glob("*.py")), OPS / "random.py")  # generated kernels are known by their own text


def jit(function=None, *, cache=False, parallel=False, inline=False):
    """numba.njit with this package's settings; `cache=True` for functions that Python calls.

    inline: always, where LLVM would leave a call and so not vectorise the loop around it.

    No option of `fastmath`: with `nnan` or `ninf`, NaN and infinity would not propagate. With `contract`, `arcp` or `afn`, vectors and the remainder
    of a loop may get different instructions (softplus did, in 8 % of its elements), and bits would depend on where threads split the work. With
    `reassoc`, LLVM chooses the order of a sum, and a function that is not inlined exists twice, its own copy and its caller's, optimised apart:
    which one ran depended on whether the caller was compiled in this process or loaded from the cache (layer_norm's bits did). So where x·y + z
    in one rounding is wanted, it is written so (elementary.fma), and so is a sum in vectors (sums.total).
    """
    if function is None:
        return functools.partial(jit, cache=cache, parallel=parallel, inline=inline)
    wrappers = {"no_cpython_wrapper": not cache, "no_cfunc_wrapper": True}  # no wrappers that nobody calls: a quarter less to compile
    function = told_apart(function)
    if not cache:
        wrappers["pipeline_class"] = PartOfCallers
    compiled = numba.njit(parallel=parallel, forceinline=inline, error_model="numpy", **wrappers)(function)
    if cache and cache_folder() is not None:
        compiled._cache = PackageCache(function if not parallel else renamed(function, "-parallel"))
    return compiled


class Linked(CPUCodeLibrary):
    """The code of a function that only compiled functions call. It is linked into them, optimised there, and needs no machine code of its own:
    that saves half of the time that a first training step takes to compile."""

    def _optimize_final_module(self):
        pass

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name):
        return 0

    @property
    def codegen(self):
        return WithoutEnvironment(self._codegen)


class WithoutEnvironment:
    """Numba's code generator, without the search in machine code for a function's globals. (Ours never change.)"""

    def __init__(self, codegen):
        self._codegen = codegen

    def __getattr__(self, name):
        return getattr(self._codegen, name)

    def set_env(self, name, environment):
        pass


class PartOfCallers(Compiler):
    """Numba's compiler, making Linked code."""

    numbers = itertools.count()

    def __init__(self, typingctx, targetctx, library, args, return_type, flags, locals):
        library = library or Linked(targetctx.codegen(), f"linked{next(self.numbers)}")
        super().__init__(typingctx, targetctx, library, args, return_type, flags, locals)


def c_function(signature, function, source=None):
    """The function compiled now (or taken from the cache) as a C function: `.address` can be called from anywhere, so that a caller need not
    be compiled together with it.  source: its text, if it was generated; the cache then knows it by that."""
    function = told_apart(function) if source is None else renamed(function, f"-{hashlib.sha256(source.encode()).hexdigest()[:16]}")
    compiled = CFunc(function, sigutils.normalize_signature(signature), locals={}, options={"error_model": "numpy"})
    if cache_folder() is not None:
        compiled._cache = PackageCache(function)
    else:
        compiling()
    compiled.compile()
    return compiled


def told_apart(function):
    """The function under a name that says what it closes over: draw(normal), draw(uniform).

    Machine code is found by name, in the cache and at linking, and functions of one factory can get the same name in different processes. The first
    would then be taken for both (a stream's uniform numbers were once its normal ones).
    """
    held = [cell.cell_contents for cell in function.__closure__ or ()]
    held = [getattr(x, "py_func", x) for x in held]
    return renamed(function, f"({', '.join(getattr(x, '__qualname__', repr(x)) for x in held)})") if held else function


def renamed(function, suffix):
    """The function under a longer name."""
    twin = types.FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__)
    twin.__qualname__, twin.__module__ = function.__qualname__ + suffix, function.__module__
    return twin


@functools.cache
def source_stamp():
    """A hash that changes with any source file of this backend, with Numba and with llvmlite."""
    digest = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__}".encode())
    for path in SOURCES:
        digest.update(str(path.relative_to(OPS)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


@functools.cache
def cache_folder():
    """The first folder that can be written to, or None."""
    user = Path(os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    places = [Path(config.CACHE_DIR)] if config.CACHE_DIR else [Path(__file__).resolve().parent / "__pycache__", user / "scratchgen"]
    for place in places:
        folder = place / f"{TARGET.name}-{sys.implementation.cache_tag}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
            source_stamp()
        except OSError:
            continue
        return folder
    return None


class PackageLocator(caching._CacheLocator):
    """Tells Numba's cache where to keep a function's machine code and what makes it stale."""

    def __init__(self, function, source):
        self._module, self._line, self._py_file = function.__module__, function.__code__.co_firstlineno, source

    def get_cache_path(self):
        return str(cache_folder())

    def get_source_stamp(self):
        return source_stamp()

    def get_disambiguator(self):
        return f"{self._module}-{self._line}"

    @classmethod
    def from_function(cls, function, source):
        return cls(function, source)


class PackageCacheImpl(caching.CompileResultCacheImpl):
    _locator_classes = [PackageLocator]


class PackageCacheFile(caching.IndexDataCacheFile):
    """Files of machine code, named after their signatures. Numba numbers them: two processes that compile at once can give one number to two
    signatures, and float64 products are then computed by float32's code. With names, at worst an entry of the index is lost."""

    def save(self, key, data):
        overloads = self._load_index()
        overloads[key] = self._data_name(int(hashlib.sha256(repr(key).encode()).hexdigest()[:12], 16))
        self._save_index(overloads)
        self._save_data(overloads[key], data)


class PackageCache(caching.FunctionCache):
    _impl_class = PackageCacheImpl

    def __init__(self, function):
        super().__init__(function)
        self._cache_file = PackageCacheFile(self._cache_path, self._impl.filename_base, self._impl.locator.get_source_stamp())

    def _index_key(self, sig, codegen):
        """What tells the entries of one function apart. Numba adds a hash of what closures hold, which for compiled functions differs in every
        process: kernels made by a factory would never be found. The source stamp covers it, and the name says what a function closes over.
        """
        return sig, codegen.magic_tuple()

    def load_overload(self, sig, target_context):
        found = None
        try:
            found = super().load_overload(sig, target_context)
        except Exception:  # unreadable or damaged: begin a new one
            with contextlib.suppress(OSError):
                self.flush()
        if found is None:
            compiling()
        return found

    def save_overload(self, sig, data):
        try:
            super().save_overload(sig, data)
        except OSError:  # disk full, folder gone
            self.disable()
