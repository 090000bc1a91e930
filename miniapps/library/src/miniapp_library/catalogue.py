"""The books, and how people find them. Pure."""

import csv
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

CATALOGUE = Path(__file__).with_name("catalogue.tsv")


class Subject(StrEnum):
    FUZHOU = "fuzhou"
    FICTION = "fiction"
    POETRY = "poetry"
    DRAMA = "drama"
    ESSAYS = "essays"
    THOUGHT = "thought"
    HISTORY = "history"
    SCIENCE = "science"
    CHILDREN = "children"


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """`year` is negative before the common era; `circa` says that nobody knows it exactly."""

    id: str
    title: dict[str, str]
    author: dict[str, str]
    year: int
    circa: bool
    subject: Subject
    copies: int
    haystack: str

    def described(self) -> dict[str, object]:
        return {
            "id": self.id,
            "title": self.title,
            "author": self.author,
            "year": self.year,
            "circa": self.circa,
            "subject": self.subject,
            "copies": self.copies,
        }


class Catalogue:
    def __init__(self, books: Iterable[Book]) -> None:
        self.books = list(books)
        self._by_id = {book.id: book for book in self.books}

    def get(self, book_id: str) -> Book | None:
        return self._by_id.get(book_id)

    def search(self, query: str, subject: str | None = None) -> list[Book]:
        """Books whose title or author, in either language, contain every word of the query, best first.

        Case, accents and punctuation do not matter. An empty query finds everything, in the order of the shelves.
        """
        words = folded(query).split()
        found = [
            book
            for book in self.books
            if (not subject or book.subject == subject) and all(word in book.haystack for word in words)
        ]
        return sorted(found, key=lambda book: _distance(book, words)) if words else found


def _distance(book: Book, words: list[str]) -> int:
    """0 when a title begins with the words, 1 when a title has them, 2 when it takes the author."""
    wanted = " ".join(words)
    titles = [folded(title) for title in book.title.values()]
    if any(title.startswith(wanted) or title.removeprefix("the ").startswith(wanted) for title in titles):
        return 0
    return 1 if any(all(word in title for word in words) for title in titles) else 2


def folded(text: str) -> str:
    """Text as it is compared: no case, no accents, no punctuation, one width."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    kept = (
        letter if letter.isalnum() else "" if unicodedata.combining(letter) or letter in "'’·" else " "
        for letter in letters
    )
    return " ".join("".join(kept).split())


@cache
def shelves() -> Catalogue:
    """The catalogue that ships with the library."""
    with CATALOGUE.open(encoding="utf-8", newline="") as file:
        return Catalogue(_book(row) for row in csv.DictReader(file, delimiter="\t"))


def _book(row: dict[str, str]) -> Book:
    words = [row["title_zh"], row["title_en"], row["author_zh"], row["author_en"]]
    return Book(
        id=row["id"],
        title={"en": row["title_en"], "zh-CN": row["title_zh"]},
        author={"en": row["author_en"], "zh-CN": row["author_zh"]},
        year=int(row["year"].removeprefix("~")),
        circa=row["year"].startswith("~"),
        subject=Subject(row["subject"]),
        copies=int(row["copies"]),
        haystack=" | ".join(map(folded, words)),
    )
