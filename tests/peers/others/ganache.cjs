// A chain for one test, which mines it itself, on a free port: Ganache's own program knows
// no port 0.
const { server } = require("ganache");

const node = server({
	logging: { quiet: true },
	wallet: {
		mnemonic: "test test test test test test test test test test test junk",
		totalAccounts: 20,
		defaultBalance: 10000,
	},
	chain: { chainId: Number(process.env.CHAIN_ID) },
	miner: { blockTime: 1000000 },
});
node.listen(0, "127.0.0.1").then(() => {
	console.log("Listening on http://127.0.0.1:" + node.address().port);
});
