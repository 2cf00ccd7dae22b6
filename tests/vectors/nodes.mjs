// Writes nodes.def: what real nodes answer. Each node runs with mining by hand and the
// accounts of the mnemonic "test test ... junk"; the key signs here, with ethers.
// node tests/vectors/nodes.mjs anvil=http://127.0.0.1:1 ganache=http://... > tests/vectors/nodes.def
// where ethers 6 and solc can be imported.
import * as ethers from "ethers";
import solc from "solc";

const source = `// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.0;
contract Token {
	string public symbol = "TOK";
	uint8 public decimals = 6;
	mapping(address => uint256) public balanceOf;
	event Transfer(address indexed from, address indexed to, uint256 value);
	constructor() { balanceOf[msg.sender] = 1e12; }
	function transfer(address to, uint256 value) external returns (bool) {
		require(to != address(0xdead), "not to the dead");
		balanceOf[msg.sender] -= value;
		balanceOf[to] += value;
		emit Transfer(msg.sender, to, value);
		return true;
	}
}`;
const compiled = JSON.parse(solc.compile(JSON.stringify({
	language: "Solidity",
	sources: { t: { content: source } },
	settings: { evmVersion: "london", optimizer: { enabled: true }, outputSelection: { "*": { "*": ["evm.bytecode.object"] } } },
})));
const bytecode = "0x" + compiled.contracts.t.Token.evm.bytecode.object;
const token = new ethers.Interface(["function transfer(address,uint256)", "function balanceOf(address)"]);
const key = (n) => new ethers.Wallet(ethers.HDNodeWallet.fromPhrase(
	"test test test test test test test test test test test junk", undefined, `m/44'/60'/0'/0/${n}`).privateKey);
const me = key(0), other = key(1), poor = new ethers.Wallet(ethers.id("poor"));
const gwei = 1000000000n;
const out = (...lines) => console.log(lines.join("\n"));
const q = JSON.stringify;

async function post(url, body) {
	const r = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: q(body) });
	return JSON.parse(await r.text());
}
const call = (url, method, ...params) => post(url, { jsonrpc: "2.0", id: 0, method, params });
const sign = (wallet, fields) => wallet.signTransaction({
	type: 2, chainId: 31337, gasLimit: 21000, to: "0x1111111111111111111111111111111111111111",
	value: 1, maxFeePerGas: 10n * gwei, maxPriorityFeePerGas: gwei, ...fields });

async function answers(name, url) {
	const said = (what, of, { error }, err, note) => {
		if (!error)
			return;
		delete error.stack;
		out(`ANSWER(${q(name)}, ${q(what)}, ${of}, ${q(q(error))}, ${err}, ${note})`);
	};
	const send = (raw) => call(url, "eth_sendRawTransaction", raw);
	const mine = () => call(url, "evm_mine");
	const state = { from: me.address, to: "0x1111111111111111111111111111111111111111" };

	await send(await sign(me, { nonce: 0 }));
	await mine();
	const first = await sign(me, { nonce: 1 });
	await send(first);
	said("the same bytes, pending", "OF_SEND", await send(first), ...(name === "ganache" ? ["NODE_BUSY", "UNDERPRICED"] : ["OK", "KNOWN"]));
	said("a wei more", "OF_SEND", await send(await sign(me, { nonce: 1, value: 2, maxPriorityFeePerGas: gwei + 1n })),
		"NODE_BUSY", name === "ganache" ? "UNDERPRICED" : "REPLACEMENT");
	await mine();
	said("the same bytes, mined", "OF_SEND", await send(first), "OK", "NONCE_LOW");
	said("other bytes, nonce used", "OF_SEND", await send(await sign(me, { nonce: 1, value: 3 })), "OK", "NONCE_LOW");
	said("no money", "OF_SEND", await send(await sign(poor, { nonce: 0 })), "NODE_BUSY", "FUNDS");
	said("another chain", "OF_SEND", await send(await sign(me, { nonce: 2, chainId: 5 })), "NODE_REFUSED", "CHAIN_ID");
	said("gas too low", "OF_SEND", await send(await sign(me, { nonce: 2, gasLimit: 20000 })), "NODE_REFUSED", "GAS");
	said("gas above the block", "OF_SEND", await send(await sign(me, { nonce: 2, gasLimit: 900000000n })), "NODE_REFUSED", "GAS");
	said("no method", "OF_READ", await call(url, "eth_nothing"), "NODE_REFUSED", "NO_METHOD");
	const receipts = await call(url, "eth_getBlockReceipts", "0x1");
	if (receipts.error)
		said("no block receipts", "OF_READ", receipts, "NODE_REFUSED", "NO_METHOD");
	said("count at an unknown hash", "OF_READ",
		await call(url, "eth_getTransactionCount", me.address, { blockHash: ethers.id("nothing") }),
		...(name === "ganache" ? ["NODE_REFUSED", "NO_HASH_PARAM"] : ["NODE_BUSY", "OTHER"]));
	said("count above the head", "OF_READ", await call(url, "eth_getTransactionCount", me.address, "0xffffff"), "NODE_BUSY", "OTHER");
	const created = ethers.getCreateAddress({ from: other.address, nonce: 0 });
	await send(await sign(other, { nonce: 0, to: null, value: 0, gasLimit: 1500000, data: bytecode }));
	await mine();
	said("estimate that reverts", "OF_CALL", await call(url, "eth_estimateGas",
		{ from: other.address, to: created, data: token.encodeFunctionData("transfer", ["0x000000000000000000000000000000000000dEaD", 1]) }),
		"NODE_REFUSED", "REVERTED");
	said("estimate without money", "OF_CALL", await call(url, "eth_estimateGas", { ...state, from: poor.address, value: "0x1" }), "NODE_BUSY", "FUNDS");
	said("call that reverts", "OF_CALL", await call(url, "eth_call", { to: created, data: "0x12345678" }, "latest"), "NODE_REFUSED", "REVERTED");
	return created;
}

// What the readers read: the last block holds two payments of ours, one of a token, one
// that reverts, and one of somebody else.
async function blocks(url, tok) {
	const transfer = (to, n) => ({ to: tok, value: 0, gasLimit: 100000, data: token.encodeFunctionData("transfer", [to, n]) });
	const send = async (wallet, fields) => call(url, "eth_sendRawTransaction", await sign(wallet, fields));
	await send(other, { nonce: 1, ...transfer(me.address, 5000000) });
	await call(url, "evm_mine");
	await send(me, { nonce: 2, value: 7 });
	await send(me, { nonce: 3, ...transfer("0x2222222222222222222222222222222222222222", 1500000) });
	await send(other, { nonce: 2, value: 9 });
	await send(me, { nonce: 4, ...transfer("0x000000000000000000000000000000000000dEaD", 1) });
	await call(url, "evm_mine");
	const head = await call(url, "eth_getBlockByNumber", "latest", false);
	const { hash, number } = head.result, at = { blockHash: hash };
	const batch = async (name, ...calls) => {
		const body = calls.map(([method, ...params], id) => ({ jsonrpc: "2.0", id, method, params }));
		out(`REPLY(${name}, ${q(q(await post(url, body)))})`);
	};
	const balance = [{ to: tok.toLowerCase(), data: token.encodeFunctionData("balanceOf", [me.address]) }, at];
	const accounts = [["eth_getTransactionCount", me.address, at], ["eth_getBalance", me.address, at],
		["eth_call", ...balance], ["eth_getBlockByNumber", "finalized", false]];
	const mine = (await call(url, "eth_getBlockByHash", hash, true)).result.transactions
		.filter((t) => t.from === me.address.toLowerCase()).map((t) => t.hash);
	out(`HEAD(${q(hash)}, ${number})`, `ACCOUNT(${q(me.address.toLowerCase())}, ${q(tok.toLowerCase())})`);
	for (const h of mine)
		out(`MINE(${q(h)})`);
	out(`REPLY(poll, ${q(q(head))})`);
	await batch("receipts", ["eth_getBlockReceipts", hash], ...accounts);
	await batch("whole", ["eth_getBlockByHash", hash, true], ...accounts);
	await batch("own_receipts", ...mine.map((h) => ["eth_getTransactionReceipt", h]));
	await batch("own_transactions", ...mine.map((h) => ["eth_getTransactionByHash", h]));
	await batch("identity", ["eth_chainId"], ["eth_getBlockByNumber", "0x0", false]);
	out(`REPLY(client, ${q(q(await call(url, "web3_clientVersion")))})`);
	await batch("market", ["eth_feeHistory", "0xa", "latest", [50]], ["eth_maxPriorityFeePerGas"]);
	await batch("token", ["eth_call", { to: tok, data: "0x313ce567" }, "latest"], ["eth_call", { to: tok, data: "0x95d89b41" }, "latest"],
		["eth_call", { to: tok, data: token.encodeFunctionData("balanceOf", [me.address]) }, "latest"], ["eth_getCode", tok, "latest"]);
}

out(`/* Recorded by nodes.mjs from the nodes themselves.`,
	` * ANSWER(node, what was done, asked, error object, ERR, NOTE) */`);
for (const name of ["ANSWER", "REPLY", "HEAD", "ACCOUNT", "MINE", "CLIENT"])
	out(`#ifndef ${name}\n#define ${name}(...)\n#endif`);
for (const arg of process.argv.slice(2)) {
	const [name, url] = arg.split(/=(.*)/);
	out(`CLIENT(${q(name)}, ${q((await call(url, "web3_clientVersion")).result)})`);
	const tok = await answers(name, url);
	if (name === "anvil")
		await blocks(url, tok);
}
for (const name of ["ANSWER", "REPLY", "HEAD", "ACCOUNT", "MINE", "CLIENT"])
	out(`#undef ${name}`);
