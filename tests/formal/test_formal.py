"""The quick proofs, and that they can fail. `make formal` asks the rest."""

import pytest

from takt_hw.c2c.buffer import DeskewBuffer
from takt_hw.config import NANO_C2C
from tests.formal import inside
from tests.formal.catalog import PROOFS
from tests.formal.proof import Mutant, Proof
from tests.formal.report import prove, refute
from tests.formal.tools import missing

QUICK = ("streams", "receiver", "server", "deskew1", "mover-select")
QUICK_MUTANTS = (("deskew1", 0), ("receiver", 0))

needs_tools = pytest.mark.skipif(bool(missing()), reason=f"not installed: {', '.join(missing())}")


@needs_tools
@pytest.mark.parametrize("name", QUICK)
def test_holds(name):
    wrong = [result for result in prove(PROOFS[name]) if not result.good]
    assert wrong == []


@needs_tools
@pytest.mark.parametrize(("name", "number"), QUICK_MUTANTS)
def test_a_broken_module_is_refuted(name, number):
    proof = PROOFS[name]
    assert refute(proof, proof.mutants[number]).good


def test_every_proof_has_a_name_of_its_own_and_most_have_mutants():
    files = {proof.name.split("-")[0].rstrip("0123456789") for proof in PROOFS.values()}
    with_mutants = {proof.name.split("-")[0].rstrip("0123456789") for proof in PROOFS.values() if proof.mutants}
    assert all(name == proof.name for name, proof in PROOFS.items())
    assert with_mutants == files


def test_a_mutant_of_code_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"^streams.py must contain 'not there' once, not 0 times$"):
        refute(PROOFS["streams"], Mutant("nothing", "streams.py", "not there", ""))


def test_a_bounded_proof_must_say_why():
    with pytest.raises(ValueError, match=r"^note of x must say why there is no induction, not ''$"):
        Proof(name="x", what="", build=lambda m: None, depth=2)


def test_a_register_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"^the module must drive one signal named 'nothing', not 0$"):
        inside.named(DeskewBuffer(NANO_C2C).elaborate(None), "nothing")
