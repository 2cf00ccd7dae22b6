-- Blocks that a node of a layer 2 has not read, and is to.

-- name: node_missed_next
-- out: top i64, bottom i64, hash b32, reorg i64?
SELECT top, bottom, hash, reorg FROM node_missed WHERE top >= 0 ORDER BY top DESC LIMIT 1;

-- name: node_missed_add
-- in: top i64, bottom i64, hash b32, reorg i64?
INSERT INTO node_missed (top, bottom, hash, reorg) VALUES (:top, :bottom, :hash, :reorg)
ON CONFLICT (top) DO UPDATE SET hash = excluded.hash,
	bottom = CASE WHEN node_missed.bottom < excluded.bottom THEN node_missed.bottom ELSE excluded.bottom END;

-- The lowest of those that reach up to a height.
-- name: node_missed_reaching
-- in: height i64
-- out: bottom i64
-- scan: there are hardly ever more than one
SELECT bottom FROM node_missed WHERE top >= :height ORDER BY bottom LIMIT 1;

-- name: node_missed_drop_from
-- in: height i64
DELETE FROM node_missed WHERE top >= :height;

-- name: node_missed_drop_above
-- in: height i64
-- scan: there are hardly ever more than one
DELETE FROM node_missed WHERE bottom > :height;

-- Those that reach above a height from at or below it.
-- name: node_missed_across
-- in: height i64
-- out: bottom i64
-- scan: there are hardly ever more than one
SELECT bottom FROM node_missed WHERE top > :height AND bottom <= :height ORDER BY bottom LIMIT 1;

-- name: node_missed_above
-- in: height i64
-- out: bottom i64
-- scan: there are hardly ever more than one
SELECT bottom FROM node_missed WHERE bottom > :height LIMIT 1;

-- name: node_missed_drop
-- in: top i64
DELETE FROM node_missed WHERE top = :top;

-- name: node_block_lowest
-- out: height i64, hash b32
SELECT height, hash FROM node_block WHERE height >= 0 ORDER BY height LIMIT 1;

-- It goes further down than was known.
-- name: node_reorg_lower
-- in: number i64, height i64, old_hash b32?, new_hash b32?, deep i64, moved i64
UPDATE node_reorg SET height = :height, old_hash = :old_hash, new_hash = :new_hash, deep = deep + :deep,
	moved = :moved
WHERE number = :number;

-- What stood below its height is not known.
-- name: node_reorg_below
-- in: number i64, moved i64
UPDATE node_reorg SET below = 1, moved = :moved WHERE number = :number;

-- name: node_pegin_tx_at
-- in: height i64
-- out: tx blob, block_hash b32?
SELECT tx, block_hash FROM node_pegin_tx WHERE height = :height AND block_hash IS NOT NULL ORDER BY tx;
