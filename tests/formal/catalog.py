"""All proofs, by name."""

from __future__ import annotations

from . import crc, deskew, movers, queues, receiver, secded, server, slip, streams
from .proof import Proof

PROOFS: dict[str, Proof] = {
    proof.name: proof
    for file in (streams, movers, queues, receiver, server, crc, slip, secded, deskew)
    for proof in file.PROOFS
}
