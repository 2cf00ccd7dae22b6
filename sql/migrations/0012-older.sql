-- accounts that a journal in doubt comes to know later

-- Why the journal may be older than what was sent from an account that it does not know
-- yet; NULL: it is not. It outlives the doubt, which is that of the accounts it knows.
ALTER TABLE journal ADD COLUMN older TEXT;
