"""Scripts for k6, with a file of targets each.

Put here the script. Keep out which requests are in it (`workloads.exporters.targets`).
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from workloads.exporters.targets import targets
from workloads.recordings.recording import Recording, peak_rate

_MIN_USERS = 10
_MAX_USERS = 2000
# A virtual user sends one request at a time: there are enough for the busiest second if answers take so long.
_ANSWER_S = 2.0

_SCRIPT = """\
// %(name)s: %(requests)d recorded requests in %(seconds).1f s, each sent when it is due. k6 run %(script)s
import http from 'k6/http';
import { sleep } from 'k6';
import exec from 'k6/execution';
import { SharedArray } from 'k6/data';

const targets = new SharedArray('targets', () => JSON.parse(open('./%(targets)s')));

export const options = {
  scenarios: {
    recorded: {
      executor: 'shared-iterations',
      vus: %(users)d,
      iterations: %(requests)d,
      maxDuration: '%(max_s)ds',
    },
  },
};

export default function () {
  // Iterations are handed out in order: a user that is free takes the next one due.
  const target = targets[exec.scenario.iterationInTest];
  const wait = exec.scenario.startTime + target.at_ms - Date.now();
  if (wait > 0) {
    sleep(wait / 1000);
  }
  const headers = target.body === null ? {} : { 'Content-Type': 'application/json' };
  http.request(target.method, target.url, target.body, { headers, tags: { name: target.method } });
}
"""


@dataclass(frozen=True)
class K6Exporter:
    """Writes a script and a list of targets with their due times."""

    name: str
    description: str

    def write(self, recording: Recording, base_url: str, folder: Path, *, speed: float, seed: int) -> list[Path]:
        """See `Exporter.write`."""
        path = folder / f"{recording.name}.k6.json"
        with path.open("w", encoding="utf-8") as file:
            file.write("[\n")
            for number, target in enumerate(targets(recording, base_url, speed=speed, seed=seed)):
                file.write(",\n" if number else "")
                file.write(json.dumps(vars(target), separators=(",", ":")))
            file.write("\n]\n")
        script = folder / f"{recording.name}.k6.js"
        seconds = recording.duration_s / speed
        busiest = math.ceil(peak_rate(recording.arrival_us, 1.0 * speed) * speed * _ANSWER_S)
        filled = _SCRIPT % {
            "name": recording.name,
            "script": script.name,
            "targets": path.name,
            "requests": recording.requests,
            "seconds": seconds,
            "users": min(recording.requests, max(_MIN_USERS, min(busiest, _MAX_USERS))),
            "max_s": math.ceil(seconds) + 120,
        }
        script.write_text(filled, encoding="utf-8")
        return [path, script]


EXPORTER = K6Exporter(
    name="k6",
    description="a script and its targets, each sent when it is due: k6 run FILE",
)
