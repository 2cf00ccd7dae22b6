-- each subscriber hears of a transaction by the number of confirmations that he asked for

-- NULL: by the transaction's own, as it was before.
ALTER TABLE subscription ADD COLUMN confirmations {{INT}};
-- So deep all was told that comes with depth, in this round.
ALTER TABLE tracked ADD COLUMN deep {{INT}} NOT NULL DEFAULT 0;
-- Included, and confirmed or final.
UPDATE tracked SET deep = (confirmations * percent + 99) / 100 WHERE state = 2;
UPDATE tracked SET deep = confirmations WHERE state IN (3, 6);
