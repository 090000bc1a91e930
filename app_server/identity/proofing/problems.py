"""What verifying somebody refuses."""

from app_server.kernel.problems import Problem


class DocumentNumberNotValid(Problem):
    """That is not the number of such a document. Compare it with the document, digit by digit."""

    code = "document_number_not_valid"
    status = 400


class IdentityNotMatched(Problem):
    """The register does not know this name with this number. Compare both with your identity card.

    If both are right, a service counter can verify you in person.
    """

    code = "identity_not_matched"
    status = 409


class IdentityInUse(Problem):
    """This person has a verified account already. Sign in there, or visit a service counter if you have no way in."""

    code = "identity_in_use"
    status = 409


class IdentityIsAnother(Problem):
    """This account is verified as another person. An account is for one person; a service counter helps."""

    code = "identity_is_another"
    status = 409


class RegisterUnavailable(Problem):
    """The register does not answer at the moment. Nothing is lost; try again later, or visit a service counter."""

    code = "register_unavailable"
    status = 503
