"""Many vectors over noisy links between chips whose clocks differ."""

import json

import pytest

from takt_hw.config import NANO_C2C
from takt_hw.isa.host import Fault
from takt_sim.system.topology import Port
from takt_sim.system.traffic import parallel
from takt_sim.tb.system import links
from takt_sim.tb.system.judge import Verdict
from takt_sim.tb.system.measure import Figures, LinkFigures

TOPOLOGY = parallel(7, latency=64, ppm=200)
VECTORS = 20_000
RATES = (0.0, 1e-4, 1e-3)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    return links.links(NANO_C2C, TOPOLOGY, RATES, VECTORS, 3, directory=tmp_path_factory.mktemp("links"))


def test_without_flipped_bits_every_vector_arrives_in_its_cycle(measured):
    _, (sound, *_) = measured
    totals = sound.totals
    vectors = totals.pop("vectors")
    assert vectors >= VECTORS
    assert set(totals.values()) == {0}
    assert sound.faults == sound.flipped_bits == 0
    assert sound.wrong == []


@pytest.mark.parametrize(
    ("rate", "least", "most"),
    # 275 bits to a packet: of 10,000 packets 271 have a flipped bit at 1e-4, and 2405 at 1e-3
    [(1e-4, 0.02, 0.035), (1e-3, 0.21, 0.27)],
)
def test_flipped_bits_are_mended_or_told(measured, rate, least, most):
    settings, found = measured
    noisy = found[RATES.index(rate)]
    totals = noisy.totals
    assert noisy.wrong == []
    assert totals["vectors"] == settings["vectors"]
    assert least < totals["corrected"] / totals["vectors"] < most
    assert totals["lost"] == totals["uncorrectable"]
    # two flipped bits in one of 11 words of 25 bits: 1 packet in 310 at 1e-3
    assert totals["lost"] == pytest.approx(totals["vectors"] * 11 * 300 * rate**2, rel=0.5, abs=4)
    bits = 14 * 25 * noisy.simulated_cycles
    assert noisy.flipped_bits == pytest.approx(bits * rate, rel=0.1)


def test_the_figures_are_plain_data_with_the_settings_that_made_them(measured):
    figures = json.loads(json.dumps(links.report(*measured)))
    assert figures["settings"]["ppm"] == 200
    assert figures["settings"]["ber"] == list(RATES)
    assert sorted(round(ppm) for ppm in figures["settings"]["clocks_ppm"]) == [-200, 200]
    assert figures["vectors"] == len(RATES) * figures["settings"]["vectors"]
    for name in ("late", "lost", "duplicated", "reordered", "corrected", "uncorrectable", "silent", "misplaced"):
        assert figures[name] == sum(rate[name] for rate in figures["rates"])
    assert 0 < figures["shortest"] <= figures["longest"] < figures["settings"]["latency_needed"] <= 64


def figures(ber=0.0, faults=0, **counts):
    port = Port(0, 1)
    one = Figures(ber, {port: LinkFigures(Verdict(5))}, faults)
    for name, value in counts.items():
        setattr(one.links[port].verdict if hasattr(Verdict, name) else one.links[port], name, value)
    return one


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        (figures(), []),
        (figures(ber=1e-3, lost=2, corrected=7, uncorrectable=2, faults=1 << Fault.LINK_LOST), []),
        (
            figures(lost=2, faults=1 << Fault.LINK_LOST),
            ["lost must be 0, not 2", "no fault may be raised, not LINK_LOST"],
        ),
        (figures(ber=1e-3, silent=1, reordered=1), ["reordered must be 0, not 1", "silent must be 0, not 1"]),
        (figures(ber=1e-3, late=1), ["late must be 0, not 1"]),
        (figures(faults=1 << Fault.DRIFT), ["no fault may be raised, not DRIFT"]),
    ],
)
def test_what_must_not_be_is_named(found, wrong):
    assert found.wrong == wrong


def test_the_command_line_writes_tables_and_figures(monkeypatch, tmp_path, capsys):
    settings = {"topology": "2 chips", "ppm": 200, "declared_latency": 64, "ber": [1e-3], "latency_needed": 50}
    found = figures(ber=1e-3, corrected=3)
    monkeypatch.setattr(links, "links", lambda config, topology, rates, vectors, seed: (settings, [found]))
    monkeypatch.setattr(links, "FIGURES", tmp_path / "links.json")
    monkeypatch.setattr("sys.argv", ["links", "--chips", "2", "--ber", "1e-3"])
    assert links.main() == 0
    assert json.loads((tmp_path / "links.json").read_text())["corrected"] == 3
    assert "BER" in capsys.readouterr().out
    found.links[Port(0, 1)].verdict.silent = 1
    assert links.main() == 1
    assert "BER 0.001: silent must be 0, not 1" in capsys.readouterr().err
