"""The grants of the token endpoint, a file each."""
