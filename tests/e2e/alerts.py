"""What the alert rules say of a daemon's metrics, and what its health says of the same."""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile

from harness import check, same

RULES = pathlib.Path(__file__).resolve().parents[2] / "ops/prometheus/pawl.rules.yml"

# Which alerts fire is a matter of metrics; these are the words of health for the same, where
# they are always these.
SAID = {
    "PawlDiskFull": "the disk is full",
    "PawlDiskLow": "less than 10 % of its file system is free",
    "PawlNeedsOperator": "needs an operator",
    "PawlOperationStuck": "tell.stuck_after",
    "PawlDistributionStill": "no row of it has moved for half an hour",
    "PawlBalanceLow": "less coin than the next hour takes",
    "PawlChainStopped": "final block vanished",
    "PawlChainWaits": "^chain .*: |^a final block of chain .* vanished",
    "PawlHeadOld": "has not moved for five minutes",
    "PawlAccountStopped": "pawl resume key:",
    "PawlBreakerOpen": "an endpoint is not well",
    "PawlEndpointLeftOut": "an endpoint is not well",
    "PawlDeliveriesFailing": "has not been reached for ten minutes",
    "PawlSubscriberSuspended": "nothing is sent to a subscriber any more",
    "PawlNodeBackupOld": "older than twice node.backup.every",
    "PawlNodeBackupFailed": "",
    "PawlNodeTrouble": "",
    "PawlNodeDiverged": "more than node.max_divergence blocks behind Bitcoin",
    "PawlNodeAnchorWithoutBlock": "the anchor of the newest snapshot",
    "PawlNodeFilesLarge": "is larger than",
}
# A process that is not there, and a rate: health knows of neither.
ALONE = {"PawlAbsent", "PawlJournalDamaged", "PawlEndpointErrors"}
# An alert, and no reason to be called ill.
GROWS = {"PawlNodeDiverged", "PawlNodeAnchorWithoutBlock", "PawlNodeFilesLarge"}


def names():
    return re.findall(r"- alert: (\w+)", RULES.read_text())


def firing(metrics):
    """The names of the alerts, when a scrape stays as it is for an hour."""
    promtool = shutil.which("promtool")
    check(promtool, "promtool, of the Debian package prometheus, is missing")
    series = [{"series": 'up{job="pawl"}', "values": "1x60"}]
    for line in metrics.splitlines():
        name, _, value = line.rpartition(" ")
        if line[:1] != "#" and "_bucket{" not in name:
            series.append({"series": name, "values": f"{value}x60"})
    asked = [{"eval_time": "1h", "alertname": name, "exp_alerts": []} for name in names()]
    test = {"interval": "1m", "input_series": series, "alert_rule_test": asked}
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        json.dump({"rule_files": [str(RULES)], "tests": [test]}, file)
        file.flush()
        judged = subprocess.run([promtool, "test", "rules", file.name], capture_output=True,
                                text=True, check=False)
    found = set(re.findall(r"alertname: ?(\w+)", judged.stdout + judged.stderr))
    same(judged.returncode == 0, not found, judged.stdout + judged.stderr)
    return found


def agree(metrics, health):
    """One story: each alert that fires is said, and each that is said fires. What fires."""
    same(set(names()), set(SAID) | ALONE, "alerts, and what health says of them")
    found, told = firing(metrics), json.loads(health)
    said = [alert["why"] for alert in told["alerts"]]
    for name, words in SAID.items():
        if words:
            same(any(re.search(words, why) for why in said), name in found, f"{name}: {said}")
    check(told["status"] != "healthy" or found <= GROWS, f"healthy, and {found}")
    return found
