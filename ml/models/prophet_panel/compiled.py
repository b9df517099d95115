"""Compiled loops: numba turns them into machine code when they are first called, and keeps it on disk.

They hold no lock of the interpreter, so that threads run them side by side; numba's own threads are not used (they
do not survive a fork). Each series is worked on by one loop from its first number to its last, which is why neither
chunks, nor threads, nor the order of the series change a bit of what comes out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit  # type: ignore[import-untyped, unused-ignore]

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """The same function as machine code; multiplications and additions may be fused.

    Where no folder can be written to (see NUMBA_CACHE_DIR) the code is not kept: each process compiles it anew.
    """
    kinds: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
    try:
        return cast(Function, njit(cache=True, **kinds)(function))
    except RuntimeError:  # numba found no such folder
        return cast(Function, njit(**kinds)(function))
