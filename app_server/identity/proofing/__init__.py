"""How well the city knows who a resident is: what was verified, by whom, with what evidence."""
