// A Bot API server of others, for one test, on a free port. It knows no limits, no errors and
// no long polling: what it takes and how it tells it is what counts.
const { createServer } = require("net");
const TelegramServer = require("telegram-test-api");

const probe = createServer().listen(0, "127.0.0.1", () => {
	const { port } = probe.address();
	probe.close(async () => {
		await new TelegramServer({ host: "127.0.0.1", port, storage: "RAM" }).start();
		console.log("Listening on http://127.0.0.1:" + port);
	});
});
