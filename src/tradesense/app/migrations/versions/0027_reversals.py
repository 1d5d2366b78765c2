"""Which transfer takes a lost dispute back, where the buyer's bank gave the money back later."""

SQL = """
ALTER TABLE payments_disputes
  ADD COLUMN reversal_id uuid,  -- the transfer that takes the writing off back
  ADD CHECK (reversal_id IS NULL OR status = 'won');
GRANT UPDATE (reversal_id) ON payments_disputes TO tradesense_app;
"""
