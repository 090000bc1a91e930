"""`python -m miniapp_library` serves the library where the environment says."""

from miniapp_library.app import library

library().run()
