"""What of a payment goes back by another way than a refund, so that it goes back once."""

SQL = """
CREATE TABLE payments_asides (
  aside_id     uuid PRIMARY KEY,
  payment_id   uuid NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  set_aside_at timestamptz NOT NULL,
  put_back_at  timestamptz,
  recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- Of two that would take the same money another way, the second fails here.
CREATE UNIQUE INDEX payments_asides_one ON payments_asides (payment_id)
  WHERE put_back_at IS NULL;

-- The prices that went back with payouts before this was written down.
INSERT INTO payments_asides (aside_id, payment_id, amount_minor, currency, set_aside_at)
  SELECT p.id, y.payment_id, p.fee_minor, p.currency, p.requested_at
  FROM payouts_payouts p
  JOIN challenges_challenges c ON c.id = p.challenge_id
  JOIN payments_payments y USING (purchase_id)
  WHERE p.fee_minor > 0 AND p.left_in IS DISTINCT FROM 'account';

GRANT SELECT, INSERT ON payments_asides TO tradesense_app;
GRANT UPDATE (put_back_at) ON payments_asides TO tradesense_app;
GRANT SELECT ON payments_asides TO tradesense_reader;
"""
