"""How much one mini-app may take of the city's gateway."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Times in seconds, sizes in bytes, for each mini-app in each process."""

    connect: float = 0.5  # until a connection stands
    first_byte: float = 10.0  # from the end of the request to the first byte of the answer
    whole: float = 30.0  # from the first byte of the request to the last byte of the answer
    at_once: int = 20  # calls under way
    uploads: int = 10  # of them those whose request is still coming in: callers who dawdle leave room for the others
    silence: float = 5.0  # between two pieces of a request's body
    waiting: int = 100  # calls that wait for one of those places
    patience: float = 2.0  # how long a call waits for a place
    rate: float = 1_000.0  # calls a second in the long run
    burst: float = 2_000.0  # calls at once after a quiet time
    longest_request: int = 16 * 1024 * 1024
    longest_answer: int = 64 * 1024 * 1024
