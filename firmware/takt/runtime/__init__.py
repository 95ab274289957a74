"""Running programs: one device interface, a backend per way to have a chip."""

from collections.abc import Callable

from takt_hw.config import ChipConfig
from takt_sim.tb.build import Variant

from .device import Device, DeviceError, Difference, Job, JobResult, RunResult
from .fpga import FpgaDevice, SerialLine
from .proof import Verdict, judge
from .reference import ReferenceDevice
from .rtl import RtlDevice


def _checked_rtl(config: ChipConfig) -> RtlDevice:
    """The RTL with its fault flags."""
    return RtlDevice(config, Variant.CHECKED)


BACKENDS: dict[str, Callable[[ChipConfig], Device]] = {
    "reference": ReferenceDevice,
    "rtl": _checked_rtl,
    "fpga": FpgaDevice,
}
"""Backends by the name that ``takt run --backend`` takes. ``fpga`` alone needs to be told more: `open_device`."""


def open_device(backend: str, config: ChipConfig, line: SerialLine | None = None) -> Device:
    """A device of one of BACKENDS. DeviceError if it is ``fpga`` without a serial line, or another with one."""
    if line is None:
        return BACKENDS[backend](config)
    if backend != "fpga":
        raise DeviceError(f"port must be given to backend fpga alone, not to {backend}")
    return FpgaDevice(config, line)


__all__ = [
    "BACKENDS",
    "Device",
    "DeviceError",
    "Difference",
    "FpgaDevice",
    "Job",
    "JobResult",
    "ReferenceDevice",
    "RtlDevice",
    "RunResult",
    "SerialLine",
    "Verdict",
    "judge",
    "open_device",
]
