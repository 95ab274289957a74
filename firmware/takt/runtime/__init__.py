"""Running programs: one device interface, a backend per way to have a chip."""

from collections.abc import Callable

from takt_hw.config import ChipConfig
from takt_sim.tb.build import Variant

from .device import Device, DeviceError, Difference, Job, JobResult, RunResult
from .proof import Verdict, judge
from .reference import ReferenceDevice
from .rtl import RtlDevice


def _checked_rtl(config: ChipConfig) -> RtlDevice:
    """The RTL with its fault flags."""
    return RtlDevice(config, Variant.CHECKED)


BACKENDS: dict[str, Callable[[ChipConfig], Device]] = {"reference": ReferenceDevice, "rtl": _checked_rtl}
"""Backends by the name that ``takt run --backend`` takes."""

__all__ = [
    "BACKENDS",
    "Device",
    "DeviceError",
    "Difference",
    "Job",
    "JobResult",
    "ReferenceDevice",
    "RtlDevice",
    "RunResult",
    "Verdict",
    "judge",
]
