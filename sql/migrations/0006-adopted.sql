-- Payments that this journal had forgotten, adopted as an item's when they are seen.

-- An intent without a nonce of its own, because another one holds that of the transaction
-- that pays it: what consumes the nonce decides on both.
ALTER TABLE intent ADD COLUMN shared_nonce {{INT}};
CREATE INDEX intent_shared ON intent (account, shared_nonce) WHERE shared_nonce IS NOT NULL;
