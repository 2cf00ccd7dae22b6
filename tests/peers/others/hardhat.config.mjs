// A chain for one test, which mines it itself.
export default {
	networks: {
		node: {
			type: "edr-simulated",
			chainType: "l1",
			chainId: Number(process.env.CHAIN_ID),
			mining: { auto: false, interval: 0, mempool: { order: "fifo" } },
			accounts: {
				mnemonic: "test test test test test test test test test test test junk",
				count: 20,
			},
		},
	},
};
