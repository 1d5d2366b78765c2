"""Payouts, who approved them, and who traders are."""

SQL = """
CREATE TABLE payouts_payouts (
  id              uuid PRIMARY KEY,
  user_id         uuid NOT NULL,
  challenge_id    uuid NOT NULL,
  account_id      uuid NOT NULL,
  currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  asked_minor     bigint CHECK (asked_minor > 0),
  number          integer NOT NULL CHECK (number > 0),
  split_bp        integer NOT NULL CHECK (split_bp BETWEEN 0 AND 10000),
  alone_max_minor bigint NOT NULL CHECK (alone_max_minor >= 0),
  payee_name      text NOT NULL CHECK (payee_name <> ''),
  payee_account   text NOT NULL CHECK (payee_account <> ''),
  requested_at    timestamptz NOT NULL,
  status          text NOT NULL CHECK (status IN
                    ('requested', 'frozen', 'sent', 'paid', 'returned', 'refused')),
  withdrawn_minor bigint CHECK (withdrawn_minor > 0),
  share_minor     bigint NOT NULL DEFAULT 0 CHECK (share_minor >= 0),
  fee_minor       bigint NOT NULL DEFAULT 0 CHECK (fee_minor >= 0),
  decision        text CHECK (decision IN ('approved', 'rejected')),
  reason          text,
  left_in         text CHECK (left_in IN ('account', 'payable')),
  recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK (status IN ('requested', 'refused') OR withdrawn_minor IS NOT NULL),
  CHECK (share_minor <= coalesce(withdrawn_minor, 0)),
  CHECK (status NOT IN ('sent', 'paid', 'returned') OR decision = 'approved'),
  CHECK (status <> 'refused' OR reason IS NOT NULL),
  CHECK (left_in IS NULL OR status IN ('returned', 'refused'))
);
CREATE INDEX payouts_by_user ON payouts_payouts (user_id, requested_at DESC);
CREATE INDEX payouts_by_challenge ON payouts_payouts (challenge_id);
-- Of two requests at once, one waits here for the other's commit, and finds it.
CREATE UNIQUE INDEX payouts_one_on_its_way ON payouts_payouts (challenge_id)
  WHERE status IN ('requested', 'frozen', 'sent');
-- The price of a challenge goes back once.
CREATE UNIQUE INDEX payouts_fee_once ON payouts_payouts (challenge_id)
  WHERE fee_minor > 0 AND left_in IS DISTINCT FROM 'account';

CREATE TABLE payouts_approvals (
  payout_id   uuid NOT NULL REFERENCES payouts_payouts,
  approved_by text NOT NULL CHECK (approved_by <> ''),
  approved_at timestamptz NOT NULL,
  PRIMARY KEY (payout_id, approved_by)
);

CREATE TABLE payouts_identities (
  user_id    uuid PRIMARY KEY,
  state      text NOT NULL CHECK (state IN ('pending', 'verified', 'rejected')),
  reason     text NOT NULL,
  decided_by text,
  asked_at   timestamptz NOT NULL,
  CHECK ((state = 'pending') = (decided_by IS NULL))
);

GRANT SELECT, INSERT ON payouts_payouts, payouts_approvals, payouts_identities TO tradesense_app;
GRANT UPDATE (status, withdrawn_minor, share_minor, fee_minor, decision, reason, left_in)
  ON payouts_payouts TO tradesense_app;
GRANT UPDATE (state, reason, decided_by) ON payouts_identities TO tradesense_app;
GRANT SELECT ON payouts_payouts, payouts_approvals, payouts_identities TO tradesense_reader;
"""
