"""All combinations of some sizes and seeds, in parallel processes: ``make synth SWEEP="seed=1,2 streams=8,16"``."""

from __future__ import annotations

import hashlib
import json
import os
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import takt_hw

from ..config import ChipConfig
from .flow import Point, build, sizes
from .tools import Tool, ToolError, stop_when_told

Value = int | bool

SWEPT = {field.name: field.type for field in fields(ChipConfig) if field.type in ("int", "bool", int, bool)}
"""Sizes of a build that can be swept, and their types."""


def parse(text: str) -> dict[str, list[Value]]:
    """``seed=1,2 streams=8,16`` as values by name. ValueError if it is nothing like that."""
    axes: dict[str, list[Value]] = {}
    for word in text.split():
        name, _, values = word.partition("=")
        if name != "seed" and name not in SWEPT:
            raise ValueError(f"sweep must be of seed, {', '.join(SWEPT)}, not {name!r}")
        if name in axes:
            raise ValueError(f"sweep must name {name} once, not {text!r}")
        try:
            axes[name] = [_value(name, value) for value in values.split(",")]
        except ValueError:
            raise ValueError(f"{name} must be numbers with commas between, not {values!r}") from None
    if not axes:
        raise ValueError("sweep must name something, as in 'seed=1,2,3'")
    return axes


def _value(name: str, text: str) -> Value:
    value = int(text)
    if SWEPT.get(name) not in ("bool", bool):
        return value
    if value not in (0, 1):
        raise ValueError
    return bool(value)


def sweep(
    base: Point,
    axes: Mapping[str, Sequence[Value]],
    root: Path,
    *,
    workers: int | None = None,
    done: Callable[[int, int], None] = lambda finished, total: None,
) -> list[dict[str, Any]]:
    """Build every combination; a result each, in order. One that fails is a result with ``error``, and why.

    Each result is written when it is there. A sweep that was interrupted goes on where it was; points that failed are
    tried again, and so is everything once a source of the hardware changes.

    Parameters
    ----------
    base : Point
        What is not swept.
    axes : mapping
        As `parse` returns it.
    root : Path
        Where everything goes.
    workers : int, optional
        Processes; as many as there are processors unless told otherwise. Each can need 4 GB.
    done : callable
        Told after each point how many there are, and of how many.
    """
    points = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    results: dict[int, dict[str, Any]] = {}
    records = root / "sweep"
    records.mkdir(parents=True, exist_ok=True)
    version = _version()
    files = [records / f"{_key(base, point, version)}.json" for point in points]
    for n, file in enumerate(files):
        with suppress(OSError, ValueError):
            known = json.loads(file.read_text())
            if "error" not in known:
                results[n] = known
    done(len(results), len(points))
    # Points that differ in their seed alone share a netlist: one of each design goes first and makes it.
    missing = [n for n in range(len(points)) if n not in results]
    designs: dict[str, list[int]] = {}
    for n in missing:
        designs.setdefault(repr({k: v for k, v in points[n].items() if k != "seed"}), []).append(n)
    processes = workers or os.cpu_count() or 1
    with (
        ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=stop_when_told) as pool,
        _nothing_more_on_error(pool),
    ):
        waiting = {pool.submit(_attempt, base, points[group[0]], root): group[0] for group in designs.values()}
        rest = {group[0]: group[1:] for group in designs.values()}
        while waiting:
            future = next(as_completed(waiting))
            n = waiting.pop(future)
            results[n] = future.result()
            unfinished = files[n].with_suffix(".unfinished")
            unfinished.write_text(json.dumps(results[n], indent=1) + "\n")
            unfinished.replace(files[n])
            done(len(results), len(points))
            for other in rest.pop(n, []):
                waiting[pool.submit(_attempt, base, points[other], root)] = other
    return [results[n] for n in range(len(points))]


@contextmanager
def _nothing_more_on_error(pool: ProcessPoolExecutor) -> Iterator[None]:
    """A sweep that is stopped begins no other point."""
    try:
        yield
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def _attempt(base: Point, point: Mapping[str, Value], root: Path) -> dict[str, Any]:
    """Build one point; never raises, so that nothing of the others is lost."""
    changed = {name: value for name, value in point.items() if name != "seed"}
    seed = int(point.get("seed", base.seed))
    result: dict[str, Any] = {"chip": base.config.name, "seed": seed, "sizes": changed, "point": dict(point)}
    try:
        config = replace(base.config, **changed)  # type: ignore[arg-type]
        result["sizes"] = sizes(config)
        return build(replace(base, config=config, seed=seed), root) | {"point": dict(point)}
    except (ToolError, ValueError) as error:
        return result | {"error": str(error)}
    except Exception as error:
        return result | {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
    except SystemExit as stop:  # told to: a worker that lived on would begin the next point
        os._exit(int(stop.code or 0))


def _key(base: Point, point: Mapping[str, Value], version: str) -> str:
    whole = repr((base.config, base.board, base.mhz, base.seed, base.estimate, sorted(point.items()), version))
    return f"{base.config.name}-{hashlib.sha256(whole.encode()).hexdigest()[:16]}"


def _version() -> str:
    """Of all that decides a result: the hardware's sources and the tools."""
    whole = hashlib.sha256("".join(tool.version for tool in Tool).encode())
    package = Path(takt_hw.__file__).parent
    for path in sorted(package.rglob("*.py")):
        whole.update(path.read_bytes())
    return whole.hexdigest()
