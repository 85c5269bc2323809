"""Inflates request bodies, never beyond a limit: a small body cannot become a large one in memory."""

import contextlib
import zlib

from litestar.exceptions import HTTPException

from backend.errors import BadInput

_MAGIC = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS
_FED = 64 * 1024
_STEP = 256 * 1024
_TASTE = 1024


class TooLarge(HTTPException):
    """The body is, or would become, larger than is taken."""

    status_code = 413


def inflate(body: bytes, *, encoding: str, limit: int) -> bytes:
    """The plain body. Gzip is known by the header or, where a client forgot it, by its first two bytes.

    JSON never begins with those bytes, so a body that was packed twice, by an SDK and by what it sends with, is read too.

    Args:
        body: the bytes as received.
        encoding: the value of Content-Encoding, empty where there is none.
        limit: bytes of the plain body.

    Raises:
        TooLarge: the plain body exceeds ``limit``; not much more was inflated to find out.
        BadInput: the gzip stream is broken or cut short.
    """
    if not body.startswith(_MAGIC):
        if "gzip" in encoding.lower() and body:
            raise BadInput("The body is said to be gzip and is not.", code="bad_gzip")
        plain = body
    else:
        plain = _gunzip(body, limit)
        if plain.startswith(_MAGIC):
            plain = _gunzip(plain, limit)
    if len(plain) > limit:
        raise _too_large(limit)
    return plain


def legible(body: bytes, limit: int) -> bytes:
    """As much of a broken or too large gzip body as can be read, at most ``limit`` bytes; any other body as it is."""
    if not body.startswith(_MAGIC):
        return body
    stream, read = zlib.decompressobj(_GZIP), b""
    with contextlib.suppress(BadInput):
        for start in range(0, len(body), _TASTE):
            read += _inflate_some(stream, body[start : start + _TASTE])
            if len(read) >= limit or stream.eof:
                break
    return read[:limit] or body


def _gunzip(body: bytes, limit: int) -> bytes:
    """All members of the stream, fed and inflated in small steps: what goes beyond the limit never lies in memory."""
    pieces: list[bytes] = []
    room, stream = limit, None
    for start in range(0, len(body), _FED):
        fed = body[start : start + _FED]
        while stream is not None or (fed := fed.lstrip(b"\x00")):  # members may be padded with zeros
            stream = stream or zlib.decompressobj(_GZIP)
            piece = _inflate_some(stream, fed)
            room -= len(piece)
            if room < 0:
                raise _too_large(limit)
            pieces.append(piece)
            if stream.eof:
                fed, stream = stream.unused_data, None
            elif stream.unconsumed_tail or len(piece) == _STEP:
                fed = stream.unconsumed_tail
            else:
                break
    if stream is not None:
        raise BadInput("The gzip body is cut short.", code="bad_gzip")
    return b"".join(pieces)


def _inflate_some(stream: "zlib._Decompress", fed: bytes) -> bytes:
    try:
        return stream.decompress(fed, _STEP)
    except zlib.error as error:
        raise BadInput(f"The gzip body cannot be read: {error}.", code="bad_gzip") from None


def _too_large(limit: int) -> TooLarge:
    return TooLarge(detail=f"The body is larger than {limit} bytes. Send smaller batches.")
