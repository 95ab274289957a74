"""Each planted fault still finds the code that it breaks; the runs themselves are `make planted`."""

import pytest

from tests.planted_faults import FAULTS, ROOT, Fault, plant


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_there_is_one_place_to_break(fault):
    text = (ROOT / "hw/takt_hw" / fault.path).read_text()
    assert text.count(fault.old) == 1
    compile(text.replace(fault.old, fault.new), fault.path, "exec")


def test_a_fault_that_cannot_be_planted_is_refused(tmp_path):
    lost = Fault("lost", "streams.py", "no such code", "")
    with pytest.raises(ValueError, match="^streams.py must contain 'no such code' once, not 0 times$"):
        plant(lost, tmp_path)
