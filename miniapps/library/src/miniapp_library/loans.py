"""Loans and readers in the library's own file. A change and what the platform must hear of it are one transaction."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import uuid4

from banyan_sdk import Launch, MiniApp
from banyan_sdk.protocol import Scope

from miniapp_library import lending
from miniapp_library.catalogue import Book, Catalogue
from miniapp_library.problems import (
    AlreadyBorrowed,
    KeyReused,
    NoCopyLeft,
    NoSuchBook,
    NoSuchLoan,
    NotRenewable,
    TooManyLoans,
)

Clock = Callable[[], datetime]

# One row per loan, for ever without a name. The two partial indexes are the promises: a copy is with one reader at a
# time, and a reader has a book once; `key` makes a repeated request the same loan.
SCHEMA = """
create table if not exists readers (
    sub text primary key,
    name text,
    card_number text not null unique,
    card_version integer not null default 0,
    created_at text not null
) without rowid;
create table if not exists loans (
    id text primary key,
    sub text not null references readers (sub),
    key text not null,
    book_id text not null,
    copy integer not null,
    borrowed_on text not null,
    due text not null,
    renewals integer not null default 0,
    renewal_key text,
    returned_on text,
    reminded_of text,
    unique (sub, key)
) without rowid;
create unique index if not exists a_copy_is_with_one_reader on loans (book_id, copy) where returned_on is null;
create unique index if not exists a_reader_has_a_book_once on loans (sub, book_id) where returned_on is null;
create index if not exists loans_of_reader on loans (sub, borrowed_on);
create index if not exists loans_by_due on loans (due) where returned_on is null;
"""


@dataclass(frozen=True, slots=True)
class Desk:
    """The lending desk: what residents can do with the catalogue's books."""

    app: MiniApp
    catalogue: Catalogue
    clock: Clock = lambda: datetime.now(UTC)

    def today(self) -> date:
        return lending.today_in_fuzhou(self.clock())

    async def borrow(self, launch: Launch, book_id: str, key: str) -> dict[str, object]:
        """Lend a copy. The same key again is the same loan.

        Problems: NoSuchBook, AlreadyBorrowed, NoCopyLeft, TooManyLoans, KeyReused.
        """
        book = self._book(book_id)

        def change(db: sqlite3.Connection) -> sqlite3.Row:
            if before := db.execute("select * from loans where sub = ? and key = ?", (launch.sub, key)).fetchone():
                if before["book_id"] != book_id:
                    raise KeyReused
                return _row(before)
            mine = [row["book_id"] for row in db.execute(_OPEN_OF_READER, (launch.sub,))]
            if book_id in mine:
                raise AlreadyBorrowed
            if len(mine) >= lending.MOST_LOANS:
                raise TooManyLoans
            out = {row["copy"]: row["due"] for row in db.execute(_OPEN_OF_BOOK, (book_id,))}
            copy = next((number for number in range(1, book.copies + 1) if number not in out), None)
            if copy is None:
                raise NoCopyLeft(due=min(out.values()))
            self._welcome(db, launch)
            today = self.today()
            due = lending.due_of_new_loan(today)
            db.execute(
                "insert into loans (id, sub, key, book_id, copy, borrowed_on, due) values (?, ?, ?, ?, ?, ?, ?)",
                (loan_id := str(uuid4()), launch.sub, key, book_id, copy, today.isoformat(), due.isoformat()),
            )
            number = self._reissue_card(db, launch.sub)
            if Scope.NOTICES_SEND in launch.scopes:
                self.app.later.notify(
                    db,
                    launch.sub,
                    "borrowed",
                    key=f"borrowed:{loan_id}",
                    title=book.title,
                    due=lending.spoken(due),
                    card_number=number,
                )
            return _loan(db, loan_id, launch.sub)

        return self._described(await self.app.store.write(change))

    async def give_back(self, launch: Launch, loan_id: str) -> dict[str, object]:
        """Take a book back. Returning it again changes nothing. Problem: NoSuchLoan."""

        def change(db: sqlite3.Connection) -> sqlite3.Row:
            loan = _loan(db, loan_id, launch.sub)
            if loan["returned_on"] is not None:
                return loan
            db.execute("update loans set returned_on = ? where id = ?", (self.today().isoformat(), loan_id))
            self._reissue_card(db, launch.sub)
            if Scope.NOTICES_SEND in launch.scopes:
                title = self._title(loan["book_id"])
                self.app.later.notify(db, launch.sub, "returned", key=f"returned:{loan_id}", title=title)
            return _loan(db, loan_id, launch.sub)

        return self._described(await self.app.store.write(change))

    async def renew(self, launch: Launch, loan_id: str, key: str) -> dict[str, object]:
        """Four more weeks, once. The same key again is the same renewal. Problems: NoSuchLoan, NotRenewable."""

        def change(db: sqlite3.Connection) -> sqlite3.Row:
            loan = _loan(db, loan_id, launch.sub)
            if loan["renewal_key"] == key:
                return loan
            due, today = date.fromisoformat(loan["due"]), self.today()
            if loan["returned_on"] is not None or not lending.may_renew(due, loan["renewals"], today):
                raise NotRenewable
            db.execute(
                "update loans set due = ?, renewals = renewals + 1, renewal_key = ? where id = ?",
                (lending.due_after_renewal(due, today).isoformat(), key, loan_id),
            )
            return _loan(db, loan_id, launch.sub)

        return self._described(await self.app.store.write(change))

    async def loans(self, launch: Launch) -> dict[str, object]:
        """What this reader has, what is due first before the rest, and the last twenty that came back."""

        def question(db: sqlite3.Connection) -> tuple[list[sqlite3.Row], list[sqlite3.Row], sqlite3.Row | None]:
            reader = db.execute("select card_number from readers where sub = ?", (launch.sub,)).fetchone()
            past = "select * from loans where sub = ? and returned_on is not null order by returned_on desc limit 20"
            return (
                db.execute(_OPEN_OF_READER, (launch.sub,)).fetchall(),
                db.execute(past, (launch.sub,)).fetchall(),
                reader,
            )

        open_loans, past, reader = await self.app.store.read(question)
        return {
            "items": [self._described(loan) for loan in open_loans],
            "returned": [self._described(loan) for loan in past],
            "most": lending.MOST_LOANS,
            "card_number": reader["card_number"] if reader else None,
        }

    async def availability(self, launch: Launch) -> tuple[dict[str, int], dict[str, str]]:
        """How many copies of each book are out, and this reader's loan of a book."""

        def question(db: sqlite3.Connection) -> tuple[dict[str, int], dict[str, str]]:
            out = "select book_id, count(*) as copies from loans where returned_on is null group by book_id"
            return (
                {row["book_id"]: row["copies"] for row in db.execute(out)},
                {row["book_id"]: row["id"] for row in db.execute(_OPEN_OF_READER, (launch.sub,))},
            )

        return await self.app.store.read(question)

    async def remind(self) -> int:
        """Tell readers what is due within three days, once for each due date. Returns how many were told.

        Nobody is told of a book that has left the catalogue.
        """

        def change(db: sqlite3.Connection) -> int:
            today = self.today()
            due = db.execute(
                "select * from loans where returned_on is null and due between ? and ? and reminded_of is not due",
                (today.isoformat(), (today + lending.REMIND).isoformat()),
            ).fetchall()
            known = [loan for loan in due if self.catalogue.get(loan["book_id"])]
            for loan in known:
                self.app.later.notify(
                    db,
                    loan["sub"],
                    "due_soon",
                    key=f"due_soon:{loan['id']}:{loan['due']}",
                    title=self._title(loan["book_id"]),
                    due=lending.spoken(date.fromisoformat(loan["due"])),
                )
                db.execute("update loans set reminded_of = due where id = ?", (loan["id"],))
            return len(known)

        return await self.app.store.write(change)

    async def tidy(self) -> int:
        """Keep the promise of the manifest: a year after the last loan a name goes. Returns how many went."""
        long_ago = (self.today() - lending.NAME_KEPT).isoformat()

        def change(db: sqlite3.Connection) -> int:
            return db.execute(
                "update readers set name = null where name is not null and created_at < ? and not exists"
                " (select 1 from loans where loans.sub = readers.sub and coalesce(returned_on, '9999') >= ?)",
                (long_ago, long_ago),
            ).rowcount

        return await self.app.store.write(change)

    async def forget_name(self, sub: str) -> None:
        """The reader took her name back: it leaves our file and, with the next word to the platform, her card."""

        def change(db: sqlite3.Connection) -> None:
            if db.execute("update readers set name = null where sub = ? and name is not null", (sub,)).rowcount:
                self._reissue_card(db, sub)

        await self.app.store.write(change)

    def _welcome(self, db: sqlite3.Connection, launch: Launch) -> None:
        db.execute(
            "insert into readers (sub, name, card_number, created_at) values (?, ?, ?, ?)"
            " on conflict (sub) do update set name = excluded.name",
            (launch.sub, launch.name, lending.new_card_number(), self.clock().isoformat()),
        )

    def _reissue_card(self, db: sqlite3.Connection, sub: str) -> str:
        """Promise the platform a card that says how things are now; the card's number."""
        reader = db.execute(
            "update readers set card_version = card_version + 1 where sub = ? returning *", (sub,)
        ).fetchone()
        number = str(reader["card_number"])
        fields = {"card_number": number, "loans_open": str(len(db.execute(_OPEN_OF_READER, (sub,)).fetchall()))}
        if reader["name"]:
            fields["holder_name"] = reader["name"]
        key = f"card:{sub}:{reader['card_version']}"
        self.app.later.issue_card(db, sub, "library-card", key=key, number=number, fields=fields)
        return number

    def _book(self, book_id: str) -> Book:
        book = self.catalogue.get(book_id)
        if book is None:
            raise NoSuchBook
        return book

    def _title(self, book_id: str) -> dict[str, str]:
        """A book that has left the catalogue goes by its id until it is back."""
        book = self.catalogue.get(book_id)
        return book.title if book else {"en": book_id, "zh-CN": book_id}

    def _described(self, loan: sqlite3.Row) -> dict[str, object]:
        book = self.catalogue.get(loan["book_id"])
        due, today, is_open = date.fromisoformat(loan["due"]), self.today(), loan["returned_on"] is None
        return {
            "id": loan["id"],
            "book": book.described() if book else {"id": loan["book_id"], "title": self._title(loan["book_id"])},
            "borrowed_on": loan["borrowed_on"],
            "due": loan["due"],
            "days_left": (due - today).days,
            "renewable": is_open and lending.may_renew(due, loan["renewals"], today),
            "returned_on": loan["returned_on"],
        }


_OPEN_OF_READER = "select * from loans where sub = ? and returned_on is null order by due, id"
_OPEN_OF_BOOK = "select copy, due from loans where book_id = ? and returned_on is null"


def _loan(db: sqlite3.Connection, loan_id: str, sub: str) -> sqlite3.Row:
    return _row(db.execute("select * from loans where id = ? and sub = ?", (loan_id, sub)).fetchone())


def _row(row: sqlite3.Row | None) -> sqlite3.Row:
    if row is None:
        raise NoSuchLoan
    return row
