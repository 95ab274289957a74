"""Tensors as the collectives see them: vectors in memory slices."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..program import Run


@dataclass(frozen=True)
class Vectors:
    """``count`` vectors of elements of as many bytes as there are slices, at the same place on every chip.

    Byte plane p of element vector i is word ``address + i`` of ``slices[p]``: four slices for int32 and fp32, one for
    bytes. A link carries one plane of one vector at a time, a *link vector*.
    """

    slices: tuple[str, ...]
    address: int
    count: int

    @property
    def planes(self) -> int:
        """Bytes of an element."""
        return len(self.slices)

    @property
    def link_vectors(self) -> int:
        """Vectors that a link carries to carry all of it."""
        return self.planes * self.count

    @property
    def runs(self) -> list[Run]:
        """Where each plane lies, as `Builder.input` and `Builder.output` take it."""
        return [Run(name, self.address, self.count) for name in self.slices]

    def part(self, first: int, count: int) -> Vectors:
        """Vectors ``first`` to ``first + count - 1``."""
        return replace(self, address=self.address + first, count=count)

    def chunk(self, number: int, chunks: int) -> Vectors:
        """One of ``chunks`` parts, as equal as can be: the first ones have one vector more."""
        size, more = divmod(self.count, chunks)
        return self.part(number * size + min(number, more), size + (number < more))
