"""The pages people see: the resident app's shell, sign-in, consent, kind problem pages, and the files they load."""
