"""Inflates request bodies, never beyond a limit: a small body cannot become a large one in memory."""

import zlib

from litestar.exceptions import HTTPException

from backend.errors import BadInput

_MAGIC = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS


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
        TooLarge: the plain body exceeds ``limit``; at most ``limit`` bytes were inflated to find out.
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
        raise TooLarge(detail=f"The body is larger than {limit} bytes. Send smaller batches.")
    return plain


def _gunzip(body: bytes, limit: int) -> bytes:
    """All members of the stream, up to one byte beyond the limit."""
    pieces: list[bytes] = []
    room = limit + 1
    while body and room > 0:
        stream = zlib.decompressobj(_GZIP)
        try:
            piece = stream.decompress(body, room)
        except zlib.error as error:
            raise BadInput(f"The gzip body cannot be read: {error}.", code="bad_gzip") from None
        pieces.append(piece)
        room -= len(piece)
        if not stream.eof and room > 0:
            raise BadInput("The gzip body is cut short.", code="bad_gzip")
        body = stream.unused_data.lstrip(b"\x00")
    return b"".join(pieces)
