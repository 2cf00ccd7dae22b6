// Writes ethers.def: what ethers (https://ethers.org) makes of the same input.
// node tests/vectors/ethers.mjs > tests/vectors/ethers.def, where ethers 6 can be imported.
import * as ethers from "ethers";

let seed = ethers.id("pawl");
const bytes = (n) => {
	let out = new Uint8Array(0);
	while (out.length < n) {
		seed = ethers.keccak256(seed);
		out = ethers.getBytes(ethers.concat([out, seed]));
	}
	return ethers.hexlify(out.slice(0, n));
};
const number = (n) => Number(BigInt(bytes(4)) % BigInt(n));
const row = (name, ...args) =>
	console.log(`${name}(${args.map((a) => (typeof a === "string" ? JSON.stringify(a) : a)).join(", ")})`);
const address = () => ethers.getAddress(bytes(20));

console.log(`/* Made by ethers.mjs with ethers ${ethers.version}. */`);
const names = ["KECCAK", "SIGN", "KEYSTORE", "ADDRESS", "RLP", "TRANSFER", "REVERT", "STRING"];
for (const name of names)
	console.log(`#ifndef ${name}\n#define ${name}(...)\n#endif`);

console.log("/* message, hash */");
for (const n of [0, 1, 7, 8, 9, 31, 32, 64, 134, 135, 136, 137, 271, 272, 273, 500]) {
	const message = n ? bytes(n) : "0x";
	row("KECCAK", message, ethers.keccak256(message));
}

console.log("/* key, hash, r, s, parity, address */");
for (let i = 0; i < 24; i++) {
	const key = i === 0 ? ethers.toBeHex(1, 32) : bytes(32), hash = bytes(32);
	const wallet = new ethers.Wallet(key), sig = wallet.signingKey.sign(hash);
	row("SIGN", key, hash, sig.r, sig.s, sig.yParity, wallet.address);
}

console.log("/* file, password, key */");
for (const [password, scrypt] of [["", { N: 1024, r: 8, p: 1 }], ["Pässwörd 🔑", { N: 2048, r: 1, p: 4 }]]) {
	const privateKey = bytes(32), account = { address: ethers.computeAddress(privateKey), privateKey };
	const json = await ethers.encryptKeystoreJson(account, password,
		{ scrypt, salt: bytes(32), iv: bytes(16), uuid: bytes(16) });
	row("KEYSTORE", json, password, privateKey);
}

console.log("/* address */");
for (let i = 0; i < 40; i++)
	row("ADDRESS", address());

const tree = (depth) => {
	if (depth === 0 || number(3) === 0) {
		const n = [0, 1, 1, 2, 20, 32, 55, 56, 57, 255, 256, 300][number(12)];
		return n ? bytes(n) : "0x";
	}
	return Array.from({ length: number(6) }, () => tree(depth - 1));
};
console.log("/* encoding */");
for (let i = 0; i < 70; i++) {
	const encoding = ethers.encodeRlp(tree(i % 5));
	if (encoding.length < 4000) // longer literals are no portable C
		row("RLP", encoding);
}

const erc20 = new ethers.Interface([
	"function transfer(address,uint256)", "function balanceOf(address)", "function symbol() returns (string)"]);
console.log("/* to, value, call data, call data of balanceOf(to) */");
for (let i = 0; i < 12; i++) {
	const to = address(), value = i === 0 ? ethers.MaxUint256 : BigInt(bytes(1 + number(32)));
	row("TRANSFER", to, ethers.toQuantity(value), erc20.encodeFunctionData("transfer", [to, value]),
		erc20.encodeFunctionData("balanceOf", [to]));
}

const errors = new ethers.Interface(["error Error(string)", "error Panic(uint256)"]);
console.log("/* data, text */");
for (const text of ["", "paused", "ERC20: transfer amount exceeds balance"])
	row("REVERT", errors.encodeErrorResult("Error", [text]), text);
for (const code of [0x01, 0x11, 0x12, 0x32])
	row("REVERT", errors.encodeErrorResult("Panic", [code]), `panic 0x${code.toString(16).padStart(2, "0")}`);

console.log("/* result, text */");
for (const text of ["", "USDC", "a symbol of exactly 31 bytes it"])
	row("STRING", erc20.encodeFunctionResult("symbol", [text]), text);
row("STRING", ethers.encodeBytes32String("MKR"), "MKR");

for (const name of names)
	console.log(`#undef ${name}`);
