"""The host's side of a conversation with a chip, whatever carries the bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from takt_hw import isa
from takt_hw.config import LANES_PER_SUPERLANE, ChipConfig
from takt_hw.isa import WORD_BITS
from takt_hw.isa.host import BEAT_BYTES, Command

from . import frames
from .errors import ErrorReport
from .frames import ChipStatus, FrameError, Request, check_identity, read_requests, responses

Words = Mapping[str, Mapping[int, bytes]]
"""Memory words by MEM slice and address, one byte per lane."""

Places = Mapping[str, Iterable[int]]
"""Addresses of memory words by MEM slice."""

Text = Mapping[str, Sequence[int]]
"""Instruction words by queue."""


class Link(Protocol):
    """Carries frames to a chip and back."""

    def exchange(self, requests: bytes, count: int) -> bytes:
        """Send request frames; the ``count`` response frames, in order."""


class Host:
    """Loads, starts and reads a chip.

    Parameters
    ----------
    config : ChipConfig
        The build.
    link : Link
        The way to the chip.

    Raises
    ------
    FrameError
        From any method: what came back is no answer.
    RequestError
        From any method: the chip refused.
    """

    def __init__(self, config: ChipConfig, link: Link) -> None:
        self._config = config
        self._link = link
        self._slices = {s.name: n for n, s in enumerate(config.mem_slices)}
        self._queues = {queue.name: queue.index for queue in isa.queues(config)}
        self._tag = 0

    def identify(self) -> None:
        """FrameError if the chip is another than ``config``."""
        (payload,) = self._ask([Request(command=Command.IDENTIFY)])
        check_identity(payload, superlanes=self._config.superlanes, digest=self._config.digest)

    def run(self, load: Words, *, start: bool = True) -> None:
        """Write memory words, then START unless told otherwise, in one exchange."""
        requests = list(self.write_requests(load))
        if start:
            requests.append(Request(command=Command.START))
        self._ask(requests)

    def load_text(self, text: Text) -> None:
        """Clear fault flags and entries; put instruction words at the start of their queues, ready to run."""
        self._ask(self.text_requests(text))

    def text_requests(self, text: Text) -> list[Request]:
        """What `load_text` asks."""
        requests = [Request(command=Command.CLEAR)]
        for name, words in text.items():
            queue = self._queues[name]
            data = b"".join(word.to_bytes(WORD_BITS // 8, "little") for word in words)
            requests += frames.write_requests(Command.WRITE_TEXT, data, target=queue, address=0)
            requests.append(Request(command=Command.ENTRY, target=queue, count=len(words)))
        return requests

    def collect(self, places: Places) -> tuple[ChipStatus, dict[str, dict[int, bytes]]]:
        """Memory words, and status after they are read: that can show a flipped bit."""
        requests: list[Request] = []
        found: dict[str, dict[int, bytes]] = {}
        runs: list[tuple[str, int, int]] = []
        for name, addresses in places.items():
            found[name] = {}
            for first, count in _runs(addresses):
                runs.append((name, first, count))
                for superlane in range(self._config.superlanes):
                    target = self._slices[name]
                    requests += read_requests(target=target, superlane=superlane, address=first, count=count)
        *answers, status = self._ask([*requests, Request(command=Command.STATUS)])
        data = b"".join(answers)
        for name, first, count in runs:
            size = count * BEAT_BYTES
            columns = [data[k * size : (k + 1) * size] for k in range(self._config.superlanes)]
            data = data[len(columns) * size :]
            for n in range(count):
                part = slice(n * BEAT_BYTES, (n + 1) * BEAT_BYTES)
                found[name][first + n] = b"".join(column[part] for column in columns)
        return ChipStatus.from_payload(status), found

    def errors(self) -> ErrorReport:
        """What the check bits have shown since the last `load_text`."""
        (payload,) = self._ask([Request(command=Command.ERRORS)])
        return ErrorReport.from_payload(self._config, payload)

    def write_requests(self, load: Words) -> Iterator[Request]:
        """Requests that write memory words."""
        for name, words in load.items():
            for first, count in _runs(words):
                content = [words[address] for address in range(first, first + count)]
                for k in range(self._config.superlanes):
                    part = slice(k * LANES_PER_SUPERLANE, (k + 1) * LANES_PER_SUPERLANE)
                    data = b"".join(word[part] for word in content)
                    target = self._slices[name]
                    yield from frames.write_requests(Command.WRITE_MEM, data, target=target, superlane=k, address=first)

    def _ask(self, requests: Sequence[Request]) -> list[bytes]:
        """Payloads of the answers."""
        tagged = self.tagged(requests)
        return payloads(tagged, self._link.exchange(b"".join(request.frame for request in tagged), len(tagged)))

    def tagged(self, requests: Iterable[Request]) -> list[Request]:
        """The requests with the tags that come next."""
        tagged = []
        for request in requests:
            self._tag = (self._tag + 1) % 256
            tagged.append(request.tagged(self._tag))
        return tagged


def payloads(requests: Sequence[Request], answers: bytes) -> list[bytes]:
    """Payloads of the answers to requests. FrameError if they are no such answers, RequestError if one was refused."""
    found = responses(answers)
    if len(found) != len(requests):
        raise FrameError(f"there must be {len(requests)} responses, not {len(found)}")
    return [response.answers(request) for request, response in zip(requests, found, strict=True)]


def _runs(addresses: Iterable[int]) -> Iterator[tuple[int, int]]:
    """First and number of each run of consecutive addresses."""
    first = count = 0
    for address in sorted(addresses):
        if count and address == first + count:
            count += 1
            continue
        if count:
            yield first, count
        first, count = address, 1
    if count:
        yield first, count
