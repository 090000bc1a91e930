"""Why a book cannot be borrowed, renewed or found."""

from banyan_sdk import Problem


class NoSuchBook(Problem):
    """The library does not have this book."""

    code = "no_such_book"
    status = 404


class NoSuchLoan(Problem):
    """You have no such loan."""

    code = "no_such_loan"
    status = 404


class AlreadyBorrowed(Problem):
    """You have this book already."""

    code = "already_borrowed"
    status = 409


class NoCopyLeft(Problem):
    """All copies are out. `due` says when the next one should be back."""

    code = "no_copy_left"
    status = 409


class TooManyLoans(Problem):
    """You have as many books as one reader may have. Return one first."""

    code = "too_many_loans"
    status = 409


class NotRenewable(Problem):
    """This loan cannot be renewed: it was renewed before, or is overdue."""

    code = "not_renewable"
    status = 409


class KeyNeeded(Problem):
    """Send an Idempotency-Key, so that a repeated request borrows once."""

    code = "idempotency_key_needed"
    status = 400


class KeyReused(Problem):
    """This Idempotency-Key belongs to another request."""

    code = "idempotency_key_reused"
    status = 422
