-- who sent what is followed is a block's word, or a quorum's

-- Of what is in no block it may have been that of one node; nodes are asked for it anyhow.
UPDATE tracked SET sender = NULL, nonce = NULL WHERE ended_ms IS NULL AND height IS NULL AND intent IS NULL;
