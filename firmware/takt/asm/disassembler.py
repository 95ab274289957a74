"""A program as canonical assembler text: assembling it gives the same program, word for word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from takt_hw import isa
from takt_hw.isa import Instruction

from ..program import Entry, Memory, Program
from ..program.timing import occupied


def disassemble(program: Program) -> str:
    """The text. A NOP right before another instruction becomes that instruction's time; other NOPs stay words."""
    blocks = [[f".chip {program.config.name}"]]
    blocks.append([str(tensor) for tensor in program.tensors])
    blocks.append(list(_memory(".data", program.data)))
    for entry in program.entries:
        blocks.append(list(_entry(program, entry)))
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _entry(program: Program, entry: Entry) -> Iterator[str]:
    cycles = program.cycles[entry.name]
    yield f".entry {entry.name}  ; {'never ends' if cycles is None else f'{cycles} cycles'}"
    yield from _memory(".expect", entry.expected)
    known = isa.queue_by_name(program.config)
    for name, words in entry.text.items():
        yield ""
        yield f".queue {name}"
        yield from _queue([known[name].unit.decode(word) for word in words])


def _queue(instructions: Sequence[Instruction]) -> Iterator[str]:
    """One line per instruction: its cycle, or after a SYNC the cycles since the queue was last busy."""
    cycle: int | None = 0
    gap = 0
    for index, instruction in enumerate(instructions):
        op = instruction.op
        if op is isa.NOP and index + 1 < len(instructions) and instructions[index + 1].op is not isa.NOP:
            gap = instruction["count"]
            continue
        shown = gap if op in (isa.NOP, isa.REPEAT) else True
        time = f"+{gap + 1}" if cycle is None else f"@{cycle + gap}"
        yield f"    {time if shown else '':<8} {instruction}"
        cycle = None if cycle is None or op is isa.SYNC else cycle + gap + occupied(instruction)
        gap = 0


def _memory(directive: str, memory: Memory) -> Iterator[str]:
    for name, words in memory.items():
        for address, word in words.items():
            values = ", ".join(str(byte - 256 if byte > 127 else byte) for byte in word)
            yield f"{directive} {name}, {address:#x}: {values}"
