-- Peg-ins, and the blocks that have their transactions.

-- name: node_pegin_tx_get
-- in: tx blob
-- out: height i64?, block_hash b32?
SELECT height, block_hash FROM node_pegin_tx WHERE tx = :tx;

-- name: node_pegin_tx_want
-- in: tx blob
INSERT INTO node_pegin_tx (tx, height, block_hash, looked) VALUES (:tx, NULL, NULL, 0)
ON CONFLICT (tx) DO UPDATE SET looked = 0;

-- name: node_pegin_tx_put
-- in: tx blob, height i64?, block_hash b32?
UPDATE node_pegin_tx SET height = :height, block_hash = :block_hash WHERE tx = :tx;

-- name: node_pegin_tx_wanted
-- out: tx blob
-- scan: those that were not looked for, of an index that has no others
SELECT tx FROM node_pegin_tx WHERE looked = 0 ORDER BY tx;

-- name: node_pegin_tx_looked
-- scan: the same
UPDATE node_pegin_tx SET looked = 1 WHERE looked = 0;

-- name: node_pegin_tx_above
-- in: height i64
-- out: tx blob, height i64
SELECT tx, height FROM node_pegin_tx WHERE height > :height AND block_hash IS NOT NULL ORDER BY height, tx;

-- name: node_pegins_of_tx
-- in: tx blob
-- out: id blob, status i64
SELECT id, status FROM node_pegin WHERE btc_tx = :tx ORDER BY id;

-- Those whose blocks say otherwise than their rows, with what they say: so many hold it, 100 at most.
-- name: node_pegins_due
-- in: top i64, enough i64, most i64, n i64
-- out: id blob, deep i64, block_hash b32?
-- scan: those that may yet be minted, of an index that has no others
SELECT id, deep, block_hash FROM (
	SELECT p.btc_tx AS btc_tx, p.id AS id, p.status AS status, p.confirmations AS confirmations,
		t.block_hash AS block_hash,
		CASE WHEN t.block_hash IS NULL THEN 0 WHEN :top - t.height >= :most THEN :most
			ELSE :top - t.height + 1 END AS deep
	FROM node_pegin p JOIN node_pegin_tx t ON t.tx = p.btc_tx
	WHERE p.status <= 2 AND t.height IS NOT NULL) AS seen
WHERE confirmations <> deep
	OR status <> CASE WHEN deep >= :enough THEN 2 WHEN deep = 0 AND status = 0 THEN 0 ELSE 1 END
ORDER BY btc_tx, id LIMIT :n;

-- Minted, and in no block any more; and which change has said that it is settled: since then, or, where a block has
-- had it again, before; and which one that people looked at that.
-- name: node_pegins_uncovered
-- out: id blob, dest blob, amount i64, change i64?, at_ms i64?, why blob?, again bool, looked i64?
-- scan: transactions that are in no block any more, of an index that has no others
SELECT p.id, p.dest, p.amount, s.change, s.at_ms, s.why, COALESCE(s.again, 0) AS again, s.looked
FROM node_pegin AS p LEFT JOIN node_settled AS s ON s.id = p.id
WHERE p.status = 3 AND p.btc_tx IN (
	SELECT tx FROM node_pegin_tx WHERE height IS NOT NULL AND block_hash IS NULL)
ORDER BY p.id;

-- Minted, and in no block that was read; the same.
-- name: node_pegins_unseen
-- out: id blob, dest blob, amount i64, change i64?, at_ms i64?, why blob?, again bool, looked i64?
-- scan: all peg-ins, where a state came from elsewhere
SELECT p.id, p.dest, p.amount, s.change, s.at_ms, s.why, COALESCE(s.again, 0) AS again, s.looked
FROM node_pegin AS p LEFT JOIN node_settled AS s ON s.id = p.id LEFT JOIN node_pegin_tx AS t ON t.tx = p.btc_tx
WHERE p.status = 3 AND t.height IS NULL
ORDER BY p.id;

-- Minted and settled, and in a block again; and which change said that this was looked at.
-- name: node_pegins_again
-- out: id blob, dest blob, amount i64, change i64?, at_ms i64?, why blob?, again bool, looked i64?
-- scan: all that were ever settled
SELECT p.id, p.dest, p.amount, s.change, s.at_ms, s.why, s.again, s.looked
FROM node_settled AS s JOIN node_pegin AS p ON p.id = s.id JOIN node_pegin_tx AS t ON t.tx = p.btc_tx
WHERE s.again = 1 AND p.status = 3 AND t.block_hash IS NOT NULL
ORDER BY p.id;

-- name: node_settled_get
-- in: id blob
-- out: change i64, again bool, looked i64?
SELECT change, again, looked FROM node_settled WHERE id = :id;

-- name: node_settle
-- in: id blob, change i64, at_ms i64, why blob
INSERT INTO node_settled (id, change, at_ms, why) VALUES (:id, :change, :at_ms, :why)
ON CONFLICT (id) DO UPDATE SET change = excluded.change, at_ms = excluded.at_ms, why = excluded.why,
	again = 0, looked = NULL;

-- name: node_settled_look
-- in: id blob, change i64
UPDATE node_settled SET looked = :change WHERE id = :id;

-- A block has the transaction again, that had lost one.
-- name: node_settled_again
-- in: tx blob
UPDATE node_settled SET again = 1 WHERE id IN (SELECT id FROM node_pegin WHERE btc_tx = :tx);

-- A block has the transaction, for the first time: there is nothing to look at.
-- name: node_unsettle
-- in: tx blob
UPDATE node_settled SET again = 1, looked = change WHERE id IN (SELECT id FROM node_pegin WHERE btc_tx = :tx);
