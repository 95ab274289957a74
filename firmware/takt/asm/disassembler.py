"""A program as canonical assembler text: assembling it gives the same program, word for word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Instruction

from ..program import Entry, Memory, Program, Step, schedule


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
        yield from _queue(program.config, name, [known[name].unit.decode(word) for word in words])


def _queue(config: ChipConfig, name: str, instructions: Sequence[Instruction]) -> Iterator[str]:
    """One line per instruction: its cycle, or after a SYNC the cycles since the queue was last busy."""
    closes = _ends(instructions)
    if closes is None:  # a body that goes on into fetched text, for one: no END can say where it ends
        for instruction in instructions:
            yield f"    {'':<8} {instruction}"
        return
    starts = schedule(config, {name: [Step(instruction) for instruction in instructions]}).starts[name]
    synced = False
    gap = 0
    indent = 0
    for index, instruction in enumerate(instructions):
        op = instruction.op
        last = index + 1 == len(instructions)
        before_other = closes[index] or not (last or instructions[index + 1].op is isa.NOP)
        if op is isa.NOP and before_other:
            gap = instruction["count"]
        else:
            bare = op in (isa.NOP, isa.REPEAT) and not gap
            yield _line(
                instruction, None if bare else starts[index], gap, synced or starts[index] is None, indent, bare
            )
            gap = 0
        synced |= op is isa.SYNC
        if op is isa.LOOP:
            indent += 1
        for _ in range(closes[index]):
            indent -= 1
            yield f"    {f'+{gap + 1}' if gap else '':<8} {'  ' * indent}END"
            gap = 0


def _line(instruction: Instruction, cycle: int | None, gap: int, relative: bool, indent: int, bare: bool) -> str:
    """A line with its time; ``gap``: idle cycles before it."""
    shown = "" if bare else f"+{gap + 1}" if relative else f"@{cycle}"
    op = instruction.op
    text = f"LOOP {instruction['count']}, {instruction['stride']}" if op is isa.LOOP else str(instruction)
    return f"    {shown:<8} {'  ' * indent}{text}"


def _ends(instructions: Sequence[Instruction]) -> list[int] | None:
    """How many loops end with each word; None if some do not end within one another."""
    closes = [0] * len(instructions)
    open_until = [len(instructions)]
    for index, instruction in enumerate(instructions):
        if instruction.op is isa.LOOP:
            open_until.append(index + 1 + instruction["body"])
            if open_until[-1] > open_until[-2]:
                return None
        while len(open_until) > 1 and open_until[-1] == index + 1:
            open_until.pop()
            closes[index] += 1
    return closes


def _memory(directive: str, memory: Memory) -> Iterator[str]:
    for name, words in memory.items():
        for address, word in words.items():
            values = ", ".join(str(byte - 256 if byte > 127 else byte) for byte in word)
            yield f"{directive} {name}, {address:#x}: {values}"
