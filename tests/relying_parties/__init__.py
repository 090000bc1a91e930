"""Other people's programs. A package, so that the city and the programs end with the last test in here."""
