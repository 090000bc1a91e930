"""What the registry refuses."""

from app_server.kernel.problems import Problem


class MiniAppUnknown(Problem):
    """There is no such mini-service in this city. Go back and choose one from the list."""

    code = "miniapp_unknown"
    status = 404


class ListingActionNotPossible(Problem):
    """That cannot be done to the listing in its present state. Load it again to see where it stands."""

    code = "listing_action_not_possible"
    status = 409


class ManifestNotAccepted(Problem):
    """The manifest has errors. Mend what is named, then hand it in again."""

    code = "manifest_not_accepted"
    status = 422
