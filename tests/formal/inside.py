"""What a harness sees of the inside of a module: an induction needs invariants of registers that are no ports.

A harness that uses this hangs on the names of registers in the hardware; one that is renamed is reported by name.
"""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value
from amaranth.lib.memory import Memory


def named(module: Module, name: str) -> Signal:
    """The signal of that name that an elaborated module drives itself.

    Raises
    ------
    ValueError
        If there is not exactly one.
    """
    return _only(f"named {name!r}", [signal for signal in module._driving if signal.name == name])


def register(module: Module, width: int) -> Signal:
    """The register of that width that an elaborated module has: for those that share one assignment have no name.

    Raises
    ------
    ValueError
        If there is not exactly one.
    """
    clocked = [signal for signal, domains in module._driving.items() if "sync" in domains and len(signal) == width]
    return _only(f"of {width} bits in a register", clocked)


def nameless(module: Module, count: int) -> list[Signal]:
    """The one-bit registers of an elaborated module that have no name, in the order of their first assignments.

    Raises
    ------
    ValueError
        If there are not ``count``.
    """
    found = [
        signal
        for signal, domains in module._driving.items()
        if "sync" in domains and len(signal) == 1 and signal.name == "$signal"
    ]
    if len(found) != count:
        raise ValueError(f"the module must have {count} registers of one bit without a name, not {len(found)}")
    return found


def _only(which: str, found: list[Signal]) -> Signal:
    if len(found) != 1:
        raise ValueError(f"the module must drive one signal {which}, not {len(found)}")
    return found[0]


def word(module: Module, name: str, address: Value) -> Value:
    """What a memory among a module's submodules holds at an address. Before the memory is elaborated."""
    memory = module._named_submodules[name][0]
    if not isinstance(memory, Memory):
        raise ValueError(f"{name} must be a Memory, not {memory!r}")
    port = memory.read_port(domain="comb")
    module.d.comb += port.addr.eq(address)
    return port.data
