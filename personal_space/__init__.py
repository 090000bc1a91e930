"""What is a resident's own: for now the book of who saw their data."""
