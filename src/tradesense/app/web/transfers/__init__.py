"""What a buyer sees who pays by bank transfer."""
