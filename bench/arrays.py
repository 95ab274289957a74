"""int8 arrays under one C++ harness: the hand-written yardstick, and one plane of the chip's MXM alone."""

from dataclasses import dataclass
from pathlib import Path

from takt_hw.config import LANES_PER_SUPERLANE, ChipConfig
from takt_hw.mxm.plane import Plane
from takt_hw.mxm.supercell import feed_layout
from takt_hw.tiles import TileLibrary
from takt_hw.verilog import convert

from .verilated import HERE, compile_verilog, figure

CYCLES_TIMES_MACS = 100_000_000
"""Length of one timed stretch: short for large arrays."""


@dataclass(frozen=True)
class Array:
    """A compiled array."""

    name: str
    macs: int
    executable: Path

    def cycles_per_second(self) -> float:
        """Simulated cycles per second of one timed stretch. The harness checks products before."""
        return figure(self.executable, CYCLES_TIMES_MACS // self.macs)


def yardstick(config: ChipConfig, root: Path) -> Array:
    """The hand-written array of a build's plane."""
    sizes = _sizes(config)
    parameters = {name: sizes[name] for name in ("SIZE", "STREAMS", "BLOCK_BITS")}
    sources = [HERE / "yardstick.sv", HERE / "array.cpp"]
    directory = root / f"yardstick-{config.lanes}"
    executable = compile_verilog(directory, sources, "yardstick", macros=sizes, parameters=parameters)
    return Array(f"hand-written array {config.lanes}×{config.lanes}", config.lanes**2, executable)


def plane(config: ChipConfig, root: Path) -> Array:
    """One plane of a build's MXM, as the chip's Verilog has it."""
    directory = root / f"plane-{config.lanes}"
    directory.mkdir(parents=True, exist_ok=True)
    tiles = TileLibrary()
    verilog = directory / "plane.v"
    verilog.write_text(convert(Plane(config, tiles), "plane", tiles))
    layout = feed_layout(config)
    rows = range(config.superlanes)
    macros: dict[str, object] = {"PLANE": 1, "FEED_BITS": layout.size} | _sizes(config)
    macros |= {f"FEED_{name.upper()}": field.offset for name, field in layout}
    macros |= {
        "FEEDS": ", ".join(f"&top.feed{k}[0]" for k in rows),
        "PRODUCTS": ", ".join(f"&top.product{k}[0]" for k in rows),
    }
    executable = compile_verilog(directory, [verilog, HERE / "array.cpp"], "plane", macros=macros, parameters={})
    return Array(f"MXM plane {config.lanes}×{config.lanes}", config.lanes**2, executable)


def _sizes(config: ChipConfig) -> dict[str, int]:
    layout = feed_layout(config)
    return {
        "LANES_PER_CELL": LANES_PER_SUPERLANE,
        "SIZE": config.superlanes,
        "STREAMS": config.weight_streams,
        "BLOCK_BITS": layout["block"].width,
    }
