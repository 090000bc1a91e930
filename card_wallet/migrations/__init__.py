"""How the wallet's tables came to be as they are."""
