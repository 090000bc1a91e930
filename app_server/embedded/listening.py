"""A port to listen on, or a sentence about why not."""

import socket


class PortTaken(Exception):
    """Nothing can listen there; the message says why and what to do."""


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address. Raises `PortTaken`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise PortTaken(
            f"Port {port} of {host} cannot be used ({error.strerror}): choose another with PORT= or --port, or end the "
            "program that has it."
        ) from None
