"""What the firm, not the trader, asks of an account: halts, and money in and out."""
