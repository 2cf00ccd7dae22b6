// Writes contracts.json from the sources beside it. Needs npm's solc in node's way:
//   cd FOLDER && npm install solc@0.8 && cp .../compile.mjs . && node compile.mjs .../tokens
import fs from "node:fs";
import path from "node:path";
import solc from "solc";

const folder = process.argv[2];
const sources = {};
for (const file of fs.readdirSync(folder).filter((f) => f.endsWith(".sol")).sort())
	sources[file] = { content: fs.readFileSync(path.join(folder, file), "utf8") };

const settings = {
	evmVersion: "paris",
	optimizer: { enabled: true, runs: 200 },
	metadata: { bytecodeHash: "none", appendCBOR: false },
	outputSelection: { "*": { "*": ["evm.bytecode.object", "evm.methodIdentifiers"] } },
};
const out = JSON.parse(
	solc.compile(JSON.stringify({ language: "Solidity", sources, settings })));
for (const error of out.errors ?? []) {
	console.error(error.formattedMessage);
	if (error.severity === "error")
		process.exit(1);
}

const contracts = {};
for (const file of Object.keys(out.contracts).sort()) {
	for (const [name, made] of Object.entries(out.contracts[file])) {
		if (!made.evm.bytecode.object)
			continue;
		const functions = {};
		for (const [signature, selector] of Object.entries(made.evm.methodIdentifiers))
			functions[signature.split("(")[0]] = selector;
		contracts[name] = { source: file, functions, bytecode: made.evm.bytecode.object };
	}
}
const made = `compile.mjs, solc ${solc.version()}, optimizer 200 runs, evm paris, no metadata`;
fs.writeFileSync(path.join(folder, "contracts.json"),
	JSON.stringify({ made, contracts }, null, 1) + "\n");
