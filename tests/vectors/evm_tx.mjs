// Writes evm_tx.def: transactions as ethers (https://ethers.org) signs them.
// node tests/vectors/evm_tx.mjs > tests/vectors/evm_tx.def, where ethers 6 can be imported.
import * as ethers from "ethers";

let seed = ethers.id("pawl transactions");
const bytes = (n) => {
	let out = "0x";
	while (ethers.dataLength(out) < n)
		out = ethers.concat([out, (seed = ethers.keccak256(seed))]);
	return ethers.dataSlice(out, 0, n);
};
const number = (n) => BigInt(bytes(8)) % n;
const u64 = (v) => `${v}ULL`;
const q = JSON.stringify;

console.log(`/* Made by evm_tx.mjs with ethers ${ethers.version}.
 * TX(type, chain id, nonce, gas, max fee, tip, to, value, data, key, from, raw, hash) */`);
for (let i = 0; i < 24; i++) {
	const wallet = new ethers.Wallet(bytes(32));
	const type = i % 2 ? 2 : 0;
	const big = 1n << BigInt(8 * (1 + (i % 8)));
	const maxFeePerGas = number(big), tip = type ? number(maxFeePerGas + 1n) : 0n;
	const tx = {
		type, chainId: [1n, 31337n, 137n, (1n << 40n) + 7n][i % 4], nonce: i < 2 ? 0n : number(big) & ((1n << 52n) - 1n),
		gasLimit: 21000n + number(big), to: ethers.getAddress(bytes(20)),
		value: i % 5 ? BigInt(bytes(1 + (i * 7) % 31)) : 0n, data: i % 3 ? "0x" : bytes([68, 4, 1, 55][i / 3 % 4]),
		...(type ? { maxFeePerGas, maxPriorityFeePerGas: tip } : { gasPrice: maxFeePerGas }),
	};
	const raw = await wallet.signTransaction(tx);
	console.log(`TX(${type}, ${u64(tx.chainId)}, ${u64(tx.nonce)}, ${u64(tx.gasLimit)}, ${u64(maxFeePerGas)}, ${u64(tip)}, ` +
		[tx.to.toLowerCase(), ethers.toQuantity(tx.value), tx.data, wallet.privateKey, wallet.address.toLowerCase(), raw,
			ethers.keccak256(raw)].map(q).join(", ") + ")");
}
console.log("#undef TX");
