"""Running programs: one device interface, a backend per way to have a chip."""

from collections.abc import Callable

from takt_hw.config import ChipConfig

from .device import Device, DeviceError, Difference, Job, JobResult, RunResult
from .proof import Verdict, judge
from .reference import ReferenceDevice

BACKENDS: dict[str, Callable[[ChipConfig], Device]] = {"reference": ReferenceDevice}
"""Backends by the name that ``takt run --backend`` takes."""

__all__ = [
    "BACKENDS",
    "Device",
    "DeviceError",
    "Difference",
    "Job",
    "JobResult",
    "ReferenceDevice",
    "RunResult",
    "Verdict",
    "judge",
]
