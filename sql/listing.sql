-- What is listed over HTTP, a page at a time.

-- name: list_operations
-- in: before i64, max i64
-- out: id i64, name text, kind text, chain text, state i64, items i64, pending i64, live i64, final i64, voided i64, refunded i64, started_ms i64, ended_ms i64?
SELECT o.id, o.name, o.kind, c.name AS chain, o.state, o.items, o.pending_n AS pending, o.live_n AS live,
	o.final_n AS final, o.void_n AS voided, o.refunded_n AS refunded, o.started_ms, o.ended_ms
FROM operation AS o JOIN chain AS c ON c.id = o.chain
WHERE o.id < :before ORDER BY o.id DESC LIMIT :max;

-- Those in one state; kind '' for any.
-- name: list_operations_in
-- in: state i64, kind text, before i64, max i64
-- out: id i64, name text, kind text, chain text, state i64, items i64, pending i64, live i64, final i64, voided i64, refunded i64, started_ms i64, ended_ms i64?
SELECT o.id, o.name, o.kind, c.name AS chain, o.state, o.items, o.pending_n AS pending, o.live_n AS live,
	o.final_n AS final, o.void_n AS voided, o.refunded_n AS refunded, o.started_ms, o.ended_ms
FROM operation AS o JOIN chain AS c ON c.id = o.chain
WHERE o.state = :state AND o.id < :before AND (:kind = '' OR o.kind = :kind)
ORDER BY o.id DESC LIMIT :max;

-- name: list_operations_of
-- in: kind text, before i64, max i64
-- out: id i64, name text, kind text, chain text, state i64, items i64, pending i64, live i64, final i64, voided i64, refunded i64, started_ms i64, ended_ms i64?
SELECT o.id, o.name, o.kind, c.name AS chain, o.state, o.items, o.pending_n AS pending, o.live_n AS live,
	o.final_n AS final, o.void_n AS voided, o.refunded_n AS refunded, o.started_ms, o.ended_ms
FROM operation AS o JOIN chain AS c ON c.id = o.chain
WHERE o.kind = :kind AND o.id < :before ORDER BY o.id DESC LIMIT :max;

-- Of a part of the rows, which bounds what is read; state -1 for any.
-- name: list_items
-- in: operation i64, after i64, last i64, state i64, max i64
-- out: row i64, line i64, recipient b20, amount amount, memo text?, state i64, reason text?
SELECT row, line, recipient, amount, memo, state, reason FROM item
WHERE operation = :operation AND row > :after AND row <= :last AND (:state < 0 OR state = :state)
ORDER BY row LIMIT :max;

-- The attempt of a row that got furthest: in a block, else the newest.
-- name: list_attempt
-- in: operation i64, row i64
-- out: hash b32, state i64, height i64?
SELECT a.hash, a.state, a.height FROM intent AS i JOIN attempt AS a ON a.intent = i.id
WHERE i.operation = :operation AND i.row = :row AND a.empty = 0
ORDER BY (a.height IS NULL), i.id DESC, a.id DESC LIMIT 1;

-- A part of the log, of one operation (0: of all): only so much of it is read.
-- name: feed_events
-- in: after i64, last i64, operation i64, max i64
-- out: id i64, commit_no i64, name text?, row i64, what text, from_state text, to_state text, why text, at_ms i64?
SELECT e.id, e.commit_no, o.name, e.row, e.what, e.from_state, e.to_state, e.why, l.at_ms
FROM event AS e LEFT JOIN link AS l ON l.operation = e.operation AND l.commit_no = e.commit_no
	LEFT JOIN operation AS o ON o.id = e.operation
WHERE e.id > :after AND e.id <= :last AND (:operation = 0 OR e.operation + 0 = :operation)
ORDER BY e.id LIMIT :max;
