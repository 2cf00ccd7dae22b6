-- What only a fence has.

-- name: fence_add
-- in: operation i64, below i64, why text
INSERT INTO fence (operation, below, why) VALUES (:operation, :below, :why);

-- Another doubt, while it was under way.
-- name: fence_raise
-- in: operation i64, below i64, why text
UPDATE fence SET below = :below, why = :why WHERE operation = :operation;

-- name: fence_get
-- in: operation i64
-- out: below i64, why text, asked amount?, accepted amount?
SELECT below, why, asked, accepted FROM fence WHERE operation = :operation;

-- name: fence_ask
-- in: operation i64, asked amount
UPDATE fence SET asked = :asked WHERE operation = :operation;

-- The operator accepts what he was asked for.
-- name: fence_accept
-- in: operation i64
UPDATE fence SET accepted = asked WHERE operation = :operation AND asked IS NOT NULL;
