-- Transactions that are followed.

-- name: tracked_add
-- in: chain i64, hash b32, intent i64?, guess bool, confirmations i64, sender b20?, nonce i64?, since_ms i64
INSERT INTO tracked (chain, hash, state, intent, guess, confirmations, sender, nonce, round, percent, looks,
	misses, since_ms)
VALUES (:chain, :hash, 0, :intent, :guess, :confirmations, :sender, :nonce, 0, 0, 0, 0, :since_ms);

-- A row of its own by its names. RETURNING would keep more for each, of what may be taken back.
-- name: tracked_id
-- in: hash b32, chain i64
-- out: id i64
SELECT id FROM tracked WHERE hash = :hash AND chain = :chain;

-- name: tracked_get
-- in: id i64
-- out: id i64, chain i64, hash b32, state i64, intent i64?, guess bool, confirmations i64, sender b20?, nonce i64?, height i64?, block_hash b32?, by_hash b32?, round i64, percent i64, deep i64, due i64?, looks i64?, misses i64, missed_ms i64?, since_ms i64, ended_ms i64?
SELECT id, chain, hash, state, intent, guess, confirmations, sender, nonce, height, block_hash, by_hash, round,
	percent, deep, due, looks, misses, missed_ms, since_ms, ended_ms
FROM tracked WHERE id = :id;

-- What moved since, of whatever.
-- name: tracked_moves
-- in: after i64
-- out: id i64, operation i64, row i64, what text, to_state text, why text
SELECT id, operation, row, what, to_state, why FROM event WHERE id > :after ORDER BY id;

-- name: tracked_moves_last
-- out: id i64?
SELECT MAX(id) AS id FROM event;

-- name: tracked_put
-- in: id i64, state i64, intent i64?, guess bool, confirmations i64, sender b20?, nonce i64?, height i64?, block_hash b32?, by_hash b32?, round i64, percent i64, deep i64, due i64?, looks i64?, misses i64, missed_ms i64?, since_ms i64, ended_ms i64?
UPDATE tracked SET state = :state, intent = :intent, guess = :guess, confirmations = :confirmations, sender = :sender,
	nonce = :nonce, height = :height, block_hash = :block_hash, by_hash = :by_hash, round = :round,
	percent = :percent, deep = :deep, due = :due, looks = :looks, misses = :misses, missed_ms = :missed_ms,
	since_ms = :since_ms, ended_ms = :ended_ms, archive = CASE WHEN CAST(:ended_ms AS BIGINT) IS NULL THEN NULL ELSE archive END
WHERE id = :id;

-- name: tracked_by_hash
-- in: hash b32
-- out: id i64, chain i64, guess bool, state i64, misses i64
SELECT id, chain, guess, state, misses FROM tracked WHERE hash = :hash ORDER BY chain;

-- What is followed on a chain, for a start and who comes later.
-- name: tracked_open
-- in: chain i64, after i64
-- out: id i64, hash b32, sender b20?, nonce i64?
SELECT id, hash, sender, nonce FROM tracked
WHERE chain = :chain AND ended_ms IS NULL AND id > :after ORDER BY id;

-- In blocks above a height.
-- name: tracked_above
-- in: chain i64, height i64
-- out: id i64
SELECT id FROM tracked WHERE chain = :chain AND height > :height AND height IS NOT NULL ORDER BY id;

-- In a block, and not yet for good.
-- name: tracked_upto
-- in: chain i64, height i64
-- out: id i64
SELECT id FROM tracked
WHERE chain = :chain AND height <= :height AND height IS NOT NULL AND ended_ms IS NULL ORDER BY height, id;

-- name: tracked_due
-- in: chain i64, due i64
-- out: id i64
SELECT id FROM tracked WHERE chain = :chain AND due <= :due AND due IS NOT NULL ORDER BY due, id;

-- Those that came since they were read last, or are not wanted any more.
-- name: tracked_new
-- in: chain i64, max i64
-- out: id i64, hash b32, sender b20?, nonce i64?, ended bool
SELECT id, hash, sender, nonce, ended_ms IS NOT NULL AS ended FROM tracked
WHERE chain = :chain AND looks = 0 AND looks IS NOT NULL LIMIT :max;

-- Those that nodes were asked for longest ago.
-- name: tracked_looks
-- in: chain i64, before i64, max i64
-- out: id i64
SELECT id FROM tracked
WHERE chain = :chain AND looks IS NOT NULL AND looks > 0 AND looks < :before ORDER BY looks, id LIMIT :max;

-- Its block may be none any more: nothing is told of how deep it is.
-- name: tracked_doubt
-- in: id i64, looks i64
UPDATE tracked SET looks = :looks, due = NULL WHERE id = :id;

-- name: tracked_looked
-- in: id i64, looks i64?
UPDATE tracked SET looks = :looks WHERE id = :id;

-- name: tracked_missed
-- in: id i64, looks i64, misses i64, missed_ms i64?
UPDATE tracked SET looks = :looks, misses = :misses, missed_ms = :missed_ms WHERE id = :id;

-- How long this chain's nodes were asked, and answered.
-- name: tracked_clock
-- in: chain i64
-- out: looked_ms i64
SELECT looked_ms FROM chain WHERE id = :chain;

-- name: tracked_clock_add
-- in: chain i64, ms i64
UPDATE chain SET looked_ms = looked_ms + :ms WHERE id = :chain;

-- One more of a state, and one less.
-- name: tracked_total_add
-- in: chain i64, state i64
INSERT INTO tracked_total (chain, state, n) VALUES (:chain, :state, 1)
ON CONFLICT (chain, state) DO UPDATE SET n = tracked_total.n + 1;

-- name: tracked_total_take
-- in: chain i64, state i64
UPDATE tracked_total SET n = n - 1 WHERE chain = :chain AND state = :state;

-- name: tracked_count
-- out: state i64, ended bool, n i64
-- scan: a report over all that is followed
SELECT state, ended_ms IS NOT NULL AS ended, COUNT(*) AS n FROM tracked GROUP BY 1, 2 ORDER BY 1, 2;
