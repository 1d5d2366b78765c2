"""What the firm, not the trader, asks of an account: halts, and profit paid out or put back."""
