"""Orders, and how they ended."""

SQL = """
CREATE TABLE purchases_purchases (
  id           uuid PRIMARY KEY,
  user_id      uuid NOT NULL,
  plan         text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  status       text NOT NULL CHECK (status IN
                 ('awaiting_payment', 'paid', 'active', 'refunded', 'cancelled', 'failed')),
  reason       text,
  opened_at    timestamptz NOT NULL,
  CHECK (status NOT IN ('refunded', 'cancelled', 'failed') OR reason IS NOT NULL)
);
CREATE INDEX purchases_by_user ON purchases_purchases (user_id, opened_at DESC);

GRANT SELECT ON purchases_purchases TO tradesense_app, tradesense_reader;
GRANT INSERT ON purchases_purchases TO tradesense_app;
GRANT UPDATE (status, reason) ON purchases_purchases TO tradesense_app;
"""
