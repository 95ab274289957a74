"""A VCD such as Verilator writes of a chip, without a chip."""

from vcd import VCDWriter

from takt_hw import isa
from takt_hw.isa import queues

PERIOD = 10


def write_chip_vcd(path, config, *, dispatches=(), writes=(), streams=(), cycles=20, start=95, leave_out=()):
    """Write the VCD of a run whose cycle 0 begins at time ``start + PERIOD``.

    ``dispatches``: cycle, queue name, word. ``writes``: cycle, MEM slice name, superlane, address, data.
    ``streams``: cycle, position, superlane, stream, value. ``leave_out``: ports that the VCD does not show.
    """
    names = [queue.name for queue in queues(config)]
    states = [{} for _ in range(cycles)]
    for cycle, name, word in dispatches:
        states[cycle]["trace__dispatch"] = states[cycle].get("trace__dispatch", 0) | 1 << names.index(name)
        states[cycle][f"word_{name.replace('.', '_')}"] = word
    for cycle, name, superlane, address, data in writes:
        for part, value in (("", 1), ("address_", address), ("data_", data)):
            states[cycle][f"superlane{superlane}.write_{part}{name}"] = value
    sizes = {"trace__dispatch": len(names)}
    sizes |= {f"word_{queue.name.replace('.', '_')}": isa.WORD_BITS for queue in queues(config)}
    for k in range(config.superlanes):
        for part, bits in (("", 1), ("address_", 16), ("data_", 128)):
            sizes |= {f"superlane{k}.write_{part}{s.name}": bits for s in config.mem_slices}
    with open(path, "w") as file, VCDWriter(file, timescale="1 ns", date="") as writer:
        ports = {
            name: writer.register_var(("takt", *name.split(".")[:-1]), name.split(".")[-1], "wire", size=size, init=0)
            for name, size in sizes.items()
            if name not in leave_out
        }
        number = writer.register_var("takt", "trace__cycle", "wire", size=32, init=0)
        running = writer.register_var("takt", "running", "wire", size=1, init=0)
        writer.register_var("takt.host", "secret", "wire", size=1, init=0)
        writer.register_var("takt", "_0123_", "wire", size=1, init=0)
        registers = {}
        for _, position, superlane, stream, _ in streams:
            place = (f"takt.superlane{superlane}.position{position}", f"o_{stream.direction.name.lower()}")
            if place not in registers:
                registers[place] = writer.register_var(*place, "wire", size=config.streams * 130, init=0)
        writer.change(running, start, 1)
        writer.change(number, start, 0xFFFFFFFF)
        for cycle, state in enumerate(states):
            time = start + PERIOD * (cycle + 1)
            writer.change(number, time, cycle)
            for name, variable in ports.items():
                writer.change(variable, time, state.get(name, 0))
            here = dict.fromkeys(registers, 0)
            for at, position, superlane, stream, value in streams:
                if at == cycle:
                    place = (f"takt.superlane{superlane}.position{position}", f"o_{stream.direction.name.lower()}")
                    here[place] |= value << 128 * stream.index | 1 << 128 * config.streams + stream.index
            for place, value in here.items():
                writer.change(registers[place], time, value)
        writer.change(running, start + PERIOD * (cycles + 1), 0)
        writer.close(start + PERIOD * (cycles + 5))
