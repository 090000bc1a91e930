"""The library of Fuzhou as a mini-app: a catalogue, loans with due dates, and a card in the wallet."""
