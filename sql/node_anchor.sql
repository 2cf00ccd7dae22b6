-- Anchors of a layer 2 on Bitcoin, and what moves them.

-- name: node_watch_get
-- out: chain i64?, reorgs i64, moves i64
SELECT chain, reorgs, moves FROM node_watch WHERE id = 1;

-- name: node_watch_put
-- in: chain i64?, reorgs i64, moves i64
INSERT INTO node_watch (id, chain, reorgs, moves) VALUES (1, :chain, :reorgs, :moves)
ON CONFLICT (id) DO UPDATE SET chain = excluded.chain, reorgs = excluded.reorgs, moves = excluded.moves;

-- name: node_block_get
-- in: height i64
-- out: hash b32
SELECT hash FROM node_block WHERE height = :height;

-- name: node_block_top
-- out: height i64, hash b32
SELECT height, hash FROM node_block WHERE height >= 0 ORDER BY height DESC LIMIT 1;

-- The lowest one above a height.
-- name: node_block_above
-- in: height i64
-- out: height i64, hash b32
SELECT height, hash FROM node_block WHERE height > :height ORDER BY height LIMIT 1;

-- name: node_block_put
-- in: height i64, hash b32, moved i64
INSERT INTO node_block (height, hash, moved) VALUES (:height, :hash, :moved)
ON CONFLICT (height) DO UPDATE SET hash = excluded.hash, moved = excluded.moved;

-- name: node_block_drop_above
-- in: height i64
DELETE FROM node_block WHERE height > :height;

-- name: node_block_drop_below
-- in: height i64
DELETE FROM node_block WHERE height < :height;

-- name: node_blocks_moved
-- in: after i64
-- out: height i64, hash b32
SELECT height, hash FROM node_block WHERE moved > :after ORDER BY moved;

-- name: node_anchor_add
-- in: hash b32, root b32, payload blob?, made_ms i64, status i64, txid b32?, broadcast_ms i64?, retries i64, height i64?, block_hash b32?, confirmations i64, moved i64, change i64?
INSERT INTO node_anchor (hash, root, payload, made_ms, status, txid, broadcast_ms, retries, height, block_hash,
	confirmations, moved, change)
VALUES (:hash, :root, :payload, :made_ms, :status, :txid, :broadcast_ms, :retries, :height, :block_hash,
	:confirmations, :moved, :change);

-- name: node_anchor_id
-- in: hash b32
-- out: id i64
SELECT id FROM node_anchor WHERE hash = :hash;

-- name: node_anchor_get
-- in: id i64
-- out: id i64, hash b32, root b32, own i64, made_ms i64, status i64, txid b32?, broadcast_ms i64?, retries i64, height i64?, block_hash b32?, confirmations i64, change i64?
SELECT id, hash, root, payload IS NOT NULL AS own, made_ms, status, txid, broadcast_ms, retries, height, block_hash,
	confirmations, change
FROM node_anchor WHERE id = :id;

-- Of a root, the newest first.
-- name: node_anchor_of_root
-- in: root b32
-- out: id i64
-- scan: once for each state that is anchored
SELECT id FROM node_anchor WHERE root = :root ORDER BY id DESC;

-- name: node_anchors
-- out: id i64
-- scan: once for each state that goes back
SELECT id FROM node_anchor ORDER BY id;

-- name: node_anchor_put
-- in: id i64, status i64, txid b32?, broadcast_ms i64?, retries i64, height i64?, block_hash b32?, confirmations i64, moved i64
UPDATE node_anchor SET status = :status, txid = :txid, broadcast_ms = :broadcast_ms, retries = :retries,
	height = :height, block_hash = :block_hash, confirmations = :confirmations, moved = :moved
WHERE id = :id;

-- name: node_anchors_moved
-- in: after i64
-- out: id i64
SELECT id FROM node_anchor WHERE moved > :after ORDER BY moved;

-- Those that a transaction carries, or is said to.
-- name: node_anchor_by_tx
-- in: txid b32
-- out: id i64
SELECT id FROM node_anchor WHERE txid = :txid ORDER BY id;

-- At or above a height.
-- name: node_anchor_from
-- in: height i64
-- out: id i64
SELECT id FROM node_anchor WHERE height >= :height AND height IS NOT NULL ORDER BY height, id;

-- In a block, and not counted to the end.
-- name: node_anchor_counting
-- out: id i64
SELECT id FROM node_anchor WHERE id > 0 AND block_hash IS NOT NULL AND confirmations < 100 ORDER BY id;

-- In no block, and in a transaction.
-- name: node_anchor_waiting
-- out: id i64
SELECT id FROM node_anchor WHERE txid IS NOT NULL AND block_hash IS NULL LIMIT 1;

-- In no block, and broadcast before.
-- name: node_anchor_late
-- in: before i64
-- out: id i64
SELECT id FROM node_anchor
WHERE status = 0 AND block_hash IS NULL AND broadcast_ms IS NOT NULL AND broadcast_ms < :before ORDER BY id;

-- Peg-outs that are not given back, by their anchors, of those that no block has (any more): in one pass, however
-- many anchors these are.
-- name: node_pegouts_lost
-- out: anchor blob, completed i64, n i64
-- scan: all peg-outs, where there are such anchors
SELECT p.anchor, SUM(CASE WHEN p.status = 6 THEN 1 ELSE 0 END) AS completed, COUNT(*) AS n
FROM node_pegout AS p
WHERE p.status <> 7 AND p.anchor IN (
	SELECT CAST(lower(hex(hash)) AS BLOB) FROM node_anchor WHERE status IN (2, 3))
GROUP BY p.anchor ORDER BY p.anchor;
-- pg:
SELECT p.anchor, SUM(CASE WHEN p.status = 6 THEN 1 ELSE 0 END)::bigint AS completed, COUNT(*) AS n
FROM node_pegout AS p
WHERE p.status <> 7 AND p.anchor IN (
	SELECT convert_to(encode(hash, 'hex'), 'UTF8') FROM node_anchor WHERE status IN (2, 3))
GROUP BY p.anchor ORDER BY p.anchor;

-- name: node_reorg_add
-- in: number i64, height i64, old_hash b32?, new_hash b32?, detected_ms i64, deep i64, below bool, moved i64
INSERT INTO node_reorg (number, height, old_hash, new_hash, detected_ms, deep, below, moved)
VALUES (:number, :height, :old_hash, :new_hash, :detected_ms, :deep, :below, :moved);

-- name: node_reorg_get
-- in: number i64
-- out: height i64, old_hash b32?, new_hash b32?, detected_ms i64, deep i64, below bool
SELECT height, old_hash, new_hash, detected_ms, deep, below FROM node_reorg WHERE number = :number;

-- name: node_reorg_put
-- in: number i64, new_hash b32?, moved i64
UPDATE node_reorg SET new_hash = :new_hash, moved = :moved WHERE number = :number;

-- name: node_reorg_anchor_add
-- in: reorg i64, hash b32
INSERT INTO node_reorg_anchor (reorg, hash) VALUES (:reorg, :hash)
ON CONFLICT (reorg, hash) DO NOTHING;

-- name: node_reorgs_moved
-- in: after i64
-- out: number i64, height i64, old_hash b32?, new_hash b32?, detected_ms i64, deep i64, below bool
SELECT number, height, old_hash, new_hash, detected_ms, deep, below FROM node_reorg WHERE moved > :after ORDER BY moved;

-- name: node_reorg_anchors
-- in: reorg i64
-- out: hash b32
SELECT hash FROM node_reorg_anchor WHERE reorg = :reorg ORDER BY hash;
