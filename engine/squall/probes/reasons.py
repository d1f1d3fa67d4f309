"""Why a question got no answer, in words a person can act on.

Used by the probes for what the system says of connections and certificates, however deep a library
has buried it.
"""

import os
import re
import socket
import ssl
from collections.abc import Iterator


def why(error: BaseException) -> str:
    """The reason at the bottom of a chain of exceptions."""
    for cause in _causes(error):
        # Without a number it only sums up others: "All connection attempts failed".
        if isinstance(cause, OSError) and cause.errno is not None:
            return said(cause)
    return str(error) or type(error).__name__


def said(error: OSError) -> str:
    """What the system said; of a host with several addresses, about the first."""
    if error.errno is None and (number := re.search(r"\[Errno (\d+)\]", str(error))):
        error = OSError(int(number[1]), os.strerror(int(number[1])))
    match error:
        case ConnectionRefusedError():
            return "connection refused"
        case socket.gaierror():
            return "no such host"
        case ConnectionResetError() | BrokenPipeError():
            return "the connection was reset"
        case ssl.SSLCertVerificationError():
            return f"the certificate is not trusted ({error.verify_message})"
        case ssl.SSLError():
            return f"TLS failed ({error.reason or error})"
        case _:
            return (error.strerror or str(error)).lower()


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception, what it stands for, and what led to that, outermost first."""
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting:
        here = waiting.pop(0)
        if id(here) in seen:
            continue
        seen.add(id(here))
        yield here
        if isinstance(here, BaseExceptionGroup):
            waiting.extend(here.exceptions)
        waiting.extend(each for each in (here.__cause__, here.__context__) if each is not None)
