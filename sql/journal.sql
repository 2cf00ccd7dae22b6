-- What the journal keeps about itself. Only src/journal uses these.

-- name: journal_add
-- in: name b16, link b32, inode i64, device i64, boot text
INSERT INTO journal (id, name, commit_no, events, link, inode, device, boot)
VALUES (1, :name, 0, 0, :link, :inode, :device, :boot);

-- name: journal_get
-- out: name b16, commit_no i64, events i64, link b32, inode i64, device i64, boot text
SELECT name, commit_no, events, link, inode, device, boot FROM journal WHERE id = 1;

-- Last in every commit: what it ends with, and in which file.
-- name: journal_mark
-- in: commit_no i64, events i64, link b32, inode i64, device i64, boot text, base i64,
--     born i64, age i64
UPDATE journal SET commit_no = :commit_no, events = :events, link = :link,
	inode = :inode, device = :device, boot = :boot, base = :base, born = :born,
	age = :age
WHERE id = 1;

-- What a journal of an older schema has not.
-- name: journal_copy_get
-- out: doubt text?, marked bool, base i64, born i64
SELECT doubt, marked, base, born FROM journal WHERE id = 1;

-- What the journal holds, for the sentence about a copy.
-- name: journal_holds
-- out: commit_no i64, operations i64
-- scan: there are few operations
SELECT commit_no, (SELECT COUNT(*) FROM operation) AS operations FROM journal WHERE id = 1;

-- What a copy is given before anybody can take it for the journal.
-- name: journal_copied
UPDATE journal SET marked = 1 WHERE id = 1;

-- It is the journal now, and no copy any more.
-- name: journal_unmark
UPDATE journal SET marked = 0 WHERE id = 1;

-- name: journal_doubt
-- in: doubt text
UPDATE journal SET doubt = :doubt, older = :doubt WHERE id = 1;

-- The accounts that it knows are in doubt instead.
-- name: journal_doubt_clear
UPDATE journal SET doubt = NULL WHERE id = 1;

-- name: journal_older_get
-- out: older text?
SELECT older FROM journal WHERE id = 1;

-- The operator says that it is the newest.
-- name: journal_older_clear
UPDATE journal SET older = NULL WHERE id = 1;

-- name: owner_add
INSERT INTO owner (id, epoch, commit_no, pid, host, since_ms) VALUES (1, 0, 0, 0, '', 0);

-- name: owner_get
-- out: epoch i64, commit_no i64, pid i64, host text, since_ms i64
SELECT epoch, commit_no, pid, host, since_ms FROM owner WHERE id = 1;

-- A new owner: 1 row, if nobody took it, or wrote to it, meanwhile.
-- name: owner_take
-- in: before i64, written i64, epoch i64, commit_no i64, pid i64, host text, since_ms i64
UPDATE owner SET epoch = :epoch, commit_no = :commit_no, pid = :pid, host = :host,
	since_ms = :since_ms
WHERE id = 1 AND epoch = :before AND commit_no = :written;

-- First in every transaction: 1 row, or the journal is no longer ours. On PostgreSQL it
-- also locks the row until the commit.
-- name: owner_hold
-- in: epoch i64, before i64, commit_no i64
UPDATE owner SET commit_no = :commit_no
WHERE id = 1 AND epoch = :epoch AND commit_no = :before;

-- name: migration_all
-- out: id i64, name text, sum b32
-- scan: a handful of rows, and all are wanted
SELECT id, name, sum FROM migration ORDER BY id;

-- name: migration_add
-- in: id i64, name text, sum b32, at_ms i64, version text
INSERT INTO migration (id, name, sum, at_ms, version)
VALUES (:id, :name, :sum, :at_ms, :version);

-- name: event_add
-- in: id i64, commit_no i64, operation i64, row i64, what text, from_state text,
--     to_state text, why text
INSERT INTO event (id, commit_no, operation, row, what, from_state, to_state, why)
VALUES (:id, :commit_no, :operation, :row, :what, :from_state, :to_state, :why);

-- name: event_from
-- in: id i64
-- out: id i64, commit_no i64, operation i64, row i64, what text, from_state text,
--     to_state text, why text
SELECT id, commit_no, operation, row, what, from_state, to_state, why FROM event
WHERE id >= :id ORDER BY id;

-- The newest, at most :max.
-- name: event_last
-- in: max i64
-- out: id i64, commit_no i64
-- scan: backwards from the end of the primary key, :max rows
SELECT id, commit_no FROM event ORDER BY id DESC LIMIT :max;

-- The first one of an operation that is of no row: it begins with it.
-- name: event_first
-- in: operation i64
-- out: id i64
SELECT id FROM event WHERE operation = :operation AND row = 0 ORDER BY id LIMIT 1;

-- name: link_add
-- in: operation i64, commit_no i64, hash b32, at_ms i64
INSERT INTO link (operation, commit_no, hash, at_ms)
VALUES (:operation, :commit_no, :hash, :at_ms);

-- The operation's last link before a commit.
-- name: link_before
-- in: operation i64, commit_no i64
-- out: commit_no i64, hash b32
SELECT commit_no, hash FROM link
WHERE operation = :operation AND commit_no < :commit_no
ORDER BY commit_no DESC LIMIT 1;

-- name: link_after
-- in: operation i64, commit_no i64
-- out: commit_no i64, hash b32
SELECT commit_no, hash FROM link
WHERE operation = :operation AND commit_no > :commit_no
ORDER BY commit_no LIMIT 1;

-- name: link_from
-- in: commit_no i64
-- out: operation i64, commit_no i64, hash b32
SELECT operation, commit_no, hash FROM link WHERE commit_no >= :commit_no
ORDER BY commit_no, operation;

-- The newest operation that the past names; 0 is the journal itself. NULL: no past.
-- name: link_newest
-- out: operation i64?
SELECT MAX(operation) AS operation FROM link;

-- The link that the journal's own row repeats.
-- name: link_last
-- out: operation i64, commit_no i64, hash b32
-- scan: backwards from the end of the index, one row
SELECT operation, commit_no, hash FROM link ORDER BY commit_no DESC, operation DESC LIMIT 1;
