#include "chain/bitcoin/bitcoin.h"

/* Known by the four bytes that begin each message of its network, in their order; what a
 * node serves is told by its first block (header.c). */
static const struct chain_name names[] = {
	{ "mainnet", 0xf9beb4d9 },
	{ "testnet3", 0x0b110907 },
	{ "testnet4", 0x1c163f28 },
	{ "signet", 0x0a03cf40 },
	{ "regtest", 0xfabfb5da },
	{ NULL, 0 },
};

const struct connector connector_bitcoin = {
	.name = "bitcoin",
	.decimals = 8,
	.names = names,
	.identity = bitcoin_identity,
	.identity_read = bitcoin_identity_read,
	.client = bitcoin_client,
	.client_read = bitcoin_client_read,
	.poll = bitcoin_poll,
	.header = bitcoin_header,
	.headers_at = bitcoin_headers_at,
	.hashes_read = bitcoin_hashes_read,
	.headers = bitcoin_headers,
	.headers_read = bitcoin_headers_read,
	.block = bitcoin_block,
	.block_read = bitcoin_block_read,
};
