"""The shelves, and how people find a book."""

import json

import pytest
from banyan_sdk.manifest import check
from banyan_sdk.pages import lint
from banyan_sdk.testing import City

from miniapp_library.app import HERE, manifest_file
from miniapp_library.catalogue import Subject, shelves


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("红楼梦", "dream-of-the-red-chamber"),
        ("曹雪芹", "dream-of-the-red-chamber"),
        ("RED chamber", "dream-of-the-red-chamber"),
        ("简爱", "jane-eyre"),
        ("les miserables", "les-miserables"),
        ("LES MISÉRABLES", "les-miserables"),
        ("sherlock", "sherlock-holmes"),
        ("tolstoy war", "war-and-peace"),
        ("odyssey", "the-odyssey"),
        ("Wu Cheng’en", "journey-to-the-west"),
        ("林纾", "lady-of-the-camellias"),
        ("alices adventures", "alice"),
    ],
)
def test_people_find_a_book_in_their_own_words(query: str, first: str) -> None:
    assert shelves().search(query)[0].id == first


def test_a_title_comes_before_an_author_of_that_name() -> None:
    assert shelves().search("孟子")[0].id == "mencius"
    assert {book.author["en"] for book in shelves().search("lu xun")} == {"Lu Xun"}


def test_nothing_is_found_for_nonsense_and_everything_for_nothing() -> None:
    assert shelves().search("xyzzy") == []
    assert len(shelves().search(" … ")) == len(shelves().books)


def test_the_shelves_are_whole() -> None:
    books = shelves().books
    assert len(books) >= 150
    assert len({book.id for book in books}) == len(books)
    assert {book.subject for book in books} == set(Subject)
    for book in books:
        assert 1 <= book.copies <= 4
        assert -1000 <= book.year <= 1957
        assert all(text.strip() == text and text for text in (*book.title.values(), *book.author.values()))
        assert any("\u4e00" <= letter <= "\u9fff" for letter in book.title["zh-CN"])
        assert not any("\u4e00" <= letter <= "\u9fff" for letter in book.title["en"] + book.author["en"])


async def test_the_catalogue_comes_in_screenfuls(city: City) -> None:
    visit = await city.open(city.resident())
    seen: list[str] = []
    cursor: str | None = "0"
    while cursor is not None:
        page = (await visit.get("/api/books", cursor=cursor)).json()
        seen += [book["id"] for book in page["items"]]
        cursor = page["next"]
    assert seen == [book.id for book in shelves().books]
    fuzhou = (await visit.get("/api/books", subject="fuzhou")).json()
    assert {book["subject"] for book in fuzhou["items"]} == {"fuzhou"}


async def test_a_reader_sees_which_books_she_has(city: City) -> None:
    visit = await city.open(city.resident())
    loan = (await visit.post("/api/loans", {"book_id": "walden"})).json()
    (book,) = (await visit.get("/api/books", q="walden")).json()["items"]
    assert (book["loan"], book["copies"] - book["available"]) == (loan["id"], 1)


def test_the_manifest_and_the_pages_have_nothing_to_mend() -> None:
    assert check(json.loads(manifest_file().read_bytes())) == []
    assert lint(HERE / "pages") == []


def test_both_languages_say_everything() -> None:
    english, chinese = (json.loads((HERE / f"pages/messages/{name}.json").read_bytes()) for name in ("en", "zh-CN"))
    assert english.keys() == chinese.keys()
    for subject in Subject:
        assert f"subject.{subject}" in english
