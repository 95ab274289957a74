"""Flips bits of a chip with ECC while it classifies digits: ``python -m tests.fault_campaign``, or `make faults`.

Each run of the program has one flipped word. It is chosen at random among those that are going to be used: a memory
word, from cycle 0 until the READ that somebody takes the value of, or a stream register in a cycle in which it holds a
value on its way to its last consumer. A flip anywhere else changes nothing that anybody sees. All 137 bits of a word
are equally likely, check bits included. After the run the word is as it was before.

One flip must leave the result as it is and be counted; two in one word must raise UNCORRECTABLE, and if it is a memory
word, with its slice and address.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

import numpy as np
from tqdm import tqdm

from takt.models.digits import emit, load_scans, logits, quantize, trained
from takt.models.digits.program import LOGITS, PIXELS
from takt.program import MAIN
from takt_hw import isa
from takt_hw.config import BUILDS, ChipConfig
from takt_hw.isa.host import Fault
from takt_sim.checker import check
from takt_sim.lifetimes import Lifetime, lifetimes
from takt_sim.tb.build import BUILD_ROOT, Variant
from takt_sim.tb.errors import ErrorReport, Flip, Place, flip_register, flip_word
from takt_sim.tb.run import RtlChip, RtlResult, Run

OUTPUT = Path("build/faults.json")

IMAGES = 32
"""Digits that take turns."""


@dataclass
class Figures:
    """What the campaign found."""

    single: int = 0
    single_wrong: int = 0
    single_uncounted: int = 0
    double: int = 0
    double_unflagged: int = 0
    in_memory: int = 0
    """Of all flips, those in memory words; the rest was in stream registers."""
    double_misplaced: int = 0
    """Double flips in memory that were reported with another slice or address."""

    def problems(self) -> list[str]:
        """What must not be, each as one line."""
        bad = ("single_wrong", "single_uncounted", "double_unflagged", "double_misplaced")
        return [f"{name} must be 0, not {getattr(self, name)}" for name in bad if getattr(self, name)]


@dataclass(frozen=True)
class Target:
    """A word that is going to be used, and when it can be flipped."""

    flip: Callable[[int], Flip]
    """The flip of these bits."""

    place: Place | None
    """Of a memory word."""


class Campaign:
    """The digits program with all words of it that can be flipped to some effect.

    Parameters
    ----------
    config : ChipConfig
        A build with ECC.
    random : Random
        Chooses words, cycles and bits.
    cache : Path
        Where the trained network is kept.
    """

    def __init__(self, config: ChipConfig, random: Random, cache: Path) -> None:
        self.config = config
        self.random = random
        scans = load_scans()
        network = quantize(trained(scans, cache=cache), scans.train_images)
        self.program = emit(self.config, network)
        self.images = scans.test_images[:IMAGES]
        self.expected = logits(network, self.images)
        timeline = check(self.config, self.program.entry(MAIN).text, self.program.defined)
        values = lifetimes(self.config, timeline.dispatches)
        written = {
            (d.queue.slice, d.instruction["address"]) for d in timeline.dispatches if d.instruction.op is isa.WRITE
        }
        self.values = values
        self.reads = [
            value.dispatch
            for value in values
            if value.dispatch.instruction.op is isa.READ
            and (value.dispatch.queue.slice, value.dispatch.instruction["address"]) not in written
        ]
        self.weights = [value.hops + 1 for value in values]

    def target(self) -> Target:
        """A memory word or, as often, a stream register."""
        superlane = self.random.randrange(self.config.superlanes)
        if self.random.random() < 0.5:
            d = self.random.choice(self.reads)
            cycle, name, address = self.random.randint(0, d.cycle), d.queue.slice, d.instruction["address"]
            place = Place(name, superlane, address)
            return Target(lambda bits: flip_word(self.config, cycle, superlane, name, address, bits), place)
        (value,) = self.random.choices(self.values, self.weights)
        return Target(self._register_flip(value, self.random.randint(0, value.hops), superlane), None)

    def _register_flip(self, value: Lifetime, hops: int, superlane: int) -> Callable[[int], Flip]:
        cycle, position, stream = value.cycle + hops, value.position(hops), str(value.stream)
        return lambda bits: flip_register(cycle, superlane, position, stream, bits)

    def bits(self, count: int) -> int:
        """Some bits of a word."""
        return sum(1 << bit for bit in self.random.sample(range(self.config.stream_bits), count))

    def run(self, single: int, double: int, directory: Path, root: Path, progress: Callable[[], None]) -> Figures:
        """Flip one bit in ``single`` runs and two in ``double`` more."""
        figures = Figures(single=single, double=double)
        with RtlChip(self.config, Variant.FLIPS, directory=directory, root=root) as chip:
            chip.load_text(self.program.entry(MAIN).text)
            chip.write(self.program.data)
            for n in range(single + double):
                target = self.target()
                figures.in_memory += target.place is not None
                flipped = self.bits(1 if n < single else 2)
                before = chip.errors()
                result = self._classify(chip, n, [target.flip(flipped)])
                report = chip.errors()
                if n < single:
                    right = self._logits(result) == self.expected[n % IMAGES].tolist()
                    figures.single_wrong += not right or bool(result.faults)
                    figures.single_uncounted += report.corrected == before.corrected
                else:
                    self._judge_double(figures, target, result, report)
                    chip.load_text(self.program.entry(MAIN).text)  # forgets what was reported
                if target.place is not None:
                    chip.write({target.place.slice: {target.place.address: self._word(n, target.place)}})
                progress()
        return figures

    def _classify(self, chip: RtlChip, n: int, flips: list[Flip]) -> RtlResult:
        load = self.program.tensor(PIXELS).pack(self.images[n % IMAGES], self.config.lanes)
        places: dict[str, list[int]] = {}
        for name, address in self.program.tensor(LOGITS).words():
            places.setdefault(name, []).append(address)
        return chip.run(Run(load, places), flips=flips)

    def _logits(self, result: RtlResult) -> list[int]:
        words = result.memory
        return np.asarray(
            self.program.tensor(LOGITS).unpack(lambda name, address: words[name][address], self.config.lanes)
        ).tolist()

    def _word(self, n: int, place: Place) -> bytes:
        """What a memory word holds in run n."""
        image = self.program.tensor(PIXELS).pack(self.images[n % IMAGES], self.config.lanes)
        held = {**self.program.data.get(place.slice, {}), **image.get(place.slice, {})}
        assert place.address is not None
        return held[place.address]

    def _judge_double(self, figures: Figures, target: Target, result: RtlResult, report: ErrorReport) -> None:
        flagged = bool(result.faults >> Fault.UNCORRECTABLE & 1) and report.uncorrectable > 0
        figures.double_unflagged += not flagged
        if target.place is not None:
            figures.double_misplaced += report.first_uncorrectable != target.place


def main() -> int:
    """Command line; exit status 1 if anything went unmended or unseen."""
    parser = argparse.ArgumentParser(description="Flip bits of a chip with ECC while it classifies digits.")
    parser.add_argument("--single", type=int, default=1000, help="runs with one flipped bit")
    parser.add_argument("--double", type=int, default=200, help="runs with two flipped bits in one word")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chip", choices=[name for name, build in BUILDS.items() if build.ecc], default="nano_ecc")
    arguments = parser.parse_args()
    campaign = Campaign(BUILDS[arguments.chip], Random(arguments.seed), Path("build/digits"))
    with tqdm(total=arguments.single + arguments.double, unit="run", desc="flips", file=sys.stderr) as bar:
        figures = campaign.run(
            arguments.single, arguments.double, Path("build/faults"), BUILD_ROOT, lambda: bool(bar.update())
        )
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(asdict(figures), indent=2) + "\n")
    problems = figures.problems()
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(
            f"{figures.single} single flips mended and counted, {figures.double} double flips flagged "
            f"({figures.in_memory} in memory, the rest in stream registers)"
        )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
