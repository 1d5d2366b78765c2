"""Money back to the buyer: decided here or seen at the provider, never more than was received."""
