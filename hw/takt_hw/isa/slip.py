"""Bytes that keep frames apart on a serial line, as RFC 1055 (SLIP) has them. docs/design/uart.md says why.

A frame of the host port stands between two END bytes. Inside it END is sent as ESCAPE, ESCAPED_END and ESCAPE as
ESCAPE, ESCAPED_ESCAPE; ESCAPE before anything else spoils the frame. Between an END and the next nothing need stand.
"""

END = 0xC0
ESCAPE = 0xDB
ESCAPED_END = 0xDC
ESCAPED_ESCAPE = 0xDD

IN_FLIGHT = 2
"""Frames that a host may have sent without having all of their answers. Of a second one the chip takes every beat as it
comes, whatever the first asks for; a third could come before there is room for it, and the line cannot wait."""
