"""`python -m banyan_sdk` is `banyan-app`."""

from banyan_sdk.cli import main

main()
