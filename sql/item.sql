-- Items: the rows of an operation.

-- name: item_add
-- in: operation i64, row i64, line i64, recipient b20, amount amount, memo text?
INSERT INTO item (operation, row, line, recipient, amount, memo, state)
VALUES (:operation, :row, :line, :recipient, :amount, :memo, 0);

-- name: item_get
-- in: operation i64, row i64
-- out: row i64, line i64, recipient b20, amount amount, memo text?, state i64, intent i64?, gas i64?, reason text?
SELECT row, line, recipient, amount, memo, state, intent, gas, reason
FROM item WHERE operation = :operation AND row = :row;

-- The subquery is what makes SQLite take the partial index, and not walk over all the
-- rows that are paid already.
-- name: item_next_pending
-- in: operation i64
-- out: row i64, recipient b20, amount amount, gas i64?
SELECT row, recipient, amount, gas FROM item
WHERE operation = :operation
	AND row = (SELECT MIN(row) FROM item WHERE operation = :operation AND state = 0);

-- name: item_from
-- in: operation i64, row i64, max i64
-- out: row i64, line i64, recipient b20, amount amount, memo text?, state i64, intent i64?, gas i64?, reason text?
SELECT row, line, recipient, amount, memo, state, intent, gas, reason
FROM item WHERE operation = :operation AND row >= :row ORDER BY row LIMIT :max;

-- name: item_move
-- in: operation i64, row i64, from i64, to i64, intent i64?, reason text?
UPDATE item SET state = :to, intent = :intent, reason = :reason
WHERE operation = :operation AND row = :row AND state = :from;

-- A live one goes over to another intent of its.
-- name: item_carried
-- in: operation i64, row i64, intent i64
UPDATE item SET intent = :intent WHERE operation = :operation AND row = :row AND state = 1;

-- name: item_gas
-- in: operation i64, row i64, gas i64?
UPDATE item SET gas = :gas WHERE operation = :operation AND row = :row;

-- Pending rows with an estimate of their own.
-- name: item_own_gas
-- in: operation i64
-- out: n i64, gas i64
SELECT COUNT(gas) AS n, CAST(COALESCE(SUM(gas), 0) AS BIGINT) AS gas FROM item
WHERE operation = :operation AND state = 0;

-- name: item_reason
-- in: operation i64, row i64, reason text?
UPDATE item SET reason = :reason WHERE operation = :operation AND row = :row;

-- name: item_by_recipient
-- in: recipient b20, operation i64
-- out: row i64
SELECT row FROM item WHERE recipient = :recipient AND operation = :operation ORDER BY row;

-- name: item_void_list
-- in: operation i64
-- out: row i64, amount amount, reason text?
SELECT row, amount, reason FROM item WHERE operation = :operation AND state = 3 ORDER BY row;

-- Void rows of one reason.
-- name: item_void_for
-- in: operation i64, reason text
-- out: n i64
SELECT COUNT(*) AS n FROM item WHERE operation = :operation AND state = 3 AND reason = :reason;

-- name: item_drop_all
-- in: operation i64
DELETE FROM item WHERE operation = :operation;

-- Final rows whose recipient got another amount (a token that takes a fee).
-- name: item_flagged_as
-- in: operation i64, reason text
-- out: n i64, row i64?
SELECT COUNT(*) AS n, MIN(row) AS row FROM item
WHERE operation = :operation AND state = 2 AND reason = :reason;

-- name: item_flagged
-- in: operation i64
-- out: n i64, row i64?
SELECT COUNT(*) AS n, MIN(row) AS row FROM item
WHERE operation = :operation AND state = 2 AND reason IS NOT NULL;

-- Rows of all operations of an account that pay as much to the same recipient.
-- name: item_alike
-- in: recipient b20, amount amount, account i64
-- out: operation i64, row i64, state i64, intent i64?
SELECT i.operation, i.row, i.state, i.intent FROM item AS i JOIN operation AS o ON o.id = i.operation
WHERE i.recipient = :recipient AND i.amount = :amount AND o.account = :account
ORDER BY i.operation, i.row;
