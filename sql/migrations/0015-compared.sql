-- payments that come while a list is read

-- Uses of the account's nonces below this one were held against the plan; the others are
-- when all rows are there. NULL: all were.
ALTER TABLE airdrop ADD COLUMN compared {{INT}};
