"""What program files and system files have in common: a fixed header, a checksum, and a MessagePack body."""

from __future__ import annotations

import hashlib
import os
import struct
import tempfile
from pathlib import Path
from typing import Any

import msgpack

from .program import ProgramError

MAX_FILE_BYTES = 1 << 29
MAX_NAME_BYTES = 256

_HEADER = struct.Struct("<8sII")
"""Magic, version, bytes of the body; SHA-256 of these three and the body follows."""

_BODY_START = _HEADER.size + hashlib.sha256().digest_size


def seal(magic: bytes, version: int, body: Any) -> bytes:
    """The content of a file that holds plain values."""
    packed = msgpack.packb(body, use_bin_type=True)
    header = _HEADER.pack(magic, version, len(packed))
    return header + hashlib.sha256(header + packed).digest() + packed


def unseal(content: bytes, magic: bytes, version: int, kind: str, *, max_array: int, max_map: int) -> Any:
    """The plain values of a file's content. ProgramError if it is not a whole, undamaged file of this kind.

    Lengths are limited before anything is allocated for them: ``max_array`` and ``max_map`` items.
    """
    if len(content) > MAX_FILE_BYTES:
        raise ProgramError(f"file must have at most {MAX_FILE_BYTES} bytes, not more")
    if content[: len(magic)] != magic:
        raise ProgramError(f"magic must be that of a {kind}")
    if len(content) < _BODY_START:
        raise ProgramError(f"header must have {_BODY_START} bytes, not {len(content)}")
    _, found, length = _HEADER.unpack_from(content)
    if found != version:
        raise ProgramError(f"version must be {version}, not {found}")
    header, digest, body = content[: _HEADER.size], content[_HEADER.size : _BODY_START], content[_BODY_START:]
    if len(body) != length:
        raise ProgramError(f"body must have the header's {length} bytes, not {len(body)}")
    if hashlib.sha256(header + body).digest() != digest:
        raise ProgramError("checksum must be that of the content: the file is corrupted")
    limit = len(body)
    try:
        return msgpack.unpackb(
            body,
            strict_map_key=True,
            max_str_len=min(limit, MAX_NAME_BYTES),
            max_bin_len=limit,
            max_ext_len=0,
            max_array_len=min(limit, max_array),
            max_map_len=min(limit, max_map),
        )
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ProgramError(f"body must be MessagePack of bounded lengths: {reason[:100]}") from None


def write_whole(content: bytes, path: str | os.PathLike[str]) -> None:
    """Write a file that appears whole or not at all. OSError if it cannot."""
    target = Path(path)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, 0o644)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
