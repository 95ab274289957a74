"""Where a tensor's bytes lie in the memory slices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from takt_hw.config import ChipConfig
from takt_hw.isa import DType

ROLES = ("input", "output")
MAX_DIMENSIONS = 8
MAX_RUNS = 1024
"""Runs of one byte plane."""

_NUMPY: dict[DType, np.dtype] = {
    DType.I8: np.dtype("<i1"),
    DType.I32: np.dtype("<i4"),
    DType.U8: np.dtype("<u1"),
    DType.F16: np.dtype("<f2"),
    DType.F32: np.dtype("<f4"),
}


@dataclass(frozen=True)
class Run:
    """``count`` words of one memory slice, ``stride`` addresses apart. Text: ``MEM_W0[0x10 : 4 : 2]``."""

    slice: str
    address: int
    count: int = 1
    stride: int = 1

    def __str__(self) -> str:
        parts = [hex(self.address)]
        if self.count != 1 or self.stride != 1:
            parts.append(str(self.count))
        if self.stride != 1:
            parts.append(str(self.stride))
        return f"{self.slice}[{' : '.join(parts)}]"

    def words(self) -> Iterator[tuple[str, int]]:
        """Slice and address of each word."""
        for index in range(self.count):
            yield self.slice, self.address + index * self.stride


@dataclass(frozen=True, kw_only=True)
class TensorLayout:
    """A named input or output array and the memory words that hold it.

    The last axis is cut into vectors of ``lanes`` elements, the last vector filled up with zeros; the
    vectors of all rows follow one another in C order. Byte plane p holds byte p of every element, low
    byte first: one plane for ``i8``, four for ``i32``. A plane's runs hold its vectors in order.
    """

    name: str
    role: str
    """``input``: written before a run; ``output``: read after it."""

    dtype: DType
    shape: tuple[int, ...]
    planes: tuple[tuple[Run, ...], ...]

    def __str__(self) -> str:
        shape = ", ".join(map(str, self.shape))
        planes = " | ".join(", ".join(map(str, runs)) for runs in self.planes)
        return f".{self.role} {self.name}: {self.dtype.text}[{shape}] = {planes}"

    @property
    def numpy_dtype(self) -> np.dtype:
        """``int8`` or ``int32``, little-endian."""
        return _NUMPY[self.dtype]

    def vectors(self, lanes: int) -> int:
        """Vectors in each byte plane."""
        return prod(self.shape[:-1]) * -(-self.shape[-1] // lanes)

    def words(self) -> Iterator[tuple[str, int]]:
        """Slice and address of every word, plane by plane."""
        for runs in self.planes:
            for run in runs:
                yield from run.words()

    def violations(self, config: ChipConfig) -> Iterator[str]:
        """Rules that the layout breaks on this build, the first that makes the others moot last."""
        if self.role not in ROLES:
            yield f"role must be input or output, not {self.role!r}"
        if not 1 <= len(self.shape) <= MAX_DIMENSIONS or not all(1 <= size < 1 << 32 for size in self.shape):
            yield f"shape must have 1 to {MAX_DIMENSIONS} sizes of at least 1, not {list(self.shape)}"
            return
        if len(self.planes) != self.dtype.streams:
            yield f"{self.dtype.text} must have {self.dtype.streams} byte planes, not {len(self.planes)}"
            return
        memory = {s.name for s in config.mem_slices}
        wanted = self.vectors(config.lanes)
        for number, runs in enumerate(self.planes):
            if not 1 <= len(runs) <= MAX_RUNS:
                yield f"plane {number} must have 1 to {MAX_RUNS} runs, not {len(runs)}"
                return
            for run in runs:
                if run.slice not in memory:
                    yield f"slice must be a memory slice of the build, not {run.slice!r}"
                    return
                if run.count < 1 or run.stride < 1:
                    yield f"count and stride must be at least 1, not {run.count} and {run.stride}"
                    return
                last = run.address + (run.count - 1) * run.stride
                if not 0 <= run.address <= last < config.mem_words:
                    yield f"addresses must be from 0 to {config.mem_words - 1:#x}, not {run.address:#x} to {last:#x}"
                    return
            held = sum(run.count for run in runs)
            if held != wanted:
                yield f"plane {number} must hold the shape's {wanted} vectors, not {held}"
                return
        if wanted * len(self.planes) > len(set(self.words())):
            yield "words must differ, not hold two vectors"

    def pack(self, array: NDArray[np.generic], lanes: int) -> dict[str, dict[int, bytes]]:
        """The words of an array: slice to address to bytes. ValueError if shape or values do not fit."""
        given = np.asarray(array)
        if given.shape != self.shape:
            raise ValueError(f"{self.name} must have shape {list(self.shape)}, not {list(given.shape)}")
        self._require_values(given)
        rows = given.astype(self.numpy_dtype).reshape(-1, self.shape[-1])
        padded = np.zeros((len(rows), -(-self.shape[-1] // lanes) * lanes), self.numpy_dtype)
        padded[:, : self.shape[-1]] = rows
        planes = padded.view(np.uint8).reshape(-1, lanes, len(self.planes)).transpose(2, 0, 1)
        packed: dict[str, dict[int, bytes]] = {}
        for (name, address), vector in zip(self.words(), planes.reshape(-1, lanes), strict=True):
            packed.setdefault(name, {})[address] = vector.tobytes()
        return packed

    def _require_values(self, given: NDArray[np.generic]) -> None:
        if self.numpy_dtype.kind == "f":
            if given.dtype != self.numpy_dtype:
                raise ValueError(f"{self.name} must hold {self.numpy_dtype}, not {given.dtype}")
            return
        limits = np.iinfo(self.numpy_dtype)
        if given.dtype.kind not in "iu" or given.min() < limits.min or given.max() > limits.max:
            rule = f"hold integers from {limits.min} to {limits.max}"
            raise ValueError(f"{self.name} must {rule}, not other {given.dtype}")

    def unpack(self, read: Callable[[str, int], bytes], lanes: int) -> NDArray[np.generic]:
        """The array, from a function that reads the word at a slice's address."""
        words = b"".join(read(name, address) for name, address in self.words())
        planes = np.frombuffer(words, np.uint8).reshape(len(self.planes), -1, lanes)
        padded = np.ascontiguousarray(planes.transpose(1, 2, 0)).view(self.numpy_dtype)
        rows = padded.reshape(prod(self.shape[:-1]), -1)
        return rows[:, : self.shape[-1]].reshape(self.shape)
