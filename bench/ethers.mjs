// The same list with ethers.js: a local nonce counter, no journal.
//
// usage: node ethers.mjs URL LIST ROWS send|raw     key from PAYER_KEY
//
// send: sendTransaction with all fields given, 64 in flight. raw: signTransaction, and
// the bytes in JSON-RPC batches of 100, 4 at a time. Both end when the last nonce is
// mined. Prints {"rows","ms"}.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const { JsonRpcProvider, Wallet, parseEther, parseUnits } =
	createRequire(path.resolve(process.env.PEERS, "x.js"))("ethers");
const [url, list, rows, way] = process.argv.slice(2);
const provider = new JsonRpcProvider(url, 31337, { staticNetwork: true, batchMaxCount: 1 });
const wallet = new Wallet(process.env.PAYER_KEY, provider);
const payments = fs.readFileSync(list, "utf8").trim().split("\n").slice(1, 1 + Number(rows))
	.map((line, nonce) => {
		const [to, amount] = line.split(",");
		return { to, value: parseEther(amount), nonce, type: 2, chainId: 31337,
			gasLimit: 21000n, maxFeePerGas: parseUnits("500", "gwei"),
			maxPriorityFeePerGas: parseUnits("1", "gwei") };
	});

async function lanes(n, work) {
	let next = 0;
	await Promise.all(Array.from({ length: n }, async () => {
		while (next < work.length)
			await work[next++]();
	}));
}

async function post(batch) {
	const answer = await fetch(url, { method: "POST", body: JSON.stringify(batch),
		headers: { "content-type": "application/json" } });
	for (const one of await answer.json())
		if (one.error)
			throw new Error(one.error.message);
}

async function raw() {
	const batches = [];
	for (let at = 0; at < payments.length; at += 100)
		batches.push(async () => post(await Promise.all(payments.slice(at, at + 100)
			.map(async (p) => ({ jsonrpc: "2.0", id: p.nonce, method: "eth_sendRawTransaction",
				params: [await wallet.signTransaction(p)] })))));
	await lanes(4, batches);
}

const began = performance.now();
await (way === "raw" ? raw() : lanes(64, payments.map((p) => () => wallet.sendTransaction(p))));
while ((await provider.getTransactionCount(wallet.address, "latest")) < payments.length)
	await new Promise((done) => setTimeout(done, 20));
console.log(JSON.stringify({ rows: payments.length, ms: Math.round(performance.now() - began) }));
process.exit(0);
