-- The state of a layer 2.

-- name: node_total_get
-- out: minted amount, burned amount, balance_sum amount, escrow_sum amount, balances i64, escrows i64, pegins i64, pegouts i64, tasks i64, digest b32, changes i64, link b32, base i64, base_link b32?
SELECT minted, burned, balance_sum, escrow_sum, balances, escrows, pegins, pegouts, tasks, digest, changes, link,
	base, base_link
FROM node_total WHERE id = 1;

-- name: node_total_put
-- in: minted amount, burned amount, balance_sum amount, escrow_sum amount, balances i64, escrows i64, pegins i64, pegouts i64, tasks i64, digest b32, changes i64, link b32
INSERT INTO node_total (id, minted, burned, balance_sum, escrow_sum, balances, escrows, pegins, pegouts, tasks,
	digest, changes, link)
VALUES (1, :minted, :burned, :balance_sum, :escrow_sum, :balances, :escrows, :pegins, :pegouts, :tasks, :digest,
	:changes, :link)
ON CONFLICT (id) DO UPDATE SET minted = excluded.minted, burned = excluded.burned,
	balance_sum = excluded.balance_sum, escrow_sum = excluded.escrow_sum, balances = excluded.balances,
	escrows = excluded.escrows, pegins = excluded.pegins, pegouts = excluded.pegouts, tasks = excluded.tasks,
	digest = excluded.digest, changes = excluded.changes, link = excluded.link;

-- name: node_balance_get
-- in: peer blob
-- out: amount i64
SELECT amount FROM node_balance WHERE peer = :peer;

-- name: node_balance_put
-- in: peer blob, amount i64
INSERT INTO node_balance (peer, amount) VALUES (:peer, :amount)
ON CONFLICT (peer) DO UPDATE SET amount = excluded.amount;

-- name: node_balance_drop
-- in: peer blob
DELETE FROM node_balance WHERE peer = :peer;

-- By id, as the root has them.
-- name: node_balances
-- out: peer blob, amount i64
-- scan: the whole state is told, or counted
SELECT peer, amount FROM node_balance ORDER BY peer;

-- name: node_escrow_get
-- in: task blob
-- out: task blob, client blob, amount i64, locked bool, created_ms i64
SELECT task, client, amount, locked, created_ms FROM node_escrow WHERE task = :task;

-- name: node_escrow_put
-- in: task blob, client blob, amount i64, locked bool, created_ms i64
INSERT INTO node_escrow (task, client, amount, locked, created_ms)
VALUES (:task, :client, :amount, :locked, :created_ms)
ON CONFLICT (task) DO UPDATE SET locked = excluded.locked;

-- name: node_escrow_drop
-- in: task blob
DELETE FROM node_escrow WHERE task = :task;

-- name: node_escrows
-- out: task blob, client blob, amount i64, locked bool, created_ms i64
-- scan: the whole state is told, or counted
SELECT task, client, amount, locked, created_ms FROM node_escrow ORDER BY task;

-- name: node_pegin_get
-- in: id blob
-- out: id blob, btc_tx blob, vout i64, amount i64, source blob, dest blob, status i64, confirmations i64, initiated_s i64, completed_s i64
SELECT id, btc_tx, vout, amount, source, dest, status, confirmations, initiated_s, completed_s
FROM node_pegin WHERE id = :id;

-- name: node_pegin_of
-- in: btc_tx blob, vout i64
-- out: id blob
SELECT id FROM node_pegin WHERE btc_tx = :btc_tx AND vout = :vout;

-- name: node_pegin_put
-- in: id blob, btc_tx blob, vout i64, amount i64, source blob, dest blob, status i64, confirmations i64, initiated_s i64, completed_s i64
INSERT INTO node_pegin (id, btc_tx, vout, amount, source, dest, status, confirmations, initiated_s, completed_s)
VALUES (:id, :btc_tx, :vout, :amount, :source, :dest, :status, :confirmations, :initiated_s, :completed_s)
ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, source = excluded.source, dest = excluded.dest,
	status = excluded.status, confirmations = excluded.confirmations, initiated_s = excluded.initiated_s,
	completed_s = excluded.completed_s;

-- name: node_pegins
-- out: id blob, btc_tx blob, vout i64, amount i64, source blob, dest blob, status i64, confirmations i64, initiated_s i64, completed_s i64
-- scan: the whole state is told, or counted
SELECT id, btc_tx, vout, amount, source, dest, status, confirmations, initiated_s, completed_s
FROM node_pegin ORDER BY id;

-- name: node_pegout_get
-- in: id blob
-- out: id blob, source blob, dest blob, burn i64, release i64, status i64, anchor blob, initiated_s i64, completed_s i64
SELECT id, source, dest, burn, release, status, anchor, initiated_s, completed_s
FROM node_pegout WHERE id = :id;

-- name: node_pegout_put
-- in: id blob, source blob, dest blob, burn i64, release i64, status i64, anchor blob, initiated_s i64, completed_s i64
INSERT INTO node_pegout (id, source, dest, burn, release, status, anchor, initiated_s, completed_s)
VALUES (:id, :source, :dest, :burn, :release, :status, :anchor, :initiated_s, :completed_s)
ON CONFLICT (id) DO UPDATE SET status = excluded.status, anchor = excluded.anchor,
	completed_s = excluded.completed_s;

-- name: node_pegouts
-- out: id blob, source blob, dest blob, burn i64, release i64, status i64, anchor blob, initiated_s i64, completed_s i64
-- scan: the whole state is told, or counted
SELECT id, source, dest, burn, release, status, anchor, initiated_s, completed_s
FROM node_pegout ORDER BY id;

-- name: node_task_get
-- in: id blob
-- out: id blob, type i64, priority i64, submitter blob, submitted_ms i64, payload_hash blob, anchor blob
SELECT id, type, priority, submitter, submitted_ms, payload_hash, anchor FROM node_task WHERE id = :id;

-- name: node_task_put
-- in: id blob, type i64, priority i64, submitter blob, submitted_ms i64, payload_hash blob, anchor blob
INSERT INTO node_task (id, type, priority, submitter, submitted_ms, payload_hash, anchor)
VALUES (:id, :type, :priority, :submitter, :submitted_ms, :payload_hash, :anchor)
ON CONFLICT (id) DO UPDATE SET anchor = excluded.anchor;

-- name: node_task_drop
-- in: id blob
DELETE FROM node_task WHERE id = :id;

-- name: node_tasks
-- out: id blob, type i64, priority i64, submitter blob, submitted_ms i64, payload_hash blob, anchor blob
-- scan: the whole state is told, or counted
SELECT id, type, priority, submitter, submitted_ms, payload_hash, anchor FROM node_task ORDER BY id;

-- So many behind an id, by their ids.
-- name: node_balances_from
-- in: after blob, n i64
-- out: peer blob, amount i64
SELECT peer, amount FROM node_balance WHERE peer > :after ORDER BY peer LIMIT :n;

-- name: node_escrows_from
-- in: after blob, n i64
-- out: task blob, client blob, amount i64, locked bool, created_ms i64
SELECT task, client, amount, locked, created_ms FROM node_escrow WHERE task > :after ORDER BY task LIMIT :n;

-- name: node_pegins_from
-- in: after blob, n i64
-- out: id blob, btc_tx blob, vout i64, amount i64, source blob, dest blob, status i64, confirmations i64, initiated_s i64, completed_s i64
SELECT id, btc_tx, vout, amount, source, dest, status, confirmations, initiated_s, completed_s
FROM node_pegin WHERE id > :after ORDER BY id LIMIT :n;

-- name: node_pegouts_from
-- in: after blob, n i64
-- out: id blob, source blob, dest blob, burn i64, release i64, status i64, anchor blob, initiated_s i64, completed_s i64
SELECT id, source, dest, burn, release, status, anchor, initiated_s, completed_s
FROM node_pegout WHERE id > :after ORDER BY id LIMIT :n;

-- name: node_tasks_from
-- in: after blob, n i64
-- out: id blob, type i64, priority i64, submitter blob, submitted_ms i64, payload_hash blob, anchor blob
SELECT id, type, priority, submitter, submitted_ms, payload_hash, anchor
FROM node_task WHERE id > :after ORDER BY id LIMIT :n;

-- Another state comes in their place.
-- name: node_balances_clear
-- scan: all of them go
DELETE FROM node_balance;

-- name: node_escrows_clear
-- scan: all of them go
DELETE FROM node_escrow;

-- name: node_pegins_clear
-- scan: all of them go
DELETE FROM node_pegin;

-- name: node_pegouts_clear
-- scan: all of them go
DELETE FROM node_pegout;

-- name: node_tasks_clear
-- scan: all of them go
DELETE FROM node_task;

-- One more of a status, and one less.
-- name: node_status_add
-- in: list i64, status i64
INSERT INTO node_status (list, status, n) VALUES (:list, :status, 1)
ON CONFLICT (list, status) DO UPDATE SET n = node_status.n + 1;

-- name: node_status_take
-- in: list i64, status i64
UPDATE node_status SET n = n - 1 WHERE list = :list AND status = :status;

-- name: node_status_clear
-- in: list i64
DELETE FROM node_status WHERE list = :list;

-- name: node_statuses
-- in: list i64
-- out: status i64, n i64
SELECT status, n FROM node_status WHERE list = :list ORDER BY status;

-- name: node_change_add
-- in: no i64, at_ms i64, line blob
INSERT INTO node_change (no, at_ms, line) VALUES (:no, :at_ms, :line);

-- name: node_change_get
-- in: no i64
-- out: line blob
SELECT line FROM node_change WHERE no = :no;

-- name: node_changes
-- in: first i64, last i64
-- out: no i64, at_ms i64, line blob
SELECT no, at_ms, line FROM node_change WHERE no >= :first AND no <= :last ORDER BY no;

-- Of each branch that has the id, the newest first.
-- name: node_keys
-- in: name blob
-- out: change i64, hash b32?
SELECT change, hash FROM node_key WHERE name = :name ORDER BY change DESC;

-- name: node_key_add
-- in: name blob, change i64, hash b32
INSERT INTO node_key (name, change, hash) VALUES (:name, :change, :hash);

-- name: node_restore_add
-- in: no i64, after i64?
INSERT INTO node_restore (no, after) VALUES (:no, :after);

-- The newest restore up to a change.
-- name: node_restore_below
-- in: no i64
-- out: no i64, after i64?
SELECT no, after FROM node_restore WHERE no <= :no ORDER BY no DESC LIMIT 1;

-- What was told of the changes of one commit: row is the last of them.
-- name: node_event_get
-- in: row i64
-- out: why text
SELECT why FROM event WHERE operation = 0 AND row = :row AND what = 'node';

-- Behind which change it had these rows last; why ends with their hash.
-- name: node_event_of_rows
-- in: rows text
-- out: row i64
SELECT row FROM event WHERE operation = 0 AND what = 'node' AND why LIKE '%, rows ' || :rows
ORDER BY row DESC LIMIT 1;
