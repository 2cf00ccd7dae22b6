// bcoin in regtest, with the face of bitcoind where it has another: a cookie is written at each
// start. Words: FOLDER of the data, and PORT (0: a free one). It says where it listens, and ends
// with its parent. The first line has addresses to mine to: blocks of two are never the same.
"use strict";

process.env.NODE_BACKEND = "js";
const bcoin = require("bcoin");
const crypto = require("node:crypto");
const fs = require("node:fs");
const net = require("node:net");
const path = require("node:path");

bcoin.set("regtest");

async function freePort() {
	const server = net.createServer();
	await new Promise((done) => server.listen(0, "127.0.0.1", done));
	const { port } = server.address();
	await new Promise((done) => server.close(done));
	return port;
}

function addressOf(n) {
	const hash = crypto.createHash("sha256").update(`miner ${n}`).digest();
	return bcoin.Address.fromHash(hash.subarray(0, 20)).toString("regtest");
}

async function main() {
	const [folder, word] = process.argv.slice(2);
	const port = Number(word) || (await freePort());
	const key = crypto.randomBytes(32).toString("hex");
	const node = new bcoin.FullNode({
		network: "regtest", memory: false, prefix: folder, listen: false, workers: false,
		logLevel: "none", httpHost: "127.0.0.1", httpPort: port, apiKey: key,
	});
	fs.mkdirSync(folder, { recursive: true });
	fs.writeFileSync(path.join(folder, ".cookie"), `__cookie__:${key}`, { mode: 0o600 });
	await node.ensure();
	await node.open();
	await node.connect(); // to nobody; what is not connected takes no block back
	console.log(JSON.stringify([...Array(8).keys()].map(addressOf)));
	console.log(`bcoin on http://127.0.0.1:${port}`);
}

main().catch((error) => {
	console.error(error);
	process.exit(1);
});
