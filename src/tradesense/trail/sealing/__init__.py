"""One process puts every committed entry into one order and signs it."""
