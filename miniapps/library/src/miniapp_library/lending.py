"""The rules of lending. Pure."""

import secrets
from datetime import date, datetime, timedelta, timezone

FUZHOU = timezone(timedelta(hours=8), "CST")  # a book is due when the day ends in Fuzhou
LOAN = timedelta(days=28)
RENEWALS = 1
MOST_LOANS = 10  # at the same time, per reader
NAME_KEPT = timedelta(days=365)  # after the last loan, as the manifest promises
REMIND = timedelta(days=3)  # before a book is due


def due_of_new_loan(today: date) -> date:
    return today + LOAN


def due_after_renewal(due: date, today: date) -> date:
    """Four weeks from today, and never earlier than it was."""
    return max(due, today + LOAN)


def may_renew(due: date, renewals: int, today: date) -> bool:
    """Once, and not when the book is overdue: then someone may be waiting."""
    return renewals < RENEWALS and today <= due


def today_in_fuzhou(now: datetime) -> date:
    return now.astimezone(FUZHOU).date()


def spoken(day: date) -> dict[str, str]:
    """A date as people say it, per language."""
    return {"en": f"{day.day} {day:%B %Y}", "zh-CN": f"{day.year}年{day.month}月{day.day}日"}


def new_card_number() -> str:
    """Ten random digits and a check digit (Luhn), in groups: it tells nobody how many readers there are."""
    digits = f"{secrets.randbelow(9) + 1}{secrets.randbelow(10**9):09d}"
    doubled = [int(digit) * (2 - index % 2) for index, digit in enumerate(reversed(digits))]
    check = -sum(value - 9 if value > 9 else value for value in doubled) % 10
    return f"{digits[:4]} {digits[4:8]} {digits[8:]}{check}"
