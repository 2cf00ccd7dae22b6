-- Changes of a layer 2 whose lines went into files.

-- The newest that put a state on Bitcoin in a block so far below the final one, of before a time.
-- NULL: none did.
-- name: node_archive_due
-- in: before_ms i64, depth i64
-- out: change i64?
-- scan: anchors, and once a day
SELECT MAX(a.change) AS change FROM node_watch AS w JOIN chain AS c ON c.id = w.chain
	JOIN node_anchor AS a ON a.height <= c.final_height - :depth
WHERE w.id = 1 AND c.stopped IS NULL AND a.status = 1 AND a.block_hash IS NOT NULL AND a.made_ms <= :before_ms;

-- The last change of a commit, and how they ended with it: the highest one of these..
-- name: node_archive_before
-- in: first i64, last i64
-- out: row i64, why text
SELECT row, why FROM event
WHERE operation = 0 AND row >= :first AND row <= :last AND what = 'node' ORDER BY row DESC LIMIT 1;

-- ..and the lowest.
-- name: node_archive_behind
-- in: first i64, last i64
-- out: row i64, why text
SELECT row, why FROM event
WHERE operation = 0 AND row >= :first AND row <= :last AND what = 'node' ORDER BY row LIMIT 1;

-- name: node_archive_add
-- in: first i64, last i64, link b32, at_ms i64
INSERT INTO node_archive (first, last, link, at_ms, whole) VALUES (:first, :last, :link, :at_ms, 0);

-- The one that is not done. file: NULL, it is being written.
-- name: node_archive_open
-- out: id i64, file text?
-- scan: a file a day at most, or of very many changes
SELECT id, file FROM node_archive WHERE whole = 0 ORDER BY id LIMIT 1;

-- name: node_archive_get
-- in: id i64
-- out: first i64, last i64, link b32, file text?, sum b32?, size i64?, whole bool
SELECT first, last, link, file, sum, size, whole FROM node_archive WHERE id = :id;

-- name: node_archives
-- out: id i64, file text, sum b32, size i64
-- scan: all files are looked at
SELECT id, file, sum, size FROM node_archive WHERE file IS NOT NULL ORDER BY id;

-- name: node_archive_put
-- in: id i64, file text, sum b32, size i64
UPDATE node_archive SET file = :file, sum = :sum, size = :size WHERE id = :id;

-- name: node_archive_whole
-- in: id i64
UPDATE node_archive SET whole = 1 WHERE id = :id;

-- What its event says of it.
-- name: node_archive_event
-- in: id i64
-- out: to_state text, why text
SELECT to_state, why FROM event WHERE operation = 0 AND row = :id AND what = 'archive of changes';

-- -- what a file holds ------------------------------------------------------

-- name: node_archive_head
-- in: archive i64
-- out: first i64, last i64, before b32?, link b32
SELECT a.first, a.last, t.base_link AS before, a.link
FROM node_archive AS a JOIN node_total AS t ON t.id = 1 WHERE a.id = :archive;

-- name: node_archive_change
-- in: archive i64, first i64, last i64
-- out: no i64, at_ms i64, line text
SELECT c.no, c.at_ms, CAST(c.line AS TEXT) AS line
FROM node_archive AS a JOIN node_change AS c ON c.no >= a.first AND c.no <= a.last
WHERE a.id = :archive AND c.no >= :first AND c.no <= :last ORDER BY c.no;
-- pg:
SELECT c.no, c.at_ms, convert_from(c.line, 'UTF8') AS line
FROM node_archive AS a JOIN node_change AS c ON c.no >= a.first AND c.no <= a.last
WHERE a.id = :archive AND c.no >= :first AND c.no <= :last ORDER BY c.no;

-- -- what goes --------------------------------------------------------------

-- name: node_base_get
-- out: base i64, base_link b32?
SELECT base, base_link FROM node_total WHERE id = 1;

-- name: node_base_put
-- in: base i64, base_link b32
UPDATE node_total SET base = :base, base_link = :base_link WHERE id = 1;

-- Of one that was called before hashes were kept.
-- name: node_key_hash
-- in: change i64, hash b32
UPDATE node_key SET hash = :hash WHERE change = :change AND hash IS NULL;

-- name: node_changes_drop
-- in: first i64, last i64
DELETE FROM node_change WHERE no >= :first AND no <= :last;
