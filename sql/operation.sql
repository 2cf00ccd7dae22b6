-- Operations, their totals and stages.

-- name: operation_add
-- in: kind text, name text, plan b32, again i64, chain i64, account i64, state i64, cap amount, items i64, planned amount, zero amount, started_ms i64
-- out: id i64
INSERT INTO operation (kind, name, plan, again, chain, account, state, back_to, cap, items, planned,
	pending_n, pending_sum, live_n, live_sum, final_n, final_sum, void_n, void_sum, refunded_n, refunded_sum,
	fees_final, fees_held, started_ms)
VALUES (:kind, :name, :plan, :again, :chain, :account, :state, :state, :cap, :items, :planned,
	:items, :planned, 0, :zero, 0, :zero, 0, :zero, 0, :zero, :zero, :zero, :started_ms)
RETURNING id;

-- The newest: a plan that was compared with the journal was compared up to here.
-- name: operation_newest
-- out: id i64?
SELECT MAX(id) AS id FROM operation;

-- name: operation_get
-- in: id i64
-- out: id i64, kind text, name text, plan b32, again i64, chain i64, account i64, state i64, back_to i64, waits_for text?, cap amount, items i64, planned amount, pending_n i64, pending_sum amount, live_n i64, live_sum amount, final_n i64, final_sum amount, void_n i64, void_sum amount, refunded_n i64, refunded_sum amount, fees_final amount, fees_held amount, started_ms i64, ended_ms i64?
SELECT id, kind, name, plan, again, chain, account, state, back_to, waits_for, cap, items, planned,
	pending_n, pending_sum, live_n, live_sum, final_n, final_sum, void_n, void_sum, refunded_n, refunded_sum,
	fees_final, fees_held, started_ms, ended_ms
FROM operation WHERE id = :id;

-- name: operation_by_name
-- in: name text
-- out: id i64
SELECT id FROM operation WHERE name = :name;

-- name: operation_by_plan
-- in: plan b32
-- out: id i64, name text
SELECT id, name FROM operation WHERE plan = :plan ORDER BY id;

-- name: operation_all
-- out: id i64
-- scan: status shows them all
SELECT id FROM operation ORDER BY id;

-- name: operation_of_account
-- in: account i64
-- out: id i64
-- scan: there are few operations, and foreign use of a key is rare
SELECT id FROM operation WHERE account = :account ORDER BY id;

-- Those that are not ended, or have something live after all.
-- name: operation_open
-- in: chain i64
-- out: id i64
-- scan: there are few operations, and a start reads them once
SELECT o.id FROM operation AS o
WHERE o.chain = :chain AND (o.state NOT IN (4, 7) OR o.live_n > 0
	OR EXISTS (SELECT 1 FROM intent AS i WHERE i.account = o.account AND i.state IN (0, 1)
		AND i.operation = o.id))
ORDER BY o.id;

-- Those of chains that have the id of this one, and another genesis.
-- name: operation_elsewhere
-- in: chain i64
-- out: id i64
-- scan: there are few operations, and a start reads them once
SELECT o.id FROM chain AS c JOIN chain AS other ON other.chain_id = c.chain_id AND other.id <> c.id
	JOIN operation AS o ON o.chain = other.id
WHERE c.id = :chain AND o.state NOT IN (4, 7)
ORDER BY o.id;

-- name: operation_put
-- in: id i64, state i64, back_to i64, waits_for text?, cap amount, pending_n i64, pending_sum amount, live_n i64, live_sum amount, final_n i64, final_sum amount, void_n i64, void_sum amount, refunded_n i64, refunded_sum amount, fees_final amount, fees_held amount, ended_ms i64?
UPDATE operation SET state = :state, back_to = :back_to, waits_for = :waits_for, cap = :cap,
	pending_n = :pending_n, pending_sum = :pending_sum, live_n = :live_n, live_sum = :live_sum,
	final_n = :final_n, final_sum = :final_sum, void_n = :void_n, void_sum = :void_sum,
	refunded_n = :refunded_n, refunded_sum = :refunded_sum,
	fees_final = :fees_final, fees_held = :fees_held, ended_ms = :ended_ms
WHERE id = :id;

-- name: stage_add
-- in: operation i64, state i64, entered_ms i64
INSERT INTO stage (operation, ordinal, state, entered_ms)
SELECT CAST(:operation AS BIGINT), COALESCE(MAX(ordinal), 0) + 1, CAST(:state AS BIGINT), CAST(:entered_ms AS BIGINT)
FROM stage WHERE operation = :operation;

-- name: stage_last
-- in: operation i64
-- out: ordinal i64, entered_ms i64
SELECT ordinal, entered_ms FROM stage WHERE operation = :operation ORDER BY ordinal DESC LIMIT 1;
