-- Chains, their trail of blocks.

-- name: chain_by_identity
-- in: chain_id i64, genesis b32
-- out: id i64, final_height i64?, stopped text?, nodes text?, unshown bool
SELECT id, final_height, stopped, nodes, unshown FROM chain WHERE chain_id = :chain_id AND genesis = :genesis;

-- Of this id, with whatever genesis.
-- name: chain_of_id
-- in: chain_id i64
-- out: id i64
SELECT id FROM chain WHERE chain_id = :chain_id ORDER BY id;

-- name: chain_add
-- in: kind text, chain_id i64, genesis b32, name text
-- out: id i64
INSERT INTO chain (kind, chain_id, genesis, name) VALUES (:kind, :chain_id, :genesis, :name) RETURNING id;

-- name: chain_named
-- in: id i64, name text
UPDATE chain SET name = :name WHERE id = :id;

-- name: chain_nodes
-- in: id i64, nodes text?
UPDATE chain SET nodes = :nodes WHERE id = :id;

-- name: chain_get
-- in: id i64
-- out: kind text, chain_id i64, genesis b32, name text, final_height i64?, stopped text?, nodes text?, unshown bool, shown_ms i64?
SELECT kind, chain_id, genesis, name, final_height, stopped, nodes, unshown, shown_ms FROM chain WHERE id = :id;

-- name: chain_final
-- in: id i64, final_height i64
UPDATE chain SET final_height = :final_height WHERE id = :id;

-- name: chain_stop
-- in: id i64, stopped text?
UPDATE chain SET stopped = :stopped WHERE id = :id;

-- name: chain_unshown
-- in: id i64, unshown bool
UPDATE chain SET unshown = :unshown WHERE id = :id;

-- name: chain_shown
-- in: id i64, shown_ms i64
UPDATE chain SET shown_ms = :shown_ms WHERE id = :id;

-- name: block_add
-- in: chain i64, height i64, hash b32, parent b32, base_fee i64, used bool
INSERT INTO block (chain, height, hash, parent, base_fee, used)
VALUES (:chain, :height, :hash, :parent, :base_fee, :used);

-- name: block_from
-- in: chain i64, height i64
-- out: height i64, hash b32, parent b32, base_fee i64, used bool
SELECT height, hash, parent, base_fee, used FROM block WHERE chain = :chain AND height >= :height ORDER BY height;

-- name: block_top
-- in: chain i64
-- out: height i64
SELECT height FROM block WHERE chain = :chain ORDER BY height DESC LIMIT 1;

-- name: block_drop_above
-- in: chain i64, height i64
DELETE FROM block WHERE chain = :chain AND height > :height;

-- name: block_drop_below
-- in: chain i64, height i64
DELETE FROM block WHERE chain = :chain AND height < :height;

-- name: endpoint_off_list
-- in: chain_id i64
-- out: name text, who text, since_ms i64
SELECT name, who, since_ms FROM endpoint_off WHERE chain_id = :chain_id ORDER BY name;

-- name: endpoint_off_add
-- in: chain_id i64, name text, who text, since_ms i64
INSERT INTO endpoint_off (chain_id, name, who, since_ms) VALUES (:chain_id, :name, :who, :since_ms);

-- name: endpoint_off_drop
-- in: chain_id i64, name text
DELETE FROM endpoint_off WHERE chain_id = :chain_id AND name = :name;

-- name: fee_hour_get
-- in: chain_id i64, hour i64
-- out: low i64, mean i64, high i64, samples i64
SELECT low, mean, high, samples FROM fee_hour WHERE chain_id = :chain_id AND hour = :hour;

-- name: fee_hour_put
-- in: chain_id i64, hour i64, low i64, mean i64, high i64, samples i64
INSERT INTO fee_hour (chain_id, hour, low, mean, high, samples)
VALUES (:chain_id, :hour, :low, :mean, :high, :samples)
ON CONFLICT (chain_id, hour) DO UPDATE
SET low = excluded.low, mean = excluded.mean, high = excluded.high, samples = excluded.samples;

-- name: fee_hour_list
-- in: chain_id i64, first i64
-- out: hour i64, low i64, mean i64, high i64
SELECT hour, low, mean, high FROM fee_hour WHERE chain_id = :chain_id AND hour >= :first ORDER BY hour;

-- name: fee_hour_drop
-- in: chain_id i64, before i64
DELETE FROM fee_hour WHERE chain_id = :chain_id AND hour < :before;
