-- what an account did before the journal knew it

-- What a transaction that no attempt knows pays, if it is a payment: while no item is
-- known for it, it is held against later plans. And its fees, which may carry a tag.
ALTER TABLE consumed ADD COLUMN asset {{BLOB}};    -- the token; NULL: the native coin
ALTER TABLE consumed ADD COLUMN payee {{BLOB}};    -- NULL: it pays nobody
ALTER TABLE consumed ADD COLUMN amount {{BLOB}};
ALTER TABLE consumed ADD COLUMN fee_type {{INT}};
ALTER TABLE consumed ADD COLUMN gas {{INT}};
ALTER TABLE consumed ADD COLUMN max_fee {{INT}};
ALTER TABLE consumed ADD COLUMN tip {{INT}};
CREATE INDEX consumed_by_payee ON consumed (payee) WHERE payee IS NOT NULL;

-- From this height on every use of its nonces is known; NULL: its past is not read yet.
ALTER TABLE account ADD COLUMN past_from {{INT}};
