"""What a checker says: one thing to mend, where, how bad, and how."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to mend: which rule, where (JSON pointer, RFC 6901), how bad, what is wrong and what to do."""

    rule: str
    pointer: str
    severity: Severity
    message: str
    mend: str


def error(rule: str, pointer: str, message: str, mend: str) -> Finding:
    return Finding(rule=rule, pointer=pointer, severity=Severity.ERROR, message=message, mend=mend)


def warning(rule: str, pointer: str, message: str, mend: str) -> Finding:
    return Finding(rule=rule, pointer=pointer, severity=Severity.WARNING, message=message, mend=mend)
