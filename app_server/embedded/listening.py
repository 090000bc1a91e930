"""A port to listen on, or a sentence about why not."""

import errno
import os
import socket
from contextlib import suppress


class PortTaken(Exception):
    """Nothing can listen there; the message says why and what to do."""


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address. Raises `PortTaken`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        if error.errno == errno.EADDRINUSE:
            other = _free_after(family, host, port)
            remedy = f"end the program that has it, or choose another with PORT={other} (or --port {other})"
        elif error.errno == errno.EACCES:
            remedy = "ports below 1024 are for root; choose another with PORT=8000 (or --port 8000)"
        else:
            remedy = "choose another address with --host"
        raise PortTaken(f"Port {port} of {host} cannot be used ({reason}): {remedy}.") from None


def _free_after(family: socket.AddressFamily, host: str, port: int) -> int:
    for other in range(port + 1, min(port + 50, 65536)):
        with suppress(OSError), socket.create_server((host, other), family=family):
            return other
    return 0
