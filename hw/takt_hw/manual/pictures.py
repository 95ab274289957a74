"""Pictures of the tour, drawn from the configuration and the table as SVG text."""

from collections.abc import Iterable
from html import escape

from ..config import ChipConfig, Kind
from ..isa import ADD, READ, WRITE, Op

COLOURS = {Kind.MEM: "#cfe3f5", Kind.VXM: "#f7d9b8", Kind.SXM: "#d9ead3", Kind.MXM: "#e6d5ee", Kind.C2C: "#f2c9cf"}
INK, FAINT, EAST, WEST = "#222222", "#999999", "#1f6fb2", "#b2461f"

_STYLE = f"text {{ font: 12px sans-serif; fill: {INK}; }} .small {{ font-size: 10px; }} .head {{ font-weight: bold; }}"


def _svg(width: int, height: int, parts: Iterable[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    body = "\n".join(parts)
    return f'{head}\n<style>{_STYLE}</style>\n<rect width="{width}" height="{height}" fill="white"/>\n{body}\n</svg>\n'


def _text(x: float, y: float, words: object, kind: str = "", anchor: str = "middle") -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{escape(str(words))}</text>'


def _box(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="3" fill="{fill}" stroke="{INK}"/>'


def _arrow(x1: float, x2: float, y: float, colour: str) -> str:
    """A horizontal arrow from x1 to x2."""
    back = -6 if x2 > x1 else 6
    tip = f'<path d="M {x2:g} {y:g} l {back} -4 v 8 z" fill="{colour}"/>'
    return f'<path d="M {x1:g} {y:g} H {x2 + back:g}" stroke="{colour}" stroke-width="2" fill="none"/>{tip}'


def row(config: ChipConfig) -> str:
    """The row of a build: positions, the slices at each, and the streams that pass all of them."""
    pitch, width, top, line = 112, 92, 74, 18
    left = 20
    deepest = max(sum(s.position == p for s in config.slices) for p in range(config.positions))
    bottom = top + 28 + line * deepest
    total = left * 2 + pitch * config.positions - (pitch - width)
    parts = [
        _arrow(left, total - left, 26, EAST),
        _text(total / 2, 18, f"{config.streams} eastward streams, {config.lanes} bytes each, one position per cycle"),
    ]
    for position, kind in enumerate(config.row):
        x = left + pitch * position
        here = [s.name for s in config.slices if s.position == position]
        parts.append(_text(x + width / 2, top - 26, f"position {position}", "small"))
        parts.append(_box(x, top - 18, width, bottom - top + 18, COLOURS[kind]))
        parts.append(_text(x + width / 2, top, kind.value, "head"))
        parts += [_text(x + width / 2, top + 22 + line * n, name, "small") for n, name in enumerate(here)]
    parts += [
        _arrow(total - left, left, bottom + 18, WEST),
        _text(total / 2, bottom + 36, f"{config.streams} westward streams"),
    ]
    return _svg(total, bottom + 48, parts)


def kernel(config: ChipConfig) -> str:
    """One word read, added in the VXM and written: where the value is in every cycle."""
    names = ("MEM_W0", "VXM", "MEM_E0")
    place = {name: config.slice_by_name[name].position for name in names}
    read = 0
    at_memory = read + _cycles(READ, "d_func", config)
    at_vxm = at_memory + place["VXM"] - place["MEM_W0"]
    add = at_vxm - _cycles(ADD, "d_skew", config)
    result = add + _cycles(ADD, "d_func", config)
    at_east = result + place["MEM_E0"] - place["VXM"]
    write = at_east - _cycles(WRITE, "d_skew", config)
    pitch, height, left, top = 62, 46, 90, 40
    last = at_east
    total = left + pitch * (last + 1) + 16
    parts = [_text(left + pitch * (n + 0.5), 24, n, "small") for n in range(last + 1)]
    parts.append(_text(10, 24, "cycle", "small", "start"))
    rows = [
        ("MEM_W0", Kind.MEM, read, at_memory, "READ"),
        ("VXM", Kind.VXM, add, result, "ADD"),
        ("MEM_E0", Kind.MEM, write, at_east, "WRITE"),
    ]
    for n, (name, kind, first, end, op) in enumerate(rows):
        y = top + n * (height + 26)
        parts.append(_text(10, y + height / 2 + 4, name, "head", "start"))
        parts.append(f'<path d="M {left} {y + height + 12} H {total - 8}" stroke="{FAINT}" stroke-dasharray="2 4"/>')
        parts.append(_box(left + pitch * first, y, pitch * (end - first + 1) - 4, height, COLOURS[kind]))
        parts.append(_text(left + pitch * (first + 0.5) - 2, y + 18, op, "head"))
        parts.append(_text(left + pitch * (first + 0.5) - 2, y + 34, "dispatch", "small"))
        if op != "READ":
            parts.append(
                _text(left + pitch * (at_vxm if op == "ADD" else at_east) + pitch / 2 - 2, y + 34, "takes", "small")
            )
        if op != "WRITE":
            parts.append(_text(left + pitch * (end + 0.5) - 2, y + 34, "on stream", "small"))
    low = top + 3 * (height + 26)
    law = f"{at_memory} + {at_vxm - at_memory} hop to the VXM; {result} + {at_east - result} hop to MEM_E0"
    parts.append(_text(left, low, f"The word is on its stream in cycle {law}.", "small", "start"))
    return _svg(total, low + 14, parts)


def stagger(config: ChipConfig) -> str:
    """Superlane k does everything k cycles late: one READ in each superlane."""
    pitch, height, left, top = 62, 30, 110, 40
    d_func = _cycles(READ, "d_func", config)
    last = d_func + config.superlanes - 1
    parts = [_text(left + pitch * (n + 0.5), 24, n, "small") for n in range(last + 1)]
    parts.append(_text(10, 24, "cycle", "small", "start"))
    for k in range(config.superlanes):
        y = top + k * (height + 8)
        parts.append(_text(10, y + 20, f"superlane {k}", "head", "start"))
        parts.append(_box(left + pitch * k, y, pitch * (d_func + 1) - 4, height, COLOURS[Kind.MEM]))
        parts.append(_text(left + pitch * (k + 0.5) - 2, y + 20, "READ"))
        parts.append(_text(left + pitch * (k + d_func + 0.5) - 2, y + 20, "on stream", "small"))
    return _svg(left + pitch * (last + 1) + 16, top + config.superlanes * (height + 8) + 6, parts)


def _cycles(op: Op, name: str, config: ChipConfig) -> int:
    cycles = getattr(op, name)
    assert cycles is not None
    return cycles(config)
